"""A picture task without end: characters in many fonts, moved, turned, stretched and noisy."""

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from reluguide.data import outlines
from reluguide.data.outlines import FONTS
from reluguide.data.samples import Data, Seed, check, randomness, scaled

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# With the small letters whose shape is not that of a capital: the 47 classes of Cohen et al. 2017.
MORE_CHARACTERS = CHARACTERS + "abdefghnqrt"

SIDE = 28  # pixels, across and down
_BLOCK = 256  # glyphs drawn at a time: what a core's cache holds
_STEPS = 1 << 24  # how finely a move, a turn or a stretch is divided


def glyphs(
    samples: int = 5000,
    *,
    test_samples: int = 0,
    characters: str = CHARACTERS,
    fonts: Sequence[str] = FONTS,
    test_fonts: int = 0,
    turn: float = 15.0,
    shift: float = 2.0,
    stretch: float = 0.15,
    noise: float = 0.1,
    standardise: bool = True,
    seed: Seed = 0,
) -> Data:
    """Grey 28x28 pictures of characters, in rows of 784; class k is `characters[k]`.

    Each is drawn in a font of its own choice, stretched, turned and moved. No sample that is tested on has
    a turn, shift or stretch that one trained on has: the finest steps of each are dealt to the two in
    turns. The samples to test on depend on the seed and on their own number alone, so that learning with
    more samples is tested on the same ones.

    Capitals are 16 pixels high. Some fonts tell 0 from O, and 1 from I, by little more than the width, so
    that no network gets all of them. Small letters keep their size and their line.

    Nothing is downloaded, and every seed is another split. The pictures are computed in whole numbers from
    the outlines in the font files: the same bytes on every machine and every Python with the same torch, as
    long as Matplotlib ships the same fonts.

    Args:
        samples: how many to train on, classes in equal shares.
        test_samples: how many to test on.
        characters: one class each; any that all fonts have. MORE_CHARACTERS are 47.
        fonts: names in `FONTS`, Matplotlib's DejaVu, STIX and Computer Modern fonts that have letters.
        test_fonts: how many of the fonts, chosen by the seed, draw samples to test on and no others; with 0
            all fonts draw both.
        turn: the largest turn to either side, in degrees.
        shift: the largest move in each direction, in pixels.
        stretch: the largest stretch of width and of height; 0.15 is from 1/1.15 to 1.15 times.
        noise: the standard deviation added to each pixel, as a share of full ink; what is lighter than paper
            or darker than ink is cut off.
        standardise: whether pixels are centred and scaled by the mean and standard deviation of all pixels
            trained on; else they stay ink, from 0 to 1.
        seed: decides everything that is drawn.

    Raises ValueError for a value that is not allowed, MissingExtraError without Matplotlib, and
    MissingFilesError where its fonts have been taken out.
    """
    check(samples, test_samples, noise)
    for name, value, most in (("turn", turn, 180.0), ("shift", shift, SIDE), ("stretch", stretch, 1.0)):
        if not 0 <= value < most:
            raise ValueError(f"{name} is {value}; it must be at least 0 and below {most:g}.")
    _check_characters(characters)
    _check_fonts(fonts, test_fonts)
    canvases = _canvases(characters, tuple(fonts))
    random = randomness(seed)
    order = torch.randperm(len(fonts), generator=random)
    trained, tested = order[test_fonts:], order[:test_fonts] if test_fonts else order
    seeds = torch.randint(1 << 62, (2,), generator=random).tolist()

    def draw(count: int, which: int, drawn_in: Tensor) -> tuple[Tensor, Tensor]:
        one = randomness(seeds[which])
        y = (torch.arange(count) % len(characters))[torch.randperm(count, generator=one)]
        font = drawn_in[torch.randint(len(drawn_in), (count,), generator=one)]
        # Even steps train, odd ones test.
        steps = 2 * torch.randint(_STEPS // 2, (count, 5), generator=one) + which
        moves = _moves(2 * steps.double() / _STEPS - 1, turn, shift, stretch)
        pixels = torch.empty(count, SIDE * SIDE, dtype=torch.uint8)
        for start in range(0, count, _BLOCK):
            block = slice(start, start + _BLOCK)
            shown = _drawn(canvases, font[block] * len(characters) + y[block], moves[block])
            pixels[block] = _noisy(shown, noise, one)
        return pixels, y

    x, y = draw(samples, 0, trained)
    test_x, test_y = draw(test_samples, 1, tested) if test_samples else (None, None)
    x, test_x = scaled(x, test_x, standardise)
    return Data("glyphs", x, y, len(characters), test_x, test_y)


@lru_cache(maxsize=4)
def _canvases(characters: str, fonts: tuple[str, ...]) -> Tensor:
    """The fine pictures of all characters of all fonts: (fonts * characters, side, side) uint8."""
    pictures = [outlines.ink(font, character) for font in fonts for character in characters]
    return torch.stack([torch.from_numpy(picture) for picture in pictures])


def _moves(drawn: Tensor, turn: float, shift: float, stretch: float) -> Tensor:
    """From numbers between -1 and 1, where each pixel looks: (N, 6), the rows (a, b, c) of u = ax + by + c.

    Only sums, products and quotients: sine and cosine differ in the last bit from library to library.
    """
    # Half the turn's tangent, on a grid so coarse that the last bit of tan is rounded away.
    tangent = drawn[:, 0] * (round(math.tan(math.radians(turn) / 2) * 2**20) / 2**20)
    square = tangent * tangent
    cosine, sine = (1 - square) / (1 + square), 2 * tangent / (1 + square)
    grown = torch.where(drawn[:, 1:3] > 0, 1 + stretch * drawn[:, 1:3], 1 / (1 - stretch * drawn[:, 1:3]))
    right, down = shift * drawn[:, 3], shift * drawn[:, 4]
    a, b = cosine / grown[:, 0], sine / grown[:, 0]
    d, e = -sine / grown[:, 1], cosine / grown[:, 1]
    return torch.stack([a, b, -a * right - b * down, d, e, -d * right - e * down], dim=1)


def _drawn(canvases: Tensor, which: Tensor, moves: Tensor) -> Tensor:
    """The pixels (N, SIDE * SIDE) of the canvases `which`, from 0 to 255, as int32.

    A pixel lies between four points of its canvas, and mixes them by its distances in 256ths.
    """
    side = canvases.shape[1]
    line = torch.arange(SIDE, dtype=torch.float64) + (0.5 - SIDE / 2)
    x, y = line.repeat(SIDE), line.repeat_interleave(SIDE)
    place = [
        (moves[:, k, None] * x + moves[:, k + 1, None] * y + moves[:, k + 2, None]) * outlines.FINE
        for k in (0, 3)
    ]
    # The outermost points are paper, for every place outside as well.
    u, v = (((one + (side - 1) / 2) * 256).floor().int().clamp_(0, (side - 1) * 256 - 1) for one in place)
    left, above = u >> 8, v >> 8
    right, below = u & 255, v & 255
    first = which.int()[:, None] * (side * side) + above * side + left
    ink = canvases.view(-1)

    def mixed(at: Tensor) -> Tensor:
        one, other = ink.take(at.long()).int(), ink.take(at.long() + 1).int()
        return one * (256 - right) + other * right

    return (mixed(first) * (256 - below) + mixed(first + side) * below + (1 << 15)) >> 16


def _noisy(pixels: Tensor, noise: float, random: torch.Generator) -> Tensor:
    """Pixels with noise added, as bytes: the sum of four numbers of 7 bits is near enough to normal."""
    if noise:
        bits = torch.empty(pixels.shape, dtype=torch.int32).random_(generator=random)
        total = (bits & 127) + ((bits >> 7) & 127) + ((bits >> 14) & 127) + ((bits >> 21) & 127)
        spread = math.sqrt(4 * (128**2 - 1) / 12)
        strength = round(noise * 255 / spread * 2**16)
        pixels = pixels + (((total.long() - 254) * strength + (1 << 15)) >> 16)
    return pixels.clamp(0, 255).to(torch.uint8)


def _check_characters(characters: str) -> None:
    if len(characters) < 2:
        raise ValueError(f"characters is {characters!r}; it must be at least 2, one a class.")
    if twice := [one for one in dict.fromkeys(characters) if characters.count(one) > 1]:
        raise ValueError(f"characters has {twice[0]!r} twice; each is a class of its own.")


def _check_fonts(fonts: Sequence[str], test_fonts: int) -> None:
    if isinstance(fonts, str):
        raise ValueError(f"fonts is {fonts!r}; it must be a list of names, like [{fonts!r}].")
    if unknown := [font for font in fonts if font not in FONTS]:
        raise ValueError(f"fonts has {unknown[0]!r}; it can have {', '.join(FONTS)}.")
    if not fonts:
        raise ValueError("fonts is empty; at least one is needed to draw with.")
    if not 0 <= test_fonts < len(fonts):
        raise ValueError(
            f"test_fonts is {test_fonts}; of {len(fonts)} fonts it can be 0 to {len(fonts) - 1}, so that one "
            "is left to train on."
        )
