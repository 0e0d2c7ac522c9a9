"""How plain are the short answers? Advice for `make check`: `python -m tests.readability`.

The school grade of the automated readability index: long words and long sentences raise it. Above 10 an
answer is worth rewriting, unless that would harm it. Unlike other grades it needs no dictionary of syllables.
"""

import re
from pathlib import Path

from reluguide.evidence.guide import Guide
from reluguide.publish import pages, site

WORTH_REWRITING = 10.0


def grade(answer: str) -> float:
    """The school grade of a short answer; facts count as the short numbers that they become."""
    return automated_readability_index(site.plain_words(re.sub(r"\{\{.*?\}\}", "58 %", answer)))


def automated_readability_index(text: str) -> float:
    """Smith and Senter 1967, Automated Readability Index, AMRL-TR-66-220: the grade that it asks of a reader.

    A sentence ends with `.`, `!` or `?` before a space or the end, so that 0.5 is one word; every character
    of a word counts, as the strokes of the report's typewriter did. A text without a word raises ValueError.
    """
    words = text.split()
    if not words:
        raise ValueError(f"there is no word in {text!r}, so it has no grade")
    ends = sum(bool(re.search(r"[.!?]\W*$", word)) for word in words[:-1]) + 1
    return 4.71 * sum(map(len, words)) / len(words) + 0.5 * len(words) / ends - 21.43


def main() -> None:
    the_guide = Guide(Path(__file__).resolve().parents[1])
    print("school grade of the short answers (advice; above 10: rewrite unless it harms)")
    for page in pages.question_pages(the_guide):
        if page.short_answer:
            found = grade(page.short_answer[1])
            print(f"  {found:5.1f}{' !' if found > WORTH_REWRITING else '  '} {page.name}")


if __name__ == "__main__":
    main()
