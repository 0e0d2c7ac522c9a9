"""The small data sets of the guide: made from a seed in a moment, or bundled with scikit-learn.

Every function returns a `Data`: float32 tensors on the CPU, samples in rows. The same seed gives the
same data on every machine with the same torch. Classes come in equal shares and in random order.
"""

from reluguide.data.handwriting import digits
from reluguide.data.plane import moons, rings, spirals
from reluguide.data.samples import Data, MissingExtraError, Seed
from reluguide.data.signals import sparse_signal

__all__ = [
    "Data",
    "MissingExtraError",
    "Seed",
    "digits",
    "moons",
    "rings",
    "sparse_signal",
    "spirals",
]
