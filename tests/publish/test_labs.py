"""A lab runs when something that it stands on has changed, and only then; its mistakes stop the build."""

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest

from tests.publish.conftest import Guide

LAB, PAGE, BOOK = "docs/labs/throws.py", "labs/throws/index.html", "notebooks/throws.ipynb"
ALT = "Twenty throws of a die, up and down without any order."

SOURCE = f'''# %% [markdown]
# # Throw it yourself
#
# Here is how to throw a die. Before: [what a die shows](../questions/dice.md#how-sure).
#
# <details><summary>Solution</summary>
#
# ```python
# print(1 + 1)
# ```
#
# </details>

# %%
from tinyguide.bench import thrown

print("thrown:", thrown())

# %% alt="{ALT}"
import matplotlib.pyplot as plt

plt.plot([3, 1, 4, 1, 5])
plt.show()

# %%
"the last value"
'''

BENCH = '''"""What the lab imports, and nothing else."""


def thrown() -> int:
    """A number that looks random."""
    return 4
'''


@pytest.fixture(scope="module")
def equipped(built: Guide, tmp_path_factory: pytest.TempPathFactory) -> Guide:
    """The small guide with a lab, built once; not to be changed."""
    guide = Guide(tmp_path_factory.mktemp("equipped") / "guide")
    shutil.copytree(built.root, guide.root)
    (guide.root / "tinyguide/bench.py").write_text(BENCH)
    (guide.root / LAB).parent.mkdir()
    (guide.root / LAB).write_text(SOURCE)
    guide.change("mkdocs.yml", "  - search\n", "  - mkdocs-jupyter:\n  - search\n")
    guide.change("mkdocs.yml", "  - questions/dice.md\n", "  - questions/dice.md\n  - labs/throws.ipynb\n")
    guide.build()
    return guide


@pytest.fixture
def laboratory(equipped: Guide, tmp_path: Path) -> Guide:
    """A copy of it, store included, to be changed."""
    copy = Guide(tmp_path / "guide")
    shutil.copytree(equipped.root, copy.root)
    return copy


def page(guide: Guide) -> str:
    return guide.site()[PAGE].decode()


def test_the_page_shows_each_thing_once_and_in_the_markup_of_the_site(equipped: Guide) -> None:
    html = page(equipped)
    content = html[html.index("<article") : html.index("</article>")]
    assert content.count('class="language-python highlight"') == 4, "three cells and a solution"
    output = '<div data-search-exclude class="language-text highlight"><span class="filename">Output</span>'
    assert re.findall(output + "<pre><code>(.*?)</code></pre>", content, re.DOTALL) == [
        "thrown: 4",
        "'the last value'",
    ]
    assert content.count("<details>") == content.count("</details>") == 1
    assert 'href="../../questions/dice/#how-sure"' in content
    assert f'<img alt="{ALT}"' in content
    assert f'href="../../{BOOK}"' in content
    assert "jp-" not in content and "In&nbsp;[" not in content and "<style" not in content
    assert (
        f'<title id="throws-1-title">{ALT}</title>'.encode() in equipped.site()["figures/labs/throws-1.svg"]
    )
    assert len(html) < 60_000


def test_the_search_finds_the_prose_and_neither_code_nor_outputs(equipped: Guide) -> None:
    entries = json.loads(equipped.site()["search/search_index.json"])["docs"]
    found = " ".join(entry["text"] for entry in entries if entry["location"].startswith("labs/"))
    assert "how to throw a die" in found
    assert "thrown: 4" not in found and "In [" not in found and "import" not in found


def test_the_download_is_a_notebook_that_installs_what_it_needs(equipped: Guide) -> None:
    book = nbformat.reads(equipped.site()[BOOK].decode(), as_version=4)
    nbformat.validate(book)
    assert [cell.cell_type for cell in book.cells] == ["markdown", "code", "code", "code", "code"]
    assert "%pip install" in book.cells[1].source and "find_spec" in book.cells[1].source
    assert book.cells[2].outputs[0].text == "thrown: 4\n"
    assert "image/svg+xml" in book.cells[3].outputs[0].data


def test_what_the_lab_imports_changes_its_page(laboratory: Guide) -> None:
    laboratory.change("tinyguide/bench.py", "return 4", "return 5")
    told = laboratory.build().stdout
    assert "1 of 3 modules measured, 1 drawn" in told and "lab throws: cells" in told
    assert "thrown: 5" in page(laboratory) and "thrown: 4" not in page(laboratory)
    assert b"thrown: 5" in laboratory.site()[BOOK]


def test_prose_of_another_page_and_code_that_the_lab_does_not_import_run_no_lab(laboratory: Guide) -> None:
    laboratory.change("docs/questions/coin.md", "About half of the time", "Half of the time")
    assert "3 modules reused, nothing ran" in laboratory.build().stdout
    laboratory.change(
        "tinyguide/findings/coin.py",
        "axes.plot(throws.throws, throws[0])",
        "axes.plot(throws.throws, throws[1])",
    )
    told = laboratory.build().stdout
    assert "0 of 3 modules measured, 1 drawn" in told and "lab throws" not in told


def test_the_same_lab_run_again_gives_the_same_bytes(laboratory: Guide) -> None:
    wanted = laboratory.site()
    shutil.rmtree(laboratory.root / ".cache/reluguide/labs")
    assert "lab throws: cells" in laboratory.build().stdout
    assert laboratory.site() == wanted


SLOWLY = """import time

for word in ("thrown:", str(thrown())):
    print(word, flush=True)
    time.sleep(0.3)
"""


def test_what_a_cell_prints_bit_by_bit_is_one_output(laboratory: Guide) -> None:
    """The kernel sends what is printed in pieces as time goes by, and no two runs would cut it alike."""
    laboratory.change(LAB, 'print("thrown:", thrown())', SLOWLY)
    laboratory.build()
    book = nbformat.reads(laboratory.site()[BOOK].decode(), as_version=4)
    assert [out.text for out in book.cells[2].outputs] == ["thrown:\n4\n"]


MISTAKES = {
    "a cell that raises": (
        'print("thrown:", thrown())', "1 / thrown(0)",
        f"{LAB}:15: cell 2 raised TypeError: thrown() takes 0 positional arguments",
        "python -m reluguide evidence throws",
    ),
    "a picture without alt text": (
        f' alt="{ALT}"', "",
        f"{LAB}:20: cell 3 draws a picture and does not say what it shows", '# %% alt="..."',
    ),
}  # fmt: skip

LINKS = {
    "a link to no page": ("../questions/dices.md", "the link to ../questions/dices.md leads to no page"),
    "an anchor to nothing": (
        "../questions/dice.md#how-shure",
        "the link to #how-shure leads nowhere: docs/questions/dice.md has no heading",
    ),
    "an anchor of its own": ("#throwing", f"the link to #throwing leads nowhere: {LAB} has no heading"),
    "a lab that is not there": ("catches.ipynb", "the link to catches.ipynb leads to no page"),
    "no heading of a lab": (
        "throws.ipynb#caught",
        f"the link to #caught leads nowhere: {LAB} has no heading",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_stops_the_build_and_names_the_cell(mistake: str, laboratory: Guide) -> None:
    old, new, place, told = MISTAKES[mistake]
    laboratory.change(LAB, old, new)
    ended = laboratory.build(check=False)
    assert ended.returncode != 0, ended.stdout
    assert place in ended.stdout
    assert told in ended.stdout
    assert "Traceback" not in ended.stdout


@pytest.mark.parametrize("mistake", LINKS)
def test_a_link_that_leads_nowhere_stops_the_build(mistake: str, laboratory: Guide) -> None:
    target, told = LINKS[mistake]
    laboratory.change(LAB, "../questions/dice.md#how-sure", target)
    ended = laboratory.build(check=False, RELUGUIDE_PROSE="1")
    assert ended.returncode != 0, ended.stdout
    assert re.search(rf"{LAB}:\d+: {re.escape(told)}", ended.stdout)
    assert "Traceback" not in ended.stdout


def test_prose_mode_shows_new_prose_beside_the_outputs_there_are(laboratory: Guide) -> None:
    laboratory.change(LAB, "how to throw a die", "how one throws a die")
    laboratory.change(LAB, '"the last value"', '"another value"')
    laboratory.build(RELUGUIDE_PROSE="1")
    html = page(laboratory)
    assert "how one throws a die" in html and "thrown: 4" in html
    assert "another value" in html and "'the last value'" not in html


def test_prose_mode_shows_a_lab_that_never_ran(laboratory: Guide) -> None:
    shutil.rmtree(laboratory.root / ".cache")
    laboratory.build(RELUGUIDE_PROSE="1")
    assert "Throw it yourself" in page(laboratory) and "thrown: 4" not in page(laboratory)
