"""The explorables' arithmetic, run in the browser, against PyTorch in float64.

1e-12 for functions and their slopes, 1e-9 relative for training losses, counts exact. The grid holds 0
and points 1e-12 beside it, where a wrong convention at the corner would show.
"""

import itertools
import math
from typing import Any

import pytest
import xarray as xr
from playwright.sync_api import Page

from tests.site.browsing import Opener, Site

pytestmark = pytest.mark.browser


@pytest.fixture
def page(specimen: Site, reader: Opener) -> Page:
    page = reader().new_page()
    page.goto(specimen.url)
    page.evaluate(
        "async url => { window.maths = await import(url); }", specimen.url + "assets/explorables/maths.js"
    )
    return page


def apart(one: list[float], other: xr.DataArray) -> float:
    assert len(one) == other.size > 0
    return max(abs(a - b) for a, b in zip(one, other.values.tolist()))


def test_activations_and_slopes(page: Page, results: dict[str, Any]) -> None:
    curves = results["curves"]
    grid, names = curves.z.values.tolist(), curves.activation.values.tolist()
    assert {0.0, 1e-12, -1e-12} <= set(grid)
    assert set(page.evaluate("Object.keys(maths.ACTIVATIONS)")) == set(names)
    for name in names:
        values, slopes = page.evaluate(
            "([name, grid]) => ['f', 'd'].map((one) => grid.map(maths.ACTIVATIONS[name][one]))", [name, grid]
        )
        assert apart(values, curves.value.sel(activation=name)) <= 1e-12, name
        assert apart(slopes, curves.slope.sel(activation=name)) <= 1e-12, f"slope of {name}"


def test_the_door(page: Page, results: dict[str, Any]) -> None:
    curves = results["curves"]
    for slope, floor in itertools.product(curves.below.values.tolist(), curves.floor.values.tolist()):
        values, slopes = page.evaluate(
            "([grid, slope, floor]) => [maths.door, maths.doorSlope].map((f) => grid.map((z) => f(z, slope, floor)))",
            [curves.z.values.tolist(), slope, floor],
        )
        one = curves.sel(below=slope, floor=floor)
        assert apart(values, one.door) <= 1e-12, slope
        assert apart(slopes, one.door_slope) <= 1e-12, slope


def test_folds(page: Page, results: dict[str, Any]) -> None:
    folds = results["folds"]
    fine = [-2 + i / 100 for i in range(401)]
    for target, n in itertools.product(folds.target.values.tolist(), folds.units.values.tolist()):
        got, gap = page.evaluate(
            """([target, n, points, fine]) => {
                const { f } = maths.TARGETS[target];
                const folded = maths.fold(f, n);
                return [points.map((x) => maths.foldedAt(folded, x)), maths.largestGap(f, folded, fine)];
            }""",
            [target, n, folds.x.values.tolist(), fine],
        )
        one = folds.sel(target=target, units=n)
        assert apart(got, one.sums) <= 1e-12, (target, n)
        assert abs(gap - float(one.gap)) <= 1e-12, (target, n)


def test_training(page: Page, results: dict[str, Any]) -> None:
    runs = results["runs"]
    every, steps = runs.attrs["every"], runs.attrs["steps"]
    data = [runs.inputs.values.tolist(), runs.targets.values.tolist()]
    for seed, rate, leak in itertools.product(
        *(runs[dim].values.tolist() for dim in ("seed", "rate", "leak"))
    ):
        one = runs.sel(seed=seed, rate=rate, leak=leak)
        start = {name: one.start.sel(of=name).values.tolist() for name in one.start.of.values.tolist()}
        got = page.evaluate(
            """([start, inputs, targets, rate, slope, steps]) => {
                const run = maths.train({ start, inputs, targets, rate, slope, steps });
                return { losses: [...run.losses], off: [...run.off], blewUp: run.blewUp };
            }""",
            [{**start, "b2": float(one.b2)}, *data, rate, leak, steps],
        )
        where = f"seed {seed}, rate {rate}, slope {leak}"
        steady = int(one.steady)
        assert got["off"][::every][:steady] == one.off.values[:steady].tolist(), where
        for ours, theirs in zip(got["losses"][::every], one.loss.values[:steady]):
            assert math.isclose(ours, theirs, rel_tol=1e-9), where
        assert (got["blewUp"] is not None) == bool(one.loss.isnull().any()), where
    assert runs.steady.sum() > 0.9 * runs.loss.notnull().sum()


def test_what_units_tell(page: Page, results: dict[str, Any]) -> None:
    looks = results["looks"]
    points = looks.place.values.tolist()
    for n in looks.units.values.tolist():
        got = page.evaluate(
            "([n, points]) => points.map((point) => maths.kept(maths.directions(n), point))", [n, points]
        )
        assert [one["tells"] for one in got] == looks.tells.sel(units=n).values.tolist(), n
        for one, place in zip(got, looks.place):
            assert (one["point"] is None) == (one["tells"] < 2)
            if one["point"] is not None:
                assert apart(one["point"], place) <= 1e-12


def test_points_that_look_alike_do(page: Page, results: dict[str, Any]) -> None:
    """Everything that the picture marks as the same gives the same activations; what it leaves out does not."""
    worst, corners = page.evaluate(
        """(points) => {
            let [worst, corners] = [0, 0];
            for (const n of [1, 2, 3, 4, 5, 6])
                for (const point of points) {
                    const units = maths.directions(n);
                    const { activations } = maths.kept(units, point);
                    for (const corner of maths.alike(units, point, 2)) {
                        corners += 1;
                        const there = maths.kept(units, corner).activations;
                        worst = Math.max(worst, ...there.map((value, k) => Math.abs(value - activations[k])));
                    }
                }
            return [worst, corners];
        }""",
        results["looks"].place.values.tolist(),
    )
    assert worst <= 1e-12
    assert corners > 6 * results["looks"].sizes["point"]  # lines and areas, not single points alone


def test_the_crowd(page: Page, results: dict[str, Any]) -> None:
    crowd = results["crowd"]
    samples = crowd.samples.values.tolist()
    for name in crowd.activation.values.tolist():
        moments = crowd.moments.sel(activation=name)
        got = page.evaluate(
            """([name, samples]) => {
                const { mean, spread, zeros } =
                    maths.describe(samples.map((sample) => maths.ACTIVATIONS[name].f(sample / 256)));
                return [mean, spread, zeros];
            }""",
            [name, samples],
        )
        assert apart(got[:2], moments.sel(moment=["mean", "spread"])) <= 1e-12, name
        assert got[2] == moments.sel(moment="zeros"), name
    counts = page.evaluate("samples => maths.histogram(samples.map((s) => s / 256), -4, 4, 48)", samples)
    assert sum(counts) == len(samples)
