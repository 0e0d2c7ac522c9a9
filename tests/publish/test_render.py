"""From a page to what the site shows: facts in prose and in attributes, figures, claims, citations."""

from typing import Any

import pytest

from reluguide.evidence.lookup import Evidence
from reluguide.publish import machines, render
from reluguide.publish.pages import Page, PageError
from reluguide.publish.site import Question, plain_words


def some_evidence(**changes: Any) -> Evidence:
    fact = {
        "what": "Share of heads.", "value": 0.4712, "text": "47\u00a0%", "low": 0.4, "high": 0.5,
        "interval": "40\u00a0% to 50\u00a0%", "networks": "16 seeds", "experiments": ["throws"], "kind": "share",
    }  # fmt: skip
    run = {
        "summary": "Coins thrown.", "seeds": list(range(16)), "device": "CPU (a model)", "device_dependent": False,
        "versions": {"numpy": "2.0"},
    }  # fmt: skip
    figure = {
        "title": "Settling", "svg": "<svg/>", "width": 720, "height": 330, "needs": ["throws"],
        "numbers": {"columns": ["throws", "share"], "rows": [["50", "<0.5"]]},
    }  # fmt: skip
    claim = {
        "id": "T1", "said": "Coins & dice are fair.", "where": "A tavern", "verdict": "right if", "checked": True,
        "inspected": False, "reason": ((7, "It showed {{ coin.heads[50] }},"), (8, "see [@b1713].")),
        "page": "docs/questions/coin.md", "line": 3, "module": "coin", "needs": ["throws"],
        "conditions": [{"what": "share", "number": 0.47, "holds": True, "text": "share: 0.47"}],
    }  # fmt: skip
    found = {
        "coin": {
            "facts": {"heads[50]": fact}, "families": {"heads": [["throws", ["50"]]]},
            "figures": {"settling": figure}, "checks": {}, "settings": {"throws": {"count": "50"}},
            "provenance": {"throws": run}, "data": {},
        }
    }  # fmt: skip
    cite = {"b1713": ("Bernoulli 1713", "b1713")}.get
    return Evidence(found, cite=cite, claims={"T1": claim}, **changes)


CLAIM = "/// claim | T1: right if\n\n> Coins & dice are fair.\n> — A tavern\n\nIt showed.\n///\n"


def rendered(text: str, **changes: Any) -> str:
    return render.render(Page("docs/questions/x.md", text), some_evidence(**changes)).markdown


def test_a_fact_in_prose_carries_its_value_and_where_it_comes_from() -> None:
    out = rendered("It is {{ coin.heads[50] }}.\n")
    assert (
        '<data value="0.4712" title="Share of heads: 16 seeds, 95 % interval 40\u00a0% to 50\u00a0%">'
        "47\u00a0%</data>."
    ) in out


@pytest.mark.parametrize(
    "line",
    [
        "# Title {{ coin.heads[50] }}",
        "![Heads: {{ coin.heads[50] }} of all.](x.svg)",
        "---\nd: {{ coin.heads[50] }}\n---",
    ],
)
def test_a_fact_in_attributes_and_headings_is_plain_text(line: str) -> None:
    out = rendered(f"{line}\n").partition("<details")[0]
    assert "47\u00a0%" in out
    assert "<data" not in out


def test_an_interval_on_request() -> None:
    assert ">40\u00a0% to 50\u00a0%</data>" in rendered("{{ coin.heads[50] | interval }}\n")
    with pytest.raises(PageError, match=r"x\.md:1: the filter 'spread' is not known"):
        rendered("{{ coin.heads[50] | spread }}\n")


def test_code_is_left_alone() -> None:
    text = "`{{ coin.heads[50] }}` and\n\n```text\n{{ coin.heads[50] }}\n```\n"
    assert rendered(text).count("{{ coin.heads[50] }}") == 2


def test_an_unknown_fact_names_line_and_neighbours() -> None:
    with pytest.raises(PageError, match=r"x\.md:3: coin has no fact 'haeds'; did you mean heads\?"):
        rendered("one\n\n{{ coin.haeds }}\n")
    with pytest.raises(PageError, match=r"findings/die\.py is not there"):
        rendered("{{ die.sides_of_it_all }}\n")


def test_a_figure_gets_its_size_and_its_numbers_out_of_searchs_way() -> None:
    out = rendered("![It settles near one half.](../figures/coin/settling.svg)\n")
    assert '(../figures/coin/settling.svg){ width="720" height="330" }' in out
    assert '<details class="numbers" data-search-exclude><summary>Show the numbers</summary>' in out
    assert "&lt;0.5" in out


def test_only_figures_below_the_first_are_loaded_late() -> None:
    image = "![It settles near one half.](../figures/coin/settling.svg)\n\n"
    first, second = rendered(image * 2).split("settling.svg)")[1:]
    assert 'loading="lazy"' not in first.partition("\n")[0]
    assert 'loading="lazy"' in second.partition("\n")[0]


def test_a_claim_becomes_a_card_with_a_link_of_its_own() -> None:
    out = rendered(CLAIM)
    assert 'id="t1" data-verdict="right-if" data-page="coin"' in out
    assert "Coins &amp; dice are fair." in out
    assert '<span class="badge right-if">right if</span> It showed <data' in out
    assert "([Bernoulli 1713](../reference/bibliography.md#b1713){ .cite })" in out


def test_a_setting_in_prose_is_plain_text() -> None:
    assert "With 50 throws." in rendered("With {{ coin.throws.count }} throws.\n")


def test_the_foot_says_where_each_number_comes_from() -> None:
    out = rendered("{{ coin.heads[50] }}\n")
    for told in (
        "coin.throws",
        "Coins thrown.",
        "0 to 15",
        "CPU (a model)",
        "numpy 2.0",
        "16 seeds",
        "47\u00a0% (40",
    ):
        assert told in out
    assert "<details" not in rendered("no number\n")


def test_placeholders_where_the_store_has_nothing() -> None:
    out = rendered("{{ coin.tails }} and {{ coin.heads[3] | interval }}\n", waiting=True)
    assert out.startswith("… and …")


def test_structured_data_repeats_the_visible_answer() -> None:
    page = Page(
        "docs/questions/coin.md",
        '# Heads?\n\n!!! answer "Short answer"\n\n    **Half**: {{ coin.heads[50] }}.\n',
    )
    asked = [Question("coin", "questions/coin.md", "https://example.org/questions/coin/", page)]
    data = machines.structured_data(asked, some_evidence())
    assert data["mainEntity"][0]["name"] == "Heads?"
    assert data["mainEntity"][0]["acceptedAnswer"]["text"] == "Half: 47\u00a0%."
    assert "Half: 47\u00a0%." in machines.llms_txt("Guide", "About.", asked, some_evidence())


def test_plain_words_keep_the_words_only() -> None:
    assert plain_words('*a* `b` [c](d.md){ .e } <data value="1">f</data>') == "a b c f"


def test_links_become_absolute_and_code_stays() -> None:
    text = "[a](dice.md#how) `f[0](x)` [lab](../labs/throws.ipynb)\n```python\nmodels[2](x)\n```\n[b](#c) [d](https://e.org/f)"
    assert machines.absolute_links(text, source="questions/coin.md", site="https://g.org/") == (
        "[a](https://g.org/questions/dice/#how) `f[0](x)` [lab](https://g.org/labs/throws/)\n```python\nmodels[2](x)\n```\n"
        "[b](https://g.org/questions/coin/#c) [d](https://e.org/f)"
    )


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("**a**{ .b } and [c](https://d.e){ .f }", "**a** and [c](https://d.e)"),
        ("`{x: max(0, x)}` is `{}`", "`{x: max(0, x)}` is `{}`"),
        ("``a ` {b}`` and `f {c}`{ .python }", "``a ` {b}`` and `f {c}`"),
        ("an odd ` and { .g } goes", "an odd ` and goes"),
    ],
)
def test_attribute_lists_are_left_out_of_what_is_taken_away_and_code_stays(line: str, taken: str) -> None:
    page = Page("docs/questions/coin.md", line + "\n")
    one = Question("coin", "questions/coin.md", "https://example.org/questions/coin/", page)
    assert list(machines.parts(one, [one], some_evidence())) == [taken]


@pytest.mark.parametrize(
    ("seeds", "told"),
    [([], "nothing random"), ([7], "7"), ([3, 4, 5], "3 to 5"), ([1, 3], "1, 3"), ([5, 4], "5, 4")],
)
def test_seeds_in_words(seeds: list[int], told: str) -> None:
    assert render._seeds(seeds) == told
