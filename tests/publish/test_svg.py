"""A figure as SVG: ids of its own that all lead somewhere, ink for both schemes, the same bytes each time."""

import re
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from reluguide.evidence import svg


def drawn(name: str) -> str:
    with svg.style():
        figure = Figure()
        axes = figure.add_subplot()
        axes.plot([0, 1, 2], [0.0, 1 / 3, 0.003], "o-", label="a < b")
        axes.fill_between([0, 1, 2], [0, 0, 0], [1, 1, 1], alpha=0.2)
        axes.imshow(np.eye(4), extent=(0, 1, 0, 1))
        axes.legend()
        text, width, height = svg.save(figure, name=name, title="Lines & more")
    assert (width, height) == (720, 340)
    return text


def test_every_reference_leads_to_an_id_and_no_id_is_idle() -> None:
    text = drawn("one")
    root = ElementTree.fromstring(text)
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text)) | {root.attrib["aria-labelledby"]}
    assert len(ids) == len(set(ids)) > 3
    assert set(ids) == used and all(one.startswith("one-") for one in ids)
    other = ElementTree.fromstring(drawn("two"))
    assert not set(ids) & {element.attrib.get("id") for element in other.iter()}


def test_it_is_named_bare_and_the_same_each_time() -> None:
    text = drawn("one")
    assert text == drawn("one")
    assert '<title id="one-title">Lines &amp; more</title>' in text and 'role="img"' in text
    for baggage in ("<metadata", "<!--", "<!DOCTYPE", "Date", "matplotlib.org"):
        assert baggage not in text
    assert 'class="ink"' in text and 'class="faint"' in text and "prefers-color-scheme:dark" in text
    for stand_in in (svg.INK, svg.FAINT, svg.PAPER):  # where styles are not read, it is the colour itself
        assert text.count(stand_in) == text.count(f'color="{stand_in}"')
    numbers = re.findall(r"-?\d+\.\d+", " ".join(re.findall(r' d="([^"]*)"', text)))
    assert numbers and max(len(one.partition(".")[2]) for one in numbers) == 1


def interrupted() -> None:
    with svg.style():
        assert mpl.get_backend() == "agg"
        assert mpl.rcParams["text.color"] == svg.INK
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("backend", "canvas"),
    [("svg", "FigureCanvasSVG"), ("pdf", "FigureCanvasPdf"), ("agg", "FigureCanvasAgg")],
)
def test_the_settings_and_the_backend_of_the_caller_come_back(backend: str, canvas: str) -> None:
    of_the_tests = mpl.get_backend()
    try:
        plt.switch_backend(backend)
        before = dict(mpl.rcParams)
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert dict(mpl.rcParams) == before
        figure = plt.figure()
        assert type(figure.canvas).__name__ == canvas
        plt.close(figure)
    finally:
        plt.switch_backend(of_the_tests)
