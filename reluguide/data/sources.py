"""A text task without a download: the characters of a package's sources, that every torch brings along."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from reluguide.data.samples import Data, MissingExtraError, MissingFilesError, Seed, check, randomness

OTHER = "\N{REPLACEMENT CHARACTER}"
# Token k is VOCABULARY[k]: the line's end, printable ASCII, and one for everything else.
VOCABULARY = "\n" + "".join(map(chr, range(32, 127))) + OTHER


@dataclass(frozen=True)
class Text:
    """Windows of a text in rows, for a model of characters.

    `x` is (N, context) int64: tokens, which are places in `vocabulary`. `y` is alike, one character further
    on: `y[i, k]` comes after `x[i, :k + 1]`. `test_x` and `test_y` are windows of other files, or None.
    `package` and `version` say whose sources they are.
    """

    name: str
    x: Tensor
    y: Tensor
    vocabulary: str
    package: str
    version: str
    test_x: Tensor | None = None
    test_y: Tensor | None = None

    @property
    def context(self) -> int:
        """How many characters a window has."""
        return self.x.shape[1]

    def read(self, tokens: Tensor | Iterable[int]) -> str:
        """The characters that `tokens`, one row of them, stand for."""
        return "".join(self.vocabulary[int(token)] for token in tokens)

    def rows(self) -> Data:
        """The same as `Data`, for networks without an embedding: the character that follows each window.

        A window is context * len(vocabulary) numbers, of which one a character is not 0. Its size makes the
        mean square of a row 1, as Kaiming's initialisation has it.
        """
        test = (None, None) if self.test_x is None else (self._one_hot(self.test_x), _last(self.test_y))
        return Data(self.name, self._one_hot(self.x), self.y[:, -1].clone(), len(self.vocabulary), *test)

    def _one_hot(self, tokens: Tensor) -> Tensor:
        count = len(self.vocabulary)
        return F.one_hot(tokens, count).flatten(1) * torch.tensor(math.sqrt(count))

    def __repr__(self) -> str:
        test = "" if self.test_x is None else f", {len(self.test_x)} to test"
        return (
            f"Text({self.name!r}: {len(self.x)} windows of {self.context} characters{test}, of the sources of "
            f"{self.package} {self.version}, {len(self.vocabulary)} tokens)"
        )


def text(
    samples: int = 5000, *, context: int = 64, test_samples: int = 0, test_share: float = 0.1, seed: Seed = 0
) -> Text:
    """Windows of `context` characters from the Python sources of NetworkX, 4 million characters of them.

    The seed puts files aside to test on, and then draws the windows, which may overlap: every one of a part
    is as likely as any other. The samples to test on depend on the seed and on their own number alone.

    The tokens are the line's end, the 95 printable characters of ASCII, and one for everything else.
    NetworkX (BSD licence) is installed wherever torch is; which version, the result says. The same version
    and seed give the same bytes on every machine and every Python with the same torch.

    Args:
        samples: windows to train on.
        context: characters in a window.
        test_samples: windows to test on.
        test_share: share of the characters that is put aside with its files; above 0, below 1.
        seed: decides everything that is drawn.

    Raises ValueError for a value that is not allowed, MissingExtraError without NetworkX, and
    MissingFilesError where it is installed without its sources.
    """
    check(samples, test_samples, 0.0)
    if not 0 < test_share < 1:
        raise ValueError(f"test_share is {test_share}; it is a share, above 0 and below 1.")
    if context < 1:
        raise ValueError(f"context is {context}; a window has at least 1 character.")
    version, files = _sources()
    random = randomness(seed)
    tested, trained = _parts(files, test_share, random)
    seeds = torch.randint(1 << 62, (2,), generator=random).tolist()

    def draw(count: int, which: int, tokens: Tensor) -> tuple[Tensor, Tensor]:
        if context >= len(tokens):
            part = "to test on" if which else "to train on"
            raise ValueError(
                f"context is {context}; the part of the text {part} has {len(tokens)} characters, and a "
                "window must be shorter than that."
            )
        starts = torch.randint(len(tokens) - context, (count, 1), generator=randomness(seeds[which]))
        windows = tokens[starts + torch.arange(context + 1)].long()
        return windows[:, :-1], windows[:, 1:]

    x, y = draw(samples, 0, trained)
    test_x, test_y = draw(test_samples, 1, tested) if test_samples else (None, None)
    return Text("text", x, y, VOCABULARY, "networkx", version, test_x, test_y)


def _parts(files: tuple[Tensor, ...], share: float, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """The files in an order of the seed's: the first ones, until they hold that share, and the rest."""
    order = [files[i] for i in torch.randperm(len(files), generator=random).tolist()]
    ends = np.cumsum([len(file) for file in order])
    count = int(np.searchsorted(ends, share * ends[-1])) + 1
    count = min(count, len(files) - 1)
    return torch.cat(order[:count]), torch.cat(order[count:])


@cache
def _sources() -> tuple[str, tuple[Tensor, ...]]:
    """NetworkX's version, and its files without its tests, in the order of their names, as tokens."""
    try:
        import networkx
    except ImportError as error:
        raise MissingExtraError(
            "The text is the sources of NetworkX, which torch asks for and which is not installed here. "
            "Install it: pip install networkx"
        ) from error
    folder = Path(networkx.__file__).parent
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.py")}
    kept = [paths[name] for name in sorted(paths) if "tests" not in name.split("/")]
    files = [_tokens(path.read_bytes()) for path in kept]
    if len(files) < 2 or not sum(map(len, files)):
        raise MissingFilesError(
            f"The text is the Python sources of NetworkX, but {folder} has none (it may be installed as "
            "compiled files). Install it from the index: pip install --force-reinstall networkx"
        )
    return networkx.__version__, tuple(files)


def _tokens(source: bytes) -> Tensor:
    characters = source.decode("utf-8").replace("\r\n", "\n")
    codes = np.frombuffer(characters.encode("utf-32-le"), dtype=np.uint32)
    table = np.full(128, len(VOCABULARY) - 1, dtype=np.uint8)
    table[[ord(one) for one in VOCABULARY[:-1]]] = np.arange(len(VOCABULARY) - 1)
    return torch.from_numpy(table[np.minimum(codes, 127)])


def _last(y: Tensor | None) -> Tensor | None:
    return None if y is None else y[:, -1].clone()
