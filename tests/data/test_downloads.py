"""Fashion-MNIST and CIFAR-10, with a stub in place of torchvision."""

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reluguide.data import Data, MissingExtraError, MissingFilesError, cifar10, fashion_mnist

Make = Callable[..., Data]


def pixels(kind: str, train: bool) -> np.ndarray[Any, Any]:
    """Pictures that all differ, and differ between the parts."""
    shape = (60, 28, 28) if kind == "FashionMNIST" else (60, 32, 32, 3)
    return np.random.default_rng(train).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, bool]]:
    """A torchvision whose sets are as its own: FashionMNIST of tensors, CIFAR10 of an array and a list."""
    calls: list[tuple[str, str, bool]] = []

    def kind(name: str) -> Callable[..., Any]:
        def load(root: str, train: bool, download: bool) -> Any:
            assert download
            calls.append((name, root, train))
            data: Any = pixels(name, train)
            classes: Any = [k % 10 for k in range(len(data))]
            if name == "FashionMNIST":
                data, classes = torch.from_numpy(data), torch.tensor(classes)
            return types.SimpleNamespace(data=data, targets=classes)

        return load

    datasets = types.ModuleType("torchvision.datasets")
    for name in ("FashionMNIST", "CIFAR10"):
        setattr(datasets, name, kind(name))
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.datasets", datasets)
    return calls


@pytest.mark.parametrize(("make", "kind"), [(fashion_mnist, "FashionMNIST"), (cifar10, "CIFAR10")])
@pytest.mark.parametrize("seed", range(3))
def test_rows_are_pictures_of_the_part_they_are_asked_of(
    asked: list[tuple[str, str, bool]], tmp_path: Path, make: Make, kind: str, seed: int
) -> None:
    data = make(30, test_samples=12, standardise=False, folder=tmp_path, seed=seed)
    assert asked == [(kind, str(tmp_path), True), (kind, str(tmp_path), False)]
    assert data.classes == 10 and data.test_x is not None and data.test_y is not None
    for x, y, train in ((data.x, data.y, True), (data.test_x, data.test_y, False)):
        assert x.dtype == torch.float32 and y.dtype == torch.int64 and x.min() >= 0 and x.max() <= 1
        rows = {row.tobytes(): k for k, row in enumerate(pixels(kind, train))}
        shown = (x * 255).round().byte()
        if kind == "CIFAR10":  # colours first in a row, last in the files
            shown = shown.view(-1, 3, 32, 32).permute(0, 2, 3, 1)
        places = [rows[np.ascontiguousarray(one.numpy()).tobytes()] for one in shown]
        assert len(set(places)) == len(places)  # no picture twice
        assert [place % 10 for place in places] == y.tolist()
    again, other = make(30, standardise=False, seed=seed), make(30, standardise=False, seed=seed + 1)
    assert torch.equal(again.x, data.x) and not torch.equal(other.x, data.x) and again.test_x is None


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("make", [fashion_mnist, cifar10])
def test_pixels_are_scaled_by_what_is_trained_on(make: Make) -> None:
    data = make(30, test_samples=30)
    assert data.test_x is not None
    assert abs(data.x.double().mean()) < 1e-6 and abs(data.x.double().std(correction=0) - 1) < 1e-6
    assert abs(data.test_x.mean()) > 1e-5


def test_files_are_kept_where_torch_keeps_its_own(
    asked: list[tuple[str, str, bool]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    fashion_mnist(5)
    assert asked == [("FashionMNIST", str(tmp_path / "datasets"), True)]


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 61}, "samples is 61; fashion_mnist has 60 of them"),
        ({"samples": 5, "test_samples": 99}, "test_samples is 99; fashion_mnist has 60 of them"),
        ({"samples": 1}, "samples is 1; it must be at least 2"),
    ],
)
def test_errors_name_the_argument_and_its_value(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fashion_mnist(**options)


@pytest.mark.parametrize("make", [fashion_mnist, cifar10])
def test_without_torchvision_it_says_what_to_install(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(
        MissingExtraError, match=rf"{make.__name__} is read by torchvision.*pip install torchv"
    ):
        make()


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("error", [OSError("no route to host"), RuntimeError("Error downloading a.gz")])
def test_without_a_network_it_says_where_the_files_belong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    def load(*args: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(sys.modules["torchvision.datasets"], "CIFAR10", load)
    with pytest.raises(MissingFilesError, match=f"cifar10 is not in .*{error}.*folder=") as caught:
        cifar10(folder=tmp_path)
    assert str(tmp_path) in str(caught.value)
