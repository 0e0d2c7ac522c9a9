"""The splits of the digits that experiments cross their seeds with, so that intervals cover both."""

from reluguide.data import Data, digits

SPLITS = range(4)


def splits(*, train: int = 1200, standardise: bool = True) -> list[Data]:
    """The digits once a split: which images are learned from and which are tested on differs."""
    return [digits(train=train, standardise=standardise, seed=split) for split in SPLITS]
