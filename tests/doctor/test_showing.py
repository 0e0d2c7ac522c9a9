"""Reports that leave the session: a prompt, a notebook, a forum, a file, a comparison with another."""

import json
import math
from html.parser import HTMLParser
from pathlib import Path

import markdown
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from torch import nn
from torch.nn import functional as F

import reluguide
from reluguide.doctor import DiagnosisError
from reluguide.doctor.bands import BANDS
from reluguide.doctor.links import page
from tests.doctor.test_report import example
from tests.doctor.zoo import Mlp, plant


def deep(layers: int = 150, width: int = 64) -> reluguide.Report:
    """Many activation calls, of which the 100th has the most dead units."""
    model = nn.Sequential(*(part for _ in range(layers) for part in (nn.Linear(width, width), nn.ReLU())))
    plant(model[2 * 99], list(range(20)), -1e6)
    return reluguide.diagnose(model, torch.randn(40, width))


def test_a_prompt_and_a_notebook_show_a_screen_also_of_a_deep_network() -> None:
    report = deep()
    screen = repr(report).splitlines()
    assert len(screen) <= 40 and all(len(line) <= 100 for line in screen)
    assert any(line.startswith("199.relu ") for line in screen)  # the worst call is among those shown
    assert "print(report) shows all" in screen[-1]
    assert len(report._repr_html_()) < 60_000
    assert "199.relu" in report._repr_html_() and "110 more activation calls" in report._repr_html_()
    assert len(str(report).splitlines()) > 150  # nothing is left out of what is printed
    assert repr(example()) == str(example())


class Reader(HTMLParser):
    """Which tags are open at the end, and the text of each tag of a class."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("whole", [True, False])
def test_html_has_a_legend_in_the_colours_of_its_bars(whole: bool, tmp_path: Path) -> None:
    report = example()
    reader = Reader()
    reader.feed(
        report.to_html(tmp_path / "it.html").read_text(encoding="utf-8") if whole else report._repr_html_()
    )
    assert reader.open == []
    styles = [attrs["style"] for tag, attrs in reader.tags if tag == "span" and attrs.get("style")]
    for label, colour, _ in BANDS:
        assert f"background:{colour}" in styles  # alone in the legend; in bars it comes with a width
        assert label in reader.text


def test_a_figure_shows_in_a_notebook_that_did_not_ask_for_inline_figures() -> None:
    shown, _ = DisplayFormatter().format(example().plot())
    assert shown["image/png"].startswith(b"\x89PNG")


def test_markdown_keeps_names_and_numbers_and_says_where_it_is_from() -> None:
    net = nn.Sequential()
    net.add_module("a<b>_c_d*", nn.Sequential(nn.Linear(3, 4), nn.ReLU()))
    plant(net[0][0], [1])
    report = reluguide.diagnose(net, torch.randn(60, 3))
    text = report.to_markdown()
    reader = Reader()
    reader.feed(markdown.markdown(text, extensions=["tables"]))
    assert [tag for tag, _ in reader.tags].count("tr") == 2
    assert [tag for tag, _ in reader.tags].count("td") == 6
    assert reader.text.count("a<b>_c_d*.1.relu") == 2  # in the table and among the causes, nothing swallowed
    assert "em" not in [tag for tag, _ in reader.tags]
    assert {attrs["href"] for tag, attrs in reader.tags if tag == "a"} >= {page("dead-units")}
    assert f"torch {torch.__version__}" in text and f"reluguide {reluguide.__version__}" in text
    assert "on these 60 samples" in text and "bias (unit 1)" in text
    assert len(deep().to_markdown().splitlines()) < 80


def test_markdown_of_a_report_without_calls() -> None:
    text = reluguide.diagnose(nn.Sequential(nn.Linear(2, 2)), torch.randn(3, 2)).to_markdown()
    assert "No activation call was seen" in text and "Not seen:" in text


@pytest.mark.parametrize("extras", [[], ["saturated", "dormant", "moments"]])
def test_a_report_comes_back_from_its_file(extras: list[str], tmp_path: Path) -> None:
    report = example(also=extras)
    again = reluguide.Report.from_json(report.to_json(tmp_path / "report.json"))
    assert again == report and hash(again) == hash(report)
    assert str(again) == str(report) and again.to_markdown() == report.to_markdown()
    assert str(again.explain()) == str(report.explain())
    assert again.made_with == report.made_with and again.unseen == report.unseen
    for old, new in zip(report, again):
        assert torch.equal(old.dead, new.dead)
        assert torch.equal(old.preactivation_max, new.preactivation_max)
        assert set(old.extras) == set(new.extras)
    with pytest.raises(reluguide.DeadUnitsError):
        again.check()
    assert example(training=True) != report


@pytest.mark.parametrize(
    "act", [F.gelu, F.softplus, F.hardtanh, nn.PReLU(21), lambda x: F.threshold(x, -1, 2)]
)
def test_every_kind_comes_back(act, tmp_path: Path) -> None:
    class Net(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return act(self[0](x))

    net = Net(nn.Linear(4, 21))
    if isinstance(act, nn.PReLU):
        with torch.no_grad():
            act.weight[:3] = 0  # of these units alone the gradient can be zero
    plant(net[0], [1, 2], -500.0)
    report = reluguide.diagnose(net, torch.randn(30, 4))
    again = reluguide.Report.from_json(report.to_json(tmp_path / "report.json"))
    assert again == report and str(again.explain()) == str(report.explain())


def test_files_are_strict_json_also_where_there_is_nothing_to_tell(tmp_path: Path) -> None:
    def refuse(text: str) -> None:
        raise AssertionError(f"{text} is not JSON")

    for report in (
        reluguide.diagnose(nn.Linear(2, 2), torch.randn(3, 2)),  # no share
        reluguide.diagnose(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), torch.full((3, 2), math.inf)),
        example(),
    ):
        text = report.to_json(tmp_path / "report.json").read_text(encoding="utf-8")
        json.loads(text, parse_constant=refuse)
        assert reluguide.Report.from_json(tmp_path / "report.json") == report


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not JSON"),
        ("[1]", "holds list, not a report"),
        ("{}", "this is format None of a report, and this version of reluguide reads format 1"),
        ('{"format": 99, "made_with": {"reluguide": "7.0"}}', r"the version that wrote it \(7.0\)"),
        ('{"format": 1, "layers": {"a": {}}}', "these are not the numbers of a report: KeyError"),
    ],
)
def test_a_file_that_holds_no_report_is_refused_by_name(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text(text)
    with pytest.raises(DiagnosisError, match=told) as error:
        reluguide.Report.from_json(file)
    assert "other.json" in str(error.value)


def test_a_report_from_a_file_cannot_change_a_model(tmp_path: Path) -> None:
    net = Mlp(plant_at=-50.0)
    report = reluguide.diagnose(net, torch.randn(30, 6))
    again = reluguide.Report.from_json(report.to_json(tmp_path / "report.json"))
    for change in (reluguide.prune_dead, reluguide.revive):
        with pytest.raises(DiagnosisError, match=r"read from a file.*run diagnose on the model again"):
            change(net, again)


def test_asking_a_report_for_what_it_is_not_is_answered() -> None:
    report = example()
    with pytest.raises(
        TypeError, match=r"asked by the name of an activation call, not by 0; it has relu, tanh"
    ):
        report[0]
    assert "relu" in report and "gelu" not in report and next(iter(report)) in report
    assert report != "report" and report != example(training=True)
    with pytest.raises(DiagnosisError, match="compared with an earlier report, not with str"):
        report.compare("earlier.json")


def test_a_layer_shows_itself_in_a_line_and_can_be_compared() -> None:
    one, other = example()["relu6"], example()["relu6"]
    assert repr(one) == "Layer('relu6', relu6: 4 of 6 units dead on 24 samples)"
    assert one != other and len({one, other}) == 2  # each is of its own report


def test_a_comparison_names_the_units_that_died_and_came_back() -> None:
    net, x = Mlp(plant_at=1.0), torch.randn(400, 6)
    with torch.no_grad():
        net.one.bias.fill_(3.0)
        net.two.bias.fill_(3.0)
    plant(net.one, [1, 2], -300.0)
    before = reluguide.diagnose(net, x)
    plant(net.one, [2], 3.0)
    plant(net.one, [4, 7], -300.0)
    changes = reluguide.diagnose(net, x).compare(before)
    one = changes["relu"]
    assert (one.died, one.came_back, one.still_dead) == ([4, 7], [2], [1])
    assert (changes.died, changes.came_back) == (2, 1)
    assert "relu: 2 died (4, 7), 1 came back (2), of" in str(changes)
    assert str(changes) == repr(changes)
    assert "samples" not in str(changes)
    fewer = reluguide.diagnose(net, x[:300], training=True).compare(before)
    assert "400 and 300 samples" in str(fewer) and "training mode" in str(fewer)
    with pytest.raises(KeyError, match=r"named 'nothing' is in both reports; there is relu, relu#2"):
        changes["nothing"]


def test_a_comparison_says_what_cannot_be_compared() -> None:
    x = torch.randn(30, 6)
    before = reluguide.diagnose(nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 5), nn.Tanh()), x)
    after = reluguide.diagnose(nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 5), nn.GELU()), x)
    changes = after.compare(before)
    assert changes.resized == (("1.relu", 5, 4),)
    assert (changes.only_earlier, changes.only_later) == (("3.tanh",), ("3.gelu",))
    for told in ("1.relu: 5 units earlier, 4 now", "Only in the earlier report", "Only in the later report"):
        assert told in str(changes)


@pytest.mark.parametrize("value", [5, -0.1, 1.0001, float("nan"), float("inf"), "0.1", True, None, [0.1]])
def test_a_limit_that_is_no_share_is_refused(value: object) -> None:
    with pytest.raises(DiagnosisError, match=r"max_dead is .*; it is a share of units, from 0 to 1") as error:
        example().check(max_dead=value)
    assert repr(value) in str(error.value)
    if value == 5 and value is not True:
        assert "for 5 % write 0.05" in str(error.value)


@pytest.mark.parametrize("units", [3, 7, 10, 1000])
def test_a_share_that_is_just_the_limit_passes(units: int) -> None:
    net = nn.Sequential(nn.Linear(2, units), nn.LeakyReLU(0.0), nn.Linear(units, 1))
    with torch.no_grad():
        net[0].weight.fill_(0.1)
        net[0].bias.fill_(1.0)
        net[0].bias[0] = -9.0
    report = reluguide.diagnose(net, torch.ones(4, 2))
    for each in (False, True):
        report.check(max_dead=1 / units, each=each)
        with pytest.raises(reluguide.DeadUnitsError):
            report.check(max_dead=math.nextafter(1 / units, 0), each=each)


def test_no_samples_vouch_for_nothing() -> None:
    report = example()
    fields = {**report.__dict__, "samples": 0}
    with pytest.raises(reluguide.DeadUnitsError, match="of 0 samples, so nothing can be said"):
        reluguide.Report(**fields).check(max_dead=1.0)


def test_what_was_not_seen_can_be_refused_or_allowed_by_name() -> None:
    report = example()  # does not see `rnn` and `out`
    report.check(max_dead=1.0)
    with pytest.raises(
        reluguide.DeadUnitsError, match=r"says nothing of these layers:\n  rnn: recurrent"
    ) as error:
        report.check(max_dead=1.0, allow_unseen=False)
    assert "allow_unseen=['rnn', 'out']" in str(error.value)
    report.check(max_dead=1.0, allow_unseen=["r*", "out"])
    with pytest.raises(reluguide.DeadUnitsError, match="out: layers with parameters") as error:
        report.check(max_dead=1.0, allow_unseen="rnn")
    assert "allow_unseen=['rnn', 'out']" in str(error.value)
    with pytest.raises(reluguide.DeadUnitsError, match="at most 0 % may be"):  # dead units count first
        report.check(allow_unseen=True)
