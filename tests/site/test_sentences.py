"""What the explorables' sentences say, against PyTorch."""

import itertools
from typing import Any

import pytest

from tests.site.explorables import Pages, put, sentence, slider

pytestmark = pytest.mark.browser


def written(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return (text if float(text) else text.lstrip("-")).replace("-", "−")


def test_the_door_says_what_pytorch_computes(pages: Pages, results: dict[str, Any]) -> None:
    page = pages["relu-slope"]
    curves = results["curves"]
    for slope, floor in itertools.product((0.0, 0.1, 1.0), (0.0, -1.0)):
        put(slider(page, "relu-slope"), -2)
        put(slider(page, "relu-slope", "Slope below floor"), slope)
        put(slider(page, "relu-slope", "Floor"), floor)
        expected = (
            written(float(curves.door.sel(below=slope, floor=floor, z=-2)), 2)
            .replace(".00", "")
            .removesuffix("0")
            or "0"
        )
        assert page.locator("relu-slope .ex-value").text_content() == expected
        assert expected in sentence(page, "relu-slope")


def test_training_says_what_pytorch_computes(pages: Pages, results: dict[str, Any]) -> None:
    page = pages["relu-die"]
    runs = results["runs"]
    box = page.locator("relu-die")
    for start in range(runs.sizes["seed"]):
        box.get_by_label("Starting weights").select_option(str(start))
        for i in range(runs.sizes["rate"]):
            put(slider(page, "relu-die"), i)
            told = sentence(page, "relu-die")
            one = runs.sel(leak=0).isel(seed=start, rate=i)
            if bool(one.loss.isnull().any()):
                assert "training blew up" in told
            elif int(one.steady) == one.sizes["step"]:
                first, last = (int(one.off.isel(step=at)) for at in (0, -1))
                assert f" {last} of 16 units" in told and f"({first} before training)" in told
                assert f"The error is {written(float(one.loss[-1]), 3)}." in told
                assert box.locator(".ex-lamp:not(.ex-on)").count() == last


def test_folds_say_what_pytorch_computes(pages: Pages, results: dict[str, Any]) -> None:
    page = pages["relu-build"]
    folds = results["folds"]
    for gaps in folds.gap:
        page.locator("relu-build").get_by_label("Curve", exact=True).select_option(str(gaps.target.item()))
        for n in gaps.units.values.tolist():
            gap = float(gaps.sel(units=n))
            put(slider(page, "relu-build"), n)
            assert f"is {written(gap, 3 if gap < 0.1 else 2)}." in sentence(page, "relu-build")


def test_side_by_side_says_what_pytorch_computes(pages: Pages, results: dict[str, Any]) -> None:
    page = pages["relu-compare"]
    curves = results["curves"]
    for z in (-3.0, -0.5, 0.0, 2.5):
        put(slider(page, "relu-compare"), z)
        for name in curves.activation.values.tolist():
            page.locator("relu-compare").get_by_label("Dashed").select_option(name)
            one = curves.sel(activation=name, z=z)
            value, slope = written(float(one.value), 3), written(float(one.slope), 3)
            assert f"gives {value} with slope {slope}" in sentence(page, "relu-compare"), (name, z)


def test_one_number_comes_back_with_its_mirror(pages: Pages) -> None:
    page = pages["relu-pair"]
    box = page.locator("relu-pair")
    for z in ("-1.3", "0.7"):
        put(slider(page, "relu-pair"), z)
        box.get_by_label("Add the mirror unit").uncheck()
        assert ("which one it was is lost" in sentence(page, "relu-pair")) == (float(z) < 0)
        box.get_by_label("Add the mirror unit").check()
        assert "nothing is lost" in sentence(page, "relu-pair")


def test_points_come_back_where_pytorch_says_so(pages: Pages, results: dict[str, Any]) -> None:
    page = pages["relu-pair"]
    looks = results["looks"]
    box = page.locator("relu-pair")
    box.get_by_label("Goes in").select_option("2")
    said = {0: "all zeros", 1: "thick line", 2: "comes back exactly"}
    for n in looks.units.values.tolist():
        tells = looks.tells.sel(units=n).values.tolist()
        put(box.get_by_label("Units", exact=True), n)
        for k in range(1, 72, 6):  # the golden points lie 1.5° past each multiple of 5°
            put(box.get_by_label("The point lies"), 5 * k)
            if tells[k] == tells[k - 1]:
                assert said[tells[k]] in sentence(page, "relu-pair"), (n, 5 * k)


def test_the_crowd_says_what_pytorch_computes(pages: Pages, results: dict[str, Any]) -> None:
    page = pages["relu-crowd"]
    crowd = results["crowd"]
    box = page.locator("relu-crowd")
    for name in ("relu", "leaky_relu", "gelu", "selu", "tanh", "sigmoid"):
        box.get_by_label("Activation").select_option(name)
        mean, spread, zeros = crowd.moments.sel(activation=name).values.tolist()
        assert (
            f": mean {written(mean, 2)}, spread {written(spread, 2)}"
            in sentence(page, "relu-crowd").split("After")[1]
        )
        if zeros:
            assert f"{written(100 * zeros, 0)} % of them are exactly zero" in sentence(page, "relu-crowd")
