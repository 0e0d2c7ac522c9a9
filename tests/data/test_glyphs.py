"""Glyphs: the same bytes in every process, readable, and another split for every seed."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reluguide.data import (
    CHARACTERS,
    FONTS,
    MORE_CHARACTERS,
    Data,
    MissingExtraError,
    MissingFilesError,
    glyphs,
    outlines,
)
from reluguide.sweep import grid, sweep

ROOT = Path(__file__).resolve().parents[2]
SEEDS = range(4)
STILL: dict[str, Any] = {"turn": 0, "shift": 0, "stretch": 0, "noise": 0, "standardise": False}

HASHED = """
import hashlib, torch
torch.set_num_threads({threads})
from reluguide.data import glyphs, text
digest = hashlib.sha256()
for seed in range(2):
    data = glyphs(100, test_samples=50, test_fonts=3, seed=seed)
    words = text(40, test_samples=20, context=16, seed=seed)
    rows = words.rows()
    for part in (data, words, rows):
        for tensor in (part.x, part.y, part.test_x, part.test_y):
            digest.update(tensor.contiguous().numpy().tobytes())
print(digest.hexdigest())
"""


@pytest.fixture
def no_cache() -> Any:
    """Outlines are drawn again, and nothing drawn here is kept."""
    from reluguide.data import characters

    kept = (outlines.ink, outlines._edges, outlines._file, characters._canvases)
    for one in kept:
        one.cache_clear()
    yield
    for one in kept:
        one.cache_clear()


def pictures(data: Data) -> tuple[torch.Tensor, torch.Tensor]:
    assert data.test_x is not None
    return data.x, data.test_x


def test_two_processes_make_the_same_bytes_whatever_their_threads_and_hashes() -> None:
    def digest(threads: int) -> str:
        command = [sys.executable, "-c", HASHED.format(threads=threads)]
        ran = subprocess.run(
            command,
            cwd=ROOT,
            env={"PYTHONHASHSEED": str(threads), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return ran.stdout.strip()

    one = digest(1)
    assert len(one) == 64 and one == digest(2)


def test_importing_the_data_sets_loads_neither_matplotlib_nor_what_makes_the_others() -> None:
    code = "import reluguide.data, sys; print({'matplotlib', 'networkx', 'sklearn', 'torchvision'} & set(sys.modules))"
    # torch itself may load some of them, so what it loads does not count.
    before = (
        "import torch, sys; print({'matplotlib', 'networkx', 'sklearn', 'torchvision'} & set(sys.modules))"
    )
    loaded = [
        subprocess.run(
            [sys.executable, "-c", one], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for one in (code, before)
    ]
    assert loaded[0] == loaded[1] and "matplotlib" not in loaded[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_gives_the_same_glyphs_and_leaves_global_random_numbers_alone(seed: int) -> None:
    state, numbers = torch.get_rng_state(), np.random.get_state()[1].copy()
    one, two, other = (glyphs(80, test_samples=40, seed=s) for s in (seed, seed, seed + 1))
    assert torch.equal(torch.get_rng_state(), state) and (np.random.get_state()[1] == numbers).all()
    for ours, theirs, others in zip(pictures(one), pictures(two), pictures(other)):
        assert torch.equal(ours, theirs) and not torch.equal(ours, others)
    assert torch.equal(one.y, two.y) and not torch.equal(one.y, other.y)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_tested_on_does_not_depend_on_how_many_are_trained_on(seed: int) -> None:
    few, many = (glyphs(n, test_samples=60, standardise=False, seed=seed) for n in (10, 300))
    assert torch.equal(pictures(few)[1], pictures(many)[1])
    assert few.test_y is not None and many.test_y is not None and torch.equal(few.test_y, many.test_y)


@settings(max_examples=20, deadline=None)
@given(
    samples=st.integers(2, 400),
    test_samples=st.integers(1, 100),
    characters=st.sampled_from([CHARACTERS, MORE_CHARACTERS, "01", "xyz"]),
    fonts=st.lists(st.sampled_from(FONTS), min_size=2, max_size=5, unique=True),
    turn=st.floats(0, 179),
    shift=st.floats(0, 27),
    stretch=st.floats(0, 0.99),
    noise=st.floats(0, 2),
    seed=st.integers(0, 2**40),
)
def test_every_setting_gives_balanced_classes_and_ink_from_0_to_1(
    samples: int, test_samples: int, characters: str, seed: int, **settings: Any
) -> None:
    data = glyphs(
        samples,
        test_samples=test_samples,
        characters=characters,
        standardise=False,
        test_fonts=1,
        seed=seed,
        **settings,
    )
    assert data.test_y is not None and data.classes == len(characters)
    for x, y, count in (
        (data.x, data.y, samples),
        (pictures(data)[1], data.test_y, test_samples),
    ):
        assert x.shape == (count, 784) and x.dtype == torch.float32 and y.dtype == torch.int64
        shares = torch.bincount(y, minlength=len(characters))
        assert shares.max() - shares.min() <= 1
        assert x.min() >= 0 and x.max() <= 1
        levels = x * 255
        torch.testing.assert_close(levels, levels.round())


@pytest.mark.parametrize("seed", SEEDS)
def test_no_picture_is_both_trained_and_tested_on(seed: int) -> None:
    # Without noise, and in one font, so that nothing but turn, shift and stretch tells pictures apart.
    data = glyphs(2000, test_samples=1000, characters="AB", fonts=["cmr10"], noise=0, seed=seed)
    trained, tested = ({row.numpy().tobytes() for row in part} for part in pictures(data))
    assert len(trained) > 1900 and not trained & tested


def test_the_steps_of_turn_shift_and_stretch_are_dealt_to_training_and_testing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from reluguide.data import characters

    drawn: list[torch.Tensor] = []
    moves = characters._moves
    monkeypatch.setattr(characters, "_moves", lambda *args: drawn.append(args[0]) or moves(*args))
    glyphs(3000, test_samples=3000)
    trained, tested = ((part + 1) / 2 * characters._STEPS for part in drawn)
    assert (trained % 2 == 0).all() and (tested % 2 == 1).all()
    for part in drawn:
        assert part.shape == (3000, 5) and part.min() >= -1 and part.max() < 1
        assert abs(part.mean()) < 0.02 and abs(part.std() - 3**-0.5) < 0.02


@pytest.mark.parametrize("seed", SEEDS)
def test_fonts_put_aside_draw_what_is_tested_on_and_nothing_else(seed: int) -> None:
    # Every glyph stands still, so that a picture names its font: no two fonts here draw an R alike.
    fonts = FONTS[::3]
    data = glyphs(1000, test_samples=500, characters="RK", fonts=fonts, test_fonts=2, seed=seed, **STILL)
    trained, tested = ({row.numpy().tobytes() for row in part} for part in pictures(data))
    assert len(trained) == 2 * (len(fonts) - 2) and len(tested) == 4 and not trained & tested
    mixed = glyphs(1000, test_samples=500, characters="RK", fonts=fonts, seed=seed, **STILL)
    trained, tested = ({row.numpy().tobytes() for row in part} for part in pictures(mixed))
    assert trained == tested and len(trained) == 2 * len(fonts)


@pytest.mark.parametrize("character", "AO8gQ%")
@pytest.mark.parametrize("font", ["DejaVuSans", "DejaVuSerif-BoldItalic", "STIXGeneral", "cmr10"])
def test_ink_is_where_matplotlib_puts_it(font: str, character: str) -> None:
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.patches import PathPatch
    from matplotlib.textpath import TextPath

    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"
    capital, path = (
        TextPath((0, 0), one, size=100, prop=FontProperties(fname=str(file))) for one in ("H", character)
    )
    pixel = capital.get_extents().y1 / outlines.CAPITAL
    middle, reach = (path.get_extents().x0 + path.get_extents().x1) / 2, outlines.WIDE / 2 * pixel
    side = outlines.WIDE * outlines.FINE
    figure = Figure(figsize=(side / 100, side / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(middle - reach, middle + reach))
    axes.set_ylim(capital.get_extents().y1 / 2 - reach, capital.get_extents().y1 / 2 + reach)
    axes.axis("off")
    axes.add_patch(PathPatch(path, facecolor="black", linewidth=0))
    canvas.draw()
    shown = 1 - np.asarray(canvas.buffer_rgba())[..., 0] / 255
    ink = outlines.ink(font, character)
    # `ink` spreads each point over a pixel: the two agree in sum, and where all or nothing is ink. Hinting
    # may move Matplotlib's a little.
    assert shown.sum() > 500 and abs(ink.sum() / 255 - shown.sum()) < 0.02 * shown.sum()
    assert shown[ink == 0].mean() < 0.001
    assert not (ink == 255).any() or shown[ink == 255].mean() > 0.99


def test_capitals_have_their_height_and_small_letters_stand_on_the_line() -> None:
    def rows(font: str, character: str) -> tuple[int, int]:
        dark = np.flatnonzero(outlines.ink(font, character).max(1) > 127)
        return int(dark[0]), int(dark[-1])

    for font in FONTS:
        top, bottom = rows(font, "H")
        assert abs(bottom - top + 1 - outlines.CAPITAL * outlines.FINE) <= 2
        assert abs(top + bottom + 1 - outlines.WIDE * outlines.FINE) <= 2  # in the middle
        small = rows(font, "n")
        assert abs(small[1] - bottom) <= 3 and small[0] > top + 8
        assert rows(font, "g")[1] > bottom + 8


def test_turn_shift_and_stretch_do_what_their_names_say() -> None:
    def one(**moved: Any) -> torch.Tensor:
        settings = STILL | moved
        x = glyphs(2000, characters="IH", fonts=["DejaVuSans"], **settings)
        return x.x.view(-1, 28, 28)[x.y == 0]  # an I is an upright bar

    place = torch.arange(28.0) - 13.5
    bar = one()
    mass = bar.sum((1, 2))
    assert (bar == bar[0]).all() and abs((bar.sum(1) * place).sum(1) / mass).max() < 1e-2

    moved = one(shift=5)
    across, down = (moved.sum(axis) @ place / moved.sum((1, 2)) for axis in (1, 2))
    for offsets in (across, down):
        assert 4.8 < offsets.max() < 5.05 and -5.05 < offsets.min() < -4.8

    turned = one(turn=45)
    spread = [(turned.sum(axis) @ place**2 / turned.sum((1, 2))) for axis in (1, 2)]
    slope = torch.einsum("nyx,y,x->n", turned, place, place) / turned.sum((1, 2))
    angle = torch.rad2deg(0.5 * torch.atan2(2 * slope, spread[1] - spread[0]))
    assert 43 < angle.max() < 45.5 and -45.5 < angle.min() < -43

    stretched = one(stretch=0.25)
    heights = (stretched.sum(2) > 0.5).sum(1)
    assert abs(int(heights.max()) - 16 * 1.25) < 2 and abs(int(heights.min()) - 16 / 1.25) < 2


def test_noise_has_its_size_and_is_cut_off_at_paper_and_ink() -> None:
    clean = glyphs(500, standardise=False, noise=0)
    noisy = glyphs(500, standardise=False, noise=0.05)
    middle = (clean.x > 0.3) & (clean.x < 0.7)  # where nothing is cut off
    added = (noisy.x - clean.x)[middle]
    assert abs(added.std() - 0.05) < 0.002 and abs(added.mean()) < 0.001
    assert (noisy.x[clean.x == 0] == 0).float().mean() > 0.4


def test_standardised_pixels_have_mean_0_and_standard_deviation_1_over_what_is_trained_on() -> None:
    data, ink = (glyphs(400, test_samples=400, standardise=one) for one in (True, False))
    assert abs(data.x.double().mean()) < 1e-6 and abs(data.x.double().std(correction=0) - 1) < 1e-6
    mean, spread = ink.x.double().mean(), ink.x.double().std(correction=0)
    for ours, theirs in zip(pictures(data), pictures(ink)):
        torch.testing.assert_close(ours.double(), (theirs.double() - mean) / spread, atol=1e-5, rtol=0)


@pytest.mark.parametrize("hard", [{}, {"turn": 25, "shift": 3, "stretch": 0.25, "noise": 0.3}])
def test_a_moved_character_is_still_readable(hard: dict[str, Any]) -> None:
    data = glyphs(3600, test_samples=720, seed=3, **hard)
    assert data.test_x is not None and data.test_y is not None
    centres = torch.stack([data.x[data.y == k].mean(0) for k in range(36)])
    found = torch.cdist(data.test_x, centres).argmin(1)
    assert (found == data.test_y).float().mean() > 8 / 36  # chance is 1 of 36


def test_small_networks_learn_to_read_splits_crossed_with_seeds() -> None:
    sets = [glyphs(1500, test_samples=500, seed=split) for split in (1, 2)]
    crossed = grid(data=sets, seeds=range(2))
    result = sweep([784, 32, 36], optimizer="adam", lr=0.003, batch_size=50, steps=400, **crossed)
    assert (result.test_accuracy > 0.5).all()
    accuracy = crossed.shaped(result.test_accuracy)
    assert accuracy.shape == (2, 2) and len(set(accuracy.flat)) > 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 1}, "samples is 1; it must be at least 2"),
        ({"test_samples": -1}, "test_samples is -1"),
        ({"noise": -0.1}, "noise is -0.1"),
        ({"turn": 180}, "turn is 180; it must be at least 0 and below 180"),
        ({"shift": -1}, "shift is -1; it must be at least 0 and below 28"),
        ({"stretch": float("nan")}, "stretch is nan; it must be at least 0 and below 1"),
        ({"characters": "A"}, "characters is 'A'; it must be at least 2, one a class"),
        ({"characters": "ABA"}, "characters has 'A' twice; each is a class of its own"),
        ({"characters": "A "}, "' ' has no ink in font 'DejaVuSans'"),
        ({"characters": "A中"}, "font 'DejaVuSans' has no '中'"),
        ({"fonts": ["Arial"]}, "fonts has 'Arial'; it can have DejaVuSans, DejaVuSans-Bold"),
        ({"fonts": "cmr10"}, r"fonts is 'cmr10'; it must be a list of names, like \['cmr10'\]"),
        ({"fonts": []}, "fonts is empty"),
        ({"test_fonts": len(FONTS)}, f"test_fonts is {len(FONTS)}; of {len(FONTS)} fonts it can be 0 to "),
    ],
)
def test_errors_name_the_argument_and_its_value(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        glyphs(**({"samples": 10} | options))


@pytest.mark.usefixtures("no_cache")
def test_missing_fonts_are_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import matplotlib

    monkeypatch.setattr(matplotlib, "get_data_path", lambda: str(tmp_path))
    place = tmp_path / "fonts" / "ttf" / "DejaVuSans.ttf"
    with pytest.raises(MissingFilesError, match="is not there") as caught:
        glyphs(10)
    assert str(place) in str(caught.value) and "pip install --force-reinstall matplotlib" in str(caught.value)


@pytest.mark.usefixtures("no_cache")
def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.ft2font", None)
    with pytest.raises(MissingExtraError, match=r"come with Matplotlib.*pip install matplotlib"):
        glyphs(10)
