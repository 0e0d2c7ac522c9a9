"""The explorables' arithmetic, run in the browser, against PyTorch in float64.

1e-12 for functions and their slopes, 1e-9 relative for training losses, counts exact. The grid holds 0
and points 1e-12 beside it, where a wrong convention at the corner would show.
"""

import json
import math
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.site.browsing import Opener, Site

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def results(specimen: Site) -> dict[str, Any]:
    """The golden values as the site publishes them."""
    text = (specimen.root / "assets/data/explorables/golden.json").read_text(encoding="utf-8")
    return {name: SimpleNamespace(**fields) for name, fields in json.loads(text).items()}


@pytest.fixture
def page(specimen: Site, reader: Opener) -> Page:
    page = reader().new_page()
    page.goto(specimen.url)
    page.evaluate(
        "async url => { window.maths = await import(url); }", specimen.url + "assets/explorables/maths.js"
    )
    return page


def apart(one: list[float], other: list[float]) -> float:
    assert len(one) == len(other) > 0
    return max(abs(a - b) for a, b in zip(one, other))


def test_activations_and_slopes(page: Page, results: dict[str, Any]) -> None:
    curves = results["curves"]
    assert {0.0, 1e-12, -1e-12} <= set(curves.grid)
    assert set(page.evaluate("Object.keys(maths.ACTIVATIONS)")) == set(curves.values)
    for name in curves.values:
        values, slopes = page.evaluate(
            "([name, grid]) => ['f', 'd'].map((one) => grid.map(maths.ACTIVATIONS[name][one]))",
            [name, curves.grid],
        )
        assert apart(values, curves.values[name]) <= 1e-12, name
        assert apart(slopes, curves.slopes[name]) <= 1e-12, f"slope of {name}"


def test_the_door(page: Page, results: dict[str, Any]) -> None:
    curves = results["curves"]
    for door in curves.door:
        values, slopes = page.evaluate(
            "([grid, slope, floor]) => [maths.door, maths.doorSlope].map((f) => grid.map((z) => f(z, slope, floor)))",
            [curves.grid, door["slope"], door["floor"]],
        )
        assert apart(values, door["values"]) <= 1e-12, door["slope"]
        assert apart(slopes, door["slopes"]) <= 1e-12, door["slope"]


def test_folds(page: Page, results: dict[str, Any]) -> None:
    folds = results["folds"]
    fine = [-2 + i / 100 for i in range(401)]
    for target, sums in folds.sums.items():
        for n, expected in sums.items():
            got, gap = page.evaluate(
                """([target, n, points, fine]) => {
                    const { f } = maths.TARGETS[target];
                    const folded = maths.fold(f, n);
                    return [points.map((x) => maths.foldedAt(folded, x)), maths.largestGap(f, folded, fine)];
                }""",
                [target, int(n), folds.points, fine],
            )
            assert apart(got, expected) <= 1e-12, (target, n)
            assert abs(gap - folds.gap[target][n]) <= 1e-12, (target, n)


def test_training(page: Page, results: dict[str, Any]) -> None:
    runs = results["runs"]
    compared = 0
    for start, weights in enumerate(runs.starts):
        for i, rate in enumerate(runs.rates):
            for k, leak in enumerate(runs.leaks):
                expected, off = runs.losses[start][i][k], runs.off[start][i][k]
                steady = runs.steady[start][i][k]
                got = page.evaluate(
                    """([start, inputs, targets, rate, slope, steps]) => {
                        const run = maths.train({ start, inputs, targets, rate, slope, steps });
                        return { losses: [...run.losses], off: [...run.off], blewUp: run.blewUp };
                    }""",
                    [weights, runs.inputs, runs.targets, rate, leak, runs.steps],
                )
                where = f"seed {start}, rate {rate}, slope {leak}"
                assert got["off"][:: runs.every][:steady] == off[:steady], where
                for ours, theirs in zip(got["losses"][:: runs.every], expected[:steady]):
                    assert math.isclose(ours, theirs, rel_tol=1e-9), where
                blew_up = len(expected) <= runs.steps // runs.every
                assert (got["blewUp"] is not None) == blew_up, where
                compared += steady
    assert compared > 0.9 * sum(len(one) for start in runs.losses for rate in start for one in rate)


def test_what_units_tell(page: Page, results: dict[str, Any]) -> None:
    looks = results["looks"]
    for n, tells in looks.tells.items():
        got = page.evaluate(
            "([n, points]) => points.map((point) => maths.kept(maths.directions(n), point))",
            [int(n), looks.points],
        )
        assert [one["tells"] for one in got] == tells, n
        for one, point, error in zip(got, looks.points, looks.error[n]):
            assert (one["point"] is None) == (error is None)
            if one["point"] is not None:
                assert apart(one["point"], point) <= 1e-12


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
        results["looks"].points,
    )
    assert worst <= 1e-12
    assert corners > 6 * len(results["looks"].points)  # lines and areas, not single points alone


def test_the_crowd(page: Page, results: dict[str, Any]) -> None:
    crowd = results["crowd"]
    for name, moments in crowd.moments.items():
        got = page.evaluate(
            """([name, samples]) => {
                const { mean, spread, zeros } =
                    maths.describe(samples.map((sample) => maths.ACTIVATIONS[name].f(sample / 256)));
                return [mean, spread, zeros];
            }""",
            [name, crowd.samples],
        )
        assert apart(got[:2], moments[:2]) <= 1e-12, name
        assert got[2] == moments[2], name
    counts = page.evaluate(
        "samples => maths.histogram(samples.map((s) => s / 256), -4, 4, 48)", crowd.samples
    )
    assert sum(counts) == len(crowd.samples)
