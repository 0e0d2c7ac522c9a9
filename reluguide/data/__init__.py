"""The data sets of the guide: made from a seed in a moment, or of files that an installed package brings.

Most functions return a `Data`: float32 tensors on the CPU, samples in rows; `text` returns a `Text`, whose
rows are tokens. The same seed gives the same data on every machine with the same torch. Classes come in
random order and, where the data are made, in equal shares.

Nothing is downloaded but by `fashion_mnist` and `cifar10`, which are there for recordings.
"""

from reluguide.data.characters import CHARACTERS, MORE_CHARACTERS, glyphs
from reluguide.data.downloads import cifar10, fashion_mnist
from reluguide.data.handwriting import digits
from reluguide.data.outlines import FONTS
from reluguide.data.plane import moons, rings, spirals
from reluguide.data.samples import Data, MissingExtraError, MissingFilesError, Seed
from reluguide.data.signals import sparse_signal
from reluguide.data.sources import VOCABULARY, Text, text

__all__ = [
    "CHARACTERS",
    "FONTS",
    "MORE_CHARACTERS",
    "VOCABULARY",
    "Data",
    "MissingExtraError",
    "MissingFilesError",
    "Seed",
    "Text",
    "cifar10",
    "digits",
    "fashion_mnist",
    "glyphs",
    "moons",
    "rings",
    "sparse_signal",
    "spirals",
    "text",
]
