"""Handwritten digits, bundled with scikit-learn."""

import torch

from reluguide.data.samples import Data, MissingExtraError, Seed, randomness


def digits(*, train: int = 1200, standardise: bool = True, seed: Seed = 0) -> Data:
    """The 1797 bundled 8x8 images of handwritten digits: `train` to learn from, the rest to test.

    `seed` decides which are which. Pixels are centred and scaled by the mean and standard deviation that
    each has over the training images; a pixel that never varies becomes 0. With `standardise=False` they
    stay ink, from 0 to 1. Nothing is downloaded.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI repository (1998).
    Raises MissingExtraError where scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingExtraError(
            "The digits come with scikit-learn, which is not installed here. "
            "Install the extra that has it: pip install 'reluguide[site]'"
        ) from error
    images, labels = load_digits(return_X_y=True)
    if not 1 <= train < len(images):
        raise ValueError(
            f"train is {train}; there are {len(images)} images, so it can be 1 to {len(images) - 1}."
        )
    order = torch.randperm(len(images), generator=randomness(seed))
    x = torch.from_numpy(images).float()[order]
    y = torch.from_numpy(labels).long()[order]
    if standardise:
        mean, spread = x[:train].mean(0), x[:train].std(0, correction=0)
        x = (x - mean) / torch.where(spread > 0, spread, torch.ones_like(spread)) * (spread > 0)
    else:
        x = x / 16
    return Data("digits", x[:train], y[:train], 10, x[train:], y[train:])
