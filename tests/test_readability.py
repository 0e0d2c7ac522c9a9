"""The grade of plain words, against values worked out by hand."""

import pytest

from tests.readability import automated_readability_index as index
from tests.readability import grade


@pytest.mark.parametrize(
    ("text", "strokes", "words", "sentences"),
    [
        ("The cat sat on the mat.", 18, 6, 1),
        ("Run! Why? Go.", 11, 3, 3),
        ("A slope of 0.5 is one word of three.", 28, 9, 1),
        ("It said (as ever!) no", 17, 5, 2),
        ("no full stop", 10, 3, 1),
    ],
)
def test_the_index_is_what_its_formula_says(text: str, strokes: int, words: int, sentences: int) -> None:
    assert index(text) == pytest.approx(4.71 * strokes / words + 0.5 * words / sentences - 21.43)


def test_long_words_and_long_sentences_are_harder() -> None:
    assert index("We use it. It is good.") < index("We use it, as it is good.")
    assert index("We use it. It is good.") < index("We utilise it. It is excellent.")


def test_a_fact_counts_as_the_number_it_becomes() -> None:
    assert grade("It is {{ a_page.quite_a_long_name }} here.") == grade("It is 58 % here.")


def test_nothing_has_no_grade() -> None:
    with pytest.raises(ValueError, match="no word in ' '"):
        index(" ")
