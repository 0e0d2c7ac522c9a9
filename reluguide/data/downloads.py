"""Two sets of pictures that everybody knows, where torchvision and a network are there.

Nothing that a build of the guide shows may need them: they are for recordings.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reluguide.data.samples import Data, MissingExtraError, MissingFilesError, Seed, check, randomness, scaled


def fashion_mnist(
    samples: int = 5000,
    *,
    test_samples: int = 0,
    standardise: bool = True,
    folder: str | Path | None = None,
    seed: Seed = 0,
) -> Data:
    """Grey 28x28 pictures of clothes in 10 classes, in rows of 784.

    The seed chooses `samples` of the 60,000 pictures to train on and `test_samples` of the 10,000 to test
    on. Pixels are centred and scaled by the mean and standard deviation of all pixels trained on; with
    `standardise=False` they are from 0 to 1. `folder` is where torchvision keeps its files: by default in
    the cache of `torch.hub`; what is not there yet is downloaded.

    Source: H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST, arXiv 1708.07747 (2017).
    Raises MissingExtraError without torchvision, MissingFilesError where the files cannot be had.
    """
    return _pictures("FashionMNIST", "fashion_mnist", samples, test_samples, standardise, folder, seed)


def cifar10(
    samples: int = 5000,
    *,
    test_samples: int = 0,
    standardise: bool = True,
    folder: str | Path | None = None,
    seed: Seed = 0,
) -> Data:
    """Colour 32x32 photographs of animals and vehicles in 10 classes, in rows of 3072.

    A row has all red pixels first, then green, then blue: `x.view(-1, 3, 32, 32)` are pictures. The rest is
    as in `fashion_mnist`, with 50,000 pictures to train on.

    Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009).
    Raises MissingExtraError without torchvision, MissingFilesError where the files cannot be had.
    """
    return _pictures("CIFAR10", "cifar10", samples, test_samples, standardise, folder, seed)


def _pictures(
    kind: str,
    name: str,
    samples: int,
    test_samples: int,
    standardise: bool,
    folder: str | Path | None,
    seed: Seed,
) -> Data:
    check(samples, test_samples, 0.0)
    place = Path(torch.hub.get_dir()) / "datasets" if folder is None else Path(folder)
    random = randomness(seed)
    x, y = _chosen(_loaded(kind, name, place, train=True), "samples", samples, name, random)
    test_x, test_y = None, None
    if test_samples:
        test = _loaded(kind, name, place, train=False)
        test_x, test_y = _chosen(test, "test_samples", test_samples, name, random)
    x, test_x = scaled(x, test_x, standardise)
    return Data(name, x, y, 10, test_x, test_y)


def _loaded(kind: str, name: str, place: Path, *, train: bool) -> Any:
    try:
        # By name: which torchvision hands over the files changes no byte of them, so no result depends on it.
        datasets = import_module("torchvision.datasets")
    except (ImportError, RuntimeError) as error:  # RuntimeError where it was built for another torch
        raise MissingExtraError(
            f"{name} is read by torchvision, which cannot be imported here: {error}. Install the one that fits your "
            "torch (pip install torchvision), or take reluguide.data.glyphs, which needs nothing more."
        ) from error
    try:
        return getattr(datasets, kind)(str(place), train=train, download=True)
    except (OSError, RuntimeError) as error:  # torchvision raises either where a download fails
        raise MissingFilesError(
            f"{name} is not in {place} and could not be downloaded: {error}. Copy torchvision's files there "
            "from a machine with a network, name their folder (folder=...), or take reluguide.data.glyphs."
        ) from error


def _chosen(
    pictures: Any, what: str, count: int, name: str, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """`count` pictures as rows of bytes, colours apart, and their classes."""
    pixels, classes = torch.as_tensor(pictures.data), torch.as_tensor(pictures.targets).long()
    if count > len(pixels):
        raise ValueError(f"{what} is {count}; {name} has {len(pixels)} of them.")
    order = torch.randperm(len(pixels), generator=random)[:count]
    shown = pixels[order]
    if shown.ndim == 4:  # colours last, as CIFAR-10 comes
        shown = shown.permute(0, 3, 1, 2)
    return shown.flatten(1).contiguous(), classes[order]
