"""The characters of the fonts that Matplotlib ships, as fine pictures.

A font file gives the outline of a character, in whole units of its own; no hinting and no rasteriser is
asked. What makes ink of outlines is the arithmetic below, in which IEEE 754 leaves no choice. So a picture
depends on the font file alone, and neither on the FreeType that Matplotlib brings nor on the machine.
"""

import os
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reluguide.data.samples import MissingExtraError, MissingFilesError

# Those that every Matplotlib from 3.9 has; its other fonts have no letters, or came later.
FONTS = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique",
    "DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique",
    "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic",
    "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta",
    "cmr10", "cmb10", "cmss10", "cmtt10",
)  # fmt: skip

WIDE = 32  # pixels of a glyph, across and down the canvas on which a character stands
FINE = 4  # points of the canvas a pixel, in each direction
CAPITAL = 16  # pixels, the height of an H
CURVE = 8  # straight pieces for each curve of an outline
_INSIDE = 8  # places a pixel, in each direction, of which each is inside the outline or not


@cache
def ink(font: str, character: str) -> NDArray[np.uint8]:
    """The character on its canvas, (WIDE * FINE, WIDE * FINE), from 0 (paper) to 255 (ink).

    A point is the share of ink in the pixel around it. Capitals stand in the middle, every other character
    on their line and in their scale.
    """
    edges = _edges(font, character)
    height = _edges(font, "H")[:, [1, 3]].max()
    middle = np.array([(edges[:, [0, 2]].max() + edges[:, [0, 2]].min()) / 2, height / 2])
    inside = _inside((edges - np.tile(middle, 2)) * CAPITAL / height)
    # Sums over squares of one pixel, around every second place: differences of running sums.
    reach, step = _INSIDE // 2, _INSIDE // FINE
    low = np.arange(WIDE * FINE) * step + step // 2
    part = np.pad(inside, ((reach + 1, reach), (reach + 1, reach))).astype(np.int16)
    for axis in (0, 1):
        running = part.cumsum(axis, dtype=np.int16)
        part = running.take(low + _INSIDE, axis) - running.take(low, axis)
    whole = _INSIDE * _INSIDE
    levels: NDArray[np.uint8] = ((part.astype(np.int32) * 255 + whole // 2) // whole).astype(np.uint8)
    return levels


def _inside(edges: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which places of the canvas, whose middle is (0, 0), the outline winds around."""
    side = WIDE * _INSIDE
    x0, y0, x1, y1 = edges.T
    heights = WIDE / 2 - (np.arange(side) + 0.5) / _INSIDE  # from the top down
    crossed = (y0 <= heights[:, None]) != (y1 <= heights[:, None])
    rows, which = np.nonzero(crossed)
    x0, y0, x1, y1 = x0[which], y0[which], x1[which], y1[which]
    x = x0 + (heights[rows] - y0) * (x1 - x0) / (y1 - y0)
    columns = np.ceil((x + WIDE / 2) * _INSIDE - 0.5).clip(0, side).astype(np.int64)
    turns = np.zeros((side, side + 1), dtype=np.int16)
    np.add.at(turns, (rows, columns), np.where(y1 > y0, 1, -1).astype(np.int16))
    inside: NDArray[np.bool_] = turns.cumsum(1, dtype=np.int16)[:, :side] != 0
    return inside


@cache
def _edges(font: str, character: str) -> NDArray[np.float64]:
    """The outline as straight edges (x0, y0, x1, y1), in units of the font."""
    from matplotlib.path import Path

    file = _file(font)
    flags = _flags()
    if not file.get_char_index(ord(character)):  # 0 is the picture of what is missing
        raise ValueError(f"font {font!r} has no {character!r}; characters can be those that all fonts have.")
    file.load_char(ord(character), flags=flags)
    points, codes = file.get_path()
    points = points * 64  # Matplotlib takes the whole units for 64ths
    pieces: list[NDArray[np.float64]] = []
    share = (np.arange(1, CURVE + 1) / CURVE)[:, None]
    i = 0
    start = here = np.zeros(2)
    while i < len(codes):
        code = codes[i]
        if code == Path.MOVETO:
            start = here = points[i]
            i += 1
            continue
        if code == Path.LINETO:
            line, used = points[i : i + 1], 1
        elif code == Path.CURVE3:
            control, end = points[i : i + 2]
            line = (1 - share) * ((1 - share) * here + 2 * share * control) + share * share * end
            used = 2
        elif code == Path.CURVE4:
            one, two, end = points[i : i + 3]
            rest = 1 - share
            line = rest * (rest * (rest * here + 3 * share * one) + 3 * share * share * two)
            line, used = line + share * share * share * end, 3
        else:  # CLOSEPOLY, whose own point means nothing
            line, used = start[None], 1
        corners = np.concatenate([here[None], line])
        pieces.append(np.concatenate([corners[:-1], corners[1:]], axis=1))
        here, i = corners[-1], i + used
    if not pieces:
        raise ValueError(f"{character!r} has no ink in font {font!r}; a glyph needs some.")
    return np.concatenate(pieces)


@cache
def _file(font: str) -> Any:
    try:
        import matplotlib
        from matplotlib.ft2font import FT2Font
    except ImportError as error:
        raise MissingExtraError(
            "The glyphs are drawn from the fonts that come with Matplotlib, which is not installed here. "
            "Install it: pip install matplotlib"
        ) from error
    path = os.path.join(matplotlib.get_data_path(), "fonts", "ttf", f"{font}.ttf")
    if not os.path.isfile(path):
        raise MissingFilesError(
            f"The glyphs are drawn from the fonts that come with Matplotlib, but {path} is not there. Some "
            "systems take the fonts out of their Matplotlib; the one from the index has them: "
            "pip install --force-reinstall matplotlib"
        )
    # Before 3.11 Matplotlib divides widths by 8 unless told otherwise; from then on it must not be told.
    wide: dict[str, Any] = {} if matplotlib.__version_info__ >= (3, 11) else {"hinting_factor": 1}
    return FT2Font(path, **wide)


def _flags() -> Any:
    """Outlines in the font's own units: FreeType's FT_LOAD_NO_SCALE, as this Matplotlib spells it."""
    from matplotlib import ft2font

    flags = getattr(ft2font, "LoadFlags", None)
    return ft2font.LOAD_NO_SCALE if flags is None else flags.NO_SCALE  # type: ignore[attr-defined]
