"""Claims on pages: read with their lines, and malformed ones are named."""

import pytest

from reluguide.evidence import claims

PAGE = """\
# Heads?

/// claim | C13: right if

> So a ReLU layer
> is lossy.
> — [safe]

It depends: {{ m.f[1] }}.
See [@b1713].
///

/// claim | C45b: wrong, by inspection

> It is not.
> — A tavern

Nobody says so.
///
"""


def read(text: str) -> list[claims.Claim]:
    return claims.read(enumerate(text.splitlines(), 1))


def test_a_claim_is_read_with_its_lines() -> None:
    one, other = read(PAGE)
    assert (one.id, one.verdict, one.inspected, one.line, one.end) == ("C13", "right if", False, 3, 11)
    assert (one.said, one.where) == ("So a ReLU layer is lossy.", "[safe]")
    assert one.because == "It depends: {{ m.f[1] }}. See [@b1713]."
    assert (9, "It depends: {{ m.f[1] }}.") in one.reason
    assert (other.id, other.verdict, other.inspected, other.where) == ("C45b", "wrong", True, "A tavern")


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("C13: right if", "C13: maybe", 3, "the verdict 'maybe' is none of right, right if, wrong, unproven"),
        ("C13: right if", "C13", 3, "needs its id and our verdict"),
        ("/// claim | C13: right if", "/// claim", 3, "needs its id and our verdict"),
        ("> — [safe]", "> [safe]", 3, "on the last quoted line, where"),
        ("It depends: {{ m.f[1] }}.\nSee [@b1713].\n", "", 3, "gives no reason"),
        ("Nobody says so.\n///", "Nobody says so.", 13, "never closed"),
    ],
)
def test_a_malformed_claim_names_its_line(old: str, new: str, line: int, told: str) -> None:
    with pytest.raises(claims.ClaimError, match=told) as caught:
        read(PAGE.replace(old, new))
    assert caught.value.line == line


def test_threads_have_short_names() -> None:
    assert claims.named("[safe]", {"safe": "Why is it safe?"}) == "Why is it safe?"
    assert claims.named("A tavern", {}) == "A tavern"
    with pytest.raises(KeyError, match=r"no thread of snippets/threads\.md; it has safe"):
        claims.named("[save]", {"safe": "x"})


def test_ids_sort_by_their_number() -> None:
    assert sorted(["C46", "C9", "C45b", "C45"], key=claims.order) == ["C9", "C45", "C45b", "C46"]
