"""How plain are the short answers? Advice for `make check`: `python -m tests.readability`.

The school grade of the automated readability index (Smith and Senter 1967), computed by textstat: long words
and long sentences raise it. Above 10 an answer is worth rewriting, unless that would harm it. Of textstat's
grades it is one that needs no dictionary of syllables, which textstat would fetch from the network.
"""

import re
from pathlib import Path

import textstat

from reluguide.evidence.guide import Guide
from reluguide.publish import pages, site

WORTH_REWRITING = 10.0


def grade(answer: str) -> float:
    """The school grade of a short answer; facts count as the short numbers that they become."""
    return float(
        textstat.automated_readability_index(site.plain_words(re.sub(r"\{\{.*?\}\}", "58 %", answer)))
    )


def main() -> None:
    the_guide = Guide(Path(__file__).resolve().parents[1])
    print("school grade of the short answers (advice; above 10: rewrite unless it harms)")
    for page in pages.question_pages(the_guide):
        if page.short_answer:
            found = grade(page.short_answer[1])
            print(f"  {found:5.1f}{' !' if found > WORTH_REWRITING else '  '} {page.name}")


if __name__ == "__main__":
    main()
