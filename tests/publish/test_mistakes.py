"""Every mistake stops the build or the tests, and the message names the place and the command to rerun."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reluguide.evidence import guide as evidence_guide
from reluguide.evidence import runner, store
from reluguide.publish import guards, pages, site
from tests.publish.conftest import Guide

COIN, DICE = "docs/questions/coin.md", "docs/questions/dice.md"
Change = Callable[[Guide], None]


def change(file: str, old: str, new: str) -> Change:
    return lambda guide: guide.change(file, old, new)


def add(file: str, text: str) -> Change:
    def do(guide: Guide) -> None:
        path = guide.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + text)

    return do


def encode(file: str, encoding: str) -> Change:
    """Save a file again in another encoding, as an editor may."""

    def do(guide: Guide) -> None:
        path = guide.root / file
        path.write_bytes(f"{path.read_text(encoding='utf-8')}\nGrößer\n".encode(encoding))

    return do


# what is done to the guide; what the message must contain, the place first
BUILD: dict[str, tuple[Change, str, str]] = {
    "a section that is not there": (
        change(COIN, "coin.py:throw", "coin.py:toss"), f"{COIN}:25: ", "no section 'toss'; it has throw",
    ),
    "a line of code that the page would cut": (
        change("snippets/coin/flip.py", '"sides:"', '"the number of sides that a coin of the usual kind has, as a rule:"'),
        "snippets/coin/flip.py:2: ", "is cut on the page",
    ),
    "an included file that is not there": (
        change(COIN, "snippets/coin/flip.py", "snippets/coin/flop.py"), f"{COIN}:14: ", "does not exist",
    ),
    "a fact that is not there": (
        change(DICE, "{{ dice.mean }}", "{{ dice.meen }}"), f"{DICE}:9: ", "did you mean mean?",
    ),
    "an expression that is not closed": (
        change(DICE, "{{ dice.mean }}", "{{ dice.mean }"), f"{DICE}:9: ", "not closed",
    ),
    "a coordinate that is not there": (
        change(COIN, "About half of the time: {{ coin.heads[50] }}", "About half of the time: {{ coin.heads[500] }}"),
        f"{COIN}:5: ", "coin.heads has no throws '500'; did you mean 50? It has 10, 50.",
    ),
    "a coordinate that is not given": (
        change(COIN, "About half of the time: {{ coin.heads[50] }}", "About half of the time: {{ coin.heads }}"),
        f"{COIN}:5: ", "throws is not given: write coin.heads[throws], where throws is 10, 50.",
    ),
    "a dimension that is not there": (
        change(COIN, "About half of the time: {{ coin.heads[50] }}", "About half of the time: {{ coin.heads[throw=50] }}"),
        f"{COIN}:5: ", "coin.heads has no dimension 'throw'; it has throws.",
    ),
    "a setting that is not there": (
        change(DICE, "dice.rolls.sides", "dice.rolls.sights"), f"{DICE}:9: ", "did you mean sides?",
    ),
    "a measurement typed into a claim": (
        change(COIN, "It showed heads {{ coin.heads[50] }} of", "It showed heads 49.3 % of"),
        f"{COIN}:35: ", "'49.3' is typed by hand",
    ),
    "a measurement typed into what is said": (
        change(COIN, "> A coin is fair.", "> A coin is fair in 50 % of taverns."),
        f"{COIN}:32: ", "'50 %' is typed by hand",
    ),
    "a number between backticks": (
        add(DICE, "\nWith `400` rolls.\n"), f"{DICE}:19: ", "backticks are for code",
    ),
    "a claim without a verdict": (
        change(COIN, "T1: right", "T1"), f"{COIN}:30: ", "needs its id and our verdict",
    ),
    "a claim that says nothing of its check": (
        change("tinyguide/findings/coin.py", '@check("T1")', '@check("T2")'),
        f"{COIN}:30: ", "has no check of claim T1",
    ),
    "a claim judged twice": (
        add(DICE, "\n/// claim | T1: wrong, by inspection\n\n> Said.\n> — [tavern]\n\nNo.\n///\n"),
        f"{DICE}:19: ", f"claim T1 is already judged on {COIN}:30",
    ),
    "a thread that is not there": (
        change(COIN, "> — [tavern]", "> — [cavern]"), f"{COIN}:30: ", "it has tavern",
    ),
    "a claim whose evidence changed": (
        change("tinyguide/findings/coin.py", '"share of heads", share, 0.4', '"share of heads", share, 0.9'),
        f"{COIN}:30: ", "its check in findings/coin.py no longer holds: share of heads: 0.",
    ),
    "a fact that no page quotes": (
        add("tinyguide/findings/dice.py", '\nunheard = fact("rolls", digits=1)\n'),
        "tinyguide/findings/dice.py:1: ", "no page quotes the fact unheard",
    ),
    "a figure that is not there": (
        change(COIN, "figures/coin/settling", "figures/coin/setting"), f"{COIN}:9: ", "draws settling",
    ),
    "a claim that is not there": (
        change(COIN, "T1: right", "T2: right, by inspection"), f"{COIN}:1: ",
        "findings/coin.py checks a claim T1 that is not on this page",
    ),
    "a link to no page": (
        change(COIN, "(dice.md#how-sure)", "(dices.md)"), f"{COIN}:38: ", "dices.md leads to no page",
    ),
    "an anchor to nothing": (
        change(COIN, "dice.md#how-sure", "dice.md#how-shure"), f"{COIN}:38: ", "#how-shure leads nowhere",
    ),
    "an empty alt text": (
        change(COIN, "Share of heads after each throw: it settles near one half and ends at {{ coin.heads[50] }}.", ""),
        f"{COIN}:9: ", "has no alt text",
    ),
    "an alt text that only names the picture": (
        change(COIN, "Share of heads after each throw: it settles near one half and ends at {{ coin.heads[50] }}.",
               "Figure 1"),
        f"{COIN}:9: ", "only names the picture",
    ),
    "two headings with one id": (
        add(DICE, "\n## Once more { #how-sure }\n"), f"{DICE}:19: ", "heading id 'how-sure' is already that of line 7",
    ),
    "a block typed by hand": (
        add(DICE, "\n```python\nprint(1)\n```\n"), f"{DICE}:19: ", "typed into the page",
    ),
    "a block with a title typed by hand": (
        add(DICE, '\n``` { .python title="x" }\nprint(1)\n```\n'), f"{DICE}:19: ", "typed into the page",
    ),
    "a block that nothing verifies": (
        add(DICE, "\n```yaml\na: 1\n```\n"), f"{DICE}:19: ", "nothing verifies",
    ),
    "an output of nothing": (
        add(DICE, '\n```text title="Output"\n1\n```\n'), f"{DICE}:19: ", "no code block before it",
    ),
    "a page that is not UTF-8": (
        encode(DICE, "latin-1"), f"{DICE}:19: ", "the byte 0xf6 is not UTF-8; save the file in the encoding UTF-8",
    ),
    "a page that begins with a byte order mark": (
        encode(DICE, "utf-8-sig"), f"{DICE}:1: ", "save it as UTF-8 without BOM",
    ),
    "a block that is never closed": (
        add(DICE, "\n```python\n"), f"{DICE}:19: ", "never closed",
    ),
    "a decimal typed by hand": (
        add(DICE, "\nIt is 3.49 here.\n"), f"{DICE}:19: ", "'3.49' is typed by hand",
    ),
    "a percentage typed by hand": (
        add(DICE, "\nIn 17 % of throws.\n"), f"{DICE}:19: ", "'17 %' is typed by hand",
    ),
    "a ratio typed by hand": (
        add(DICE, "\nIt is 3 times faster.\n"), f"{DICE}:19: ", "'3 times' is typed by hand",
    ),
    "no short answer": (
        change(DICE, '!!! answer "Short answer"', "!!! note"), f"{DICE}:1: ", "no short answer",
    ),
    "a long short answer": (
        change(DICE, "which no side shows.", "which no side shows. One. Two. Three."), f"{DICE}:3: ", "4 sentences",
    ),
    "a section without its end": (
        change("tinyguide/experiments/coin.py", "\n\n# --8<-- [end:throw]", ""),
        "tinyguide/experiments/coin.py:14: ", "section 'throw' has no end",
    ),
    "a section that no page shows": (
        change(COIN, "tinyguide/experiments/coin.py:throw", "snippets/coin/flip.py"),
        "tinyguide/experiments/coin.py:14: ", "no page shows the section 'throw'",
    ),
    "a snippet that no page shows": (
        add("snippets/coin/lost.py", "print(1)\n"), "snippets/coin/lost.py:1: ", "no page shows this snippet",
    ),
    "a citation that is not there": (
        add(DICE, "\nSee [@bernoulli1713].\n"), f"{DICE}:19: ", "'bernoulli1713' is not in",
    ),
}  # fmt: skip

EVIDENCE: dict[str, tuple[Change, str, str]] = {
    "a result that is NaN": (
        change("tinyguide/experiments/dice.py", "float(draws(seed, count, sides).mean())", 'float("nan")'),
        "tinyguide/experiments/dice.py: experiment rolls", "holds nan at seed 0; a result must be finite",
    ),
    "an experiment that raises": (
        change("tinyguide/experiments/dice.py", "float(draws(seed, count, sides).mean())", "1 / 0"),
        "tinyguide/experiments/dice.py: experiment rolls raised", "ZeroDivisionError",
    ),
    "a fact of an experiment that is not there": (
        change("tinyguide/findings/dice.py", 'fact("rolls"', 'fact("throws"'),
        "tinyguide/findings/dice.py: fact mean", "asks for the experiment 'throws'",
    ),
    "a check that forgets to return": (
        change("tinyguide/findings/coin.py", "    return [above", "    _ = [above"),
        "tinyguide/findings/coin.py: check fair", "must return a list of conditions",
    ),
    "an interval over few networks": (
        change("tinyguide/experiments/dice.py", "range(16)", "range(2)"),
        "tinyguide/findings/dice.py: fact mean", "an interval over 2 networks",
    ),
    "findings that cannot be imported": (
        add("tinyguide/findings/dice.py", "\nimport nothing_of_this_name\n"),
        "tinyguide/findings/dice.py", "nothing_of_this_name",
    ),
}  # fmt: skip


def guarded(guide: Guide) -> str:
    """What the guards say of a small guide, without building it; its evidence is what its store holds."""
    the_guide = evidence_guide.Guide(guide.root, "tinyguide")
    try:
        evidence = site.gather(the_guide, device="cpu")
        written = [pages.read(the_guide, path) for path in sorted(the_guide.docs.rglob("*.md"))]
        return "\n".join(map(str, guards.problems(the_guide, written, [], evidence)))
    except pages.PageError as error:  # a page that cannot be read at all
        return str(error)


@pytest.mark.parametrize("mistake", BUILD)
def test_the_guards_name_the_line(mistake: str, guide: Guide, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(guide.root))
    assert guarded(guide) == ""
    do, place, told = BUILD[mistake]
    do(guide)
    the_guide = evidence_guide.Guide(guide.root, "tinyguide")
    if not all(store.findings_path(the_guide, name, "cpu").is_file() for name in the_guide.modules()):
        runner.refresh(the_guide, device="cpu", workers=1)
    said = guarded(guide)
    assert place in said
    assert told in said
    if place.startswith("docs/"):
        assert f"python -m pytest {place.partition(':')[0]}" in said


@pytest.mark.parametrize(
    "mistake", ["a coordinate that is not there", "a claim whose evidence changed", "no short answer"]
)
def test_the_build_stops_and_names_the_line(mistake: str, guide: Guide) -> None:
    do, place, told = BUILD[mistake]
    do(guide)
    ended = guide.build(check=False)
    assert ended.returncode != 0, ended.stdout
    assert place in ended.stdout
    assert told in ended.stdout
    if place.startswith("docs/"):
        assert f"python -m pytest {place.partition(':')[0]}" in ended.stdout
    assert "Traceback" not in ended.stdout


@pytest.mark.parametrize("mistake", EVIDENCE)
def test_the_build_stops_and_names_the_module(mistake: str, guide: Guide) -> None:
    do, place, told = EVIDENCE[mistake]
    do(guide)
    ended = guide.build(check=False)
    assert ended.returncode != 0, ended.stdout
    assert place in ended.stdout
    assert told in ended.stdout
    module = Path(place.partition(":")[0]).stem
    assert f"python -m reluguide evidence {module}" in ended.stdout


OUTPUTS = {
    "a digit of an output": (change(COIN, "sides: 2", "sides: 3"), f"{COIN}:17: "),
    "the last digit of an output": (change(COIN, "share: 0.50", "share: 0.51"), f"{COIN}:17: "),
    "a word in a print": (change("snippets/dice/roll.py", '"mean of', '"average of'), f"{DICE}:15: "),
    "a snippet that raises": (add("snippets/dice/roll.py", "1 / 0\n"), f"{DICE}:11: "),
    "a snippet that prints nothing": (
        lambda guide: (guide.root / "snippets/dice/roll.py").write_text("sides = 6\n"),
        f"{DICE}:15: ",
    ),
}


@pytest.mark.parametrize("mistake", OUTPUTS)
def test_the_tests_stop_and_name_the_line(mistake: str, guide: Guide) -> None:
    do, place = OUTPUTS[mistake]
    do(guide)
    ended = guide.run("pytest", check=False)
    assert ended.returncode == 1, ended.stdout
    assert place in ended.stdout
    assert f"python -m pytest {place.partition(':')[0]}" in ended.stdout


def test_a_snippet_that_raises_names_its_own_line_too(guide: Guide) -> None:
    add("snippets/dice/roll.py", "1 / 0\n")(guide)
    assert "snippets/dice/roll.py:3: 1 / 0" in guide.run("pytest", check=False).stdout


def test_untouched_everything_passes(guide: Guide) -> None:
    ended = guide.run("pytest")
    assert "8 passed" in ended.stdout, "3 pages' guards, 3 code blocks, 2 outputs"
    assert "nothing ran" in guide.build().stdout


def test_update_rewrites_outputs_and_nothing_else(guide: Guide) -> None:
    before = (guide.root / COIN).read_text()
    guide.change("snippets/coin/flip.py", '"share:', '"part:')
    guide.change(COIN, "sides: 2", "sides: 5\nand more")
    guide.run("pytest", "--update-outputs")
    assert (guide.root / COIN).read_text() == before.replace("share: 0.50", "part: 0.50")
    guide.run("pytest")


def test_update_refuses_in_ci(guide: Guide) -> None:
    ended = guide.run("pytest", "--update-outputs", check=False, CI="true")
    assert ended.returncode != 0
    assert "does not run in CI" in ended.stdout
