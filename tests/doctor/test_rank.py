"""The effective rank of activations is that of their matrix."""

import numpy as np
import pytest
import torch
from torch import nn

from reluguide.doctor import DiagnosisError, rank
from reluguide.doctor.rank import ranks


def by_hand(matrix: np.ndarray) -> tuple[float, int]:
    sizes = np.linalg.svd(matrix, compute_uv=False)
    shares = sizes / sizes.sum()
    shares = shares[shares > 1e-12]
    return float(np.exp(-(shares * np.log(shares)).sum())), int((np.cumsum(shares) < 0.99).sum()) + 1


@pytest.mark.parametrize("seed", range(3))
def test_ranks_are_those_of_the_matrices_of_activations(seed: int) -> None:
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv1d(3, 12, 3), nn.ReLU(), nn.Flatten(), nn.Linear(60, 20), nn.ReLU(inplace=True)
    ).double()
    x = torch.randn(90, 3, 7, dtype=torch.float64)
    with torch.no_grad():
        first = net[1](net[0](x))
        last = net(x)
    found = ranks(net, x.split(32))
    assert list(found) == ["1.relu", "4.relu"]
    for name, matrix in (("1.relu", first.mT.reshape(-1, 12)), ("4.relu", last)):
        effective, directions = by_hand(matrix.numpy())
        assert found[name].effective == pytest.approx(effective, rel=1e-6)
        assert (found[name].to_99, found[name].values, found[name].units) == (directions, *matrix.shape)
    assert "4.relu" in str(found) and str(found) == repr(found)


def test_copies_and_dead_units_add_no_rank() -> None:
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU())
    with torch.no_grad():
        net[0].weight[4:] = net[0].weight[:1]
        net[0].bias[4:] = net[0].bias[:1]
        net[0].bias[3] = -100.0
    found = ranks(net, torch.randn(200, 6))["1.relu"]
    assert found.to_99 <= 3 and found.effective <= 3 + 1e-6
    nn.init.constant_(net[0].bias, -100.0)
    assert ranks(net, torch.randn(20, 6))["1.relu"].effective == 0
    one = nn.Sequential(nn.Linear(6, 8), nn.ReLU())
    assert ranks(one, torch.randn(1, 6).expand(50, 6))["1.relu"].effective == pytest.approx(1)


def test_bad_input_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = nn.Sequential(nn.Linear(6, 8), nn.ReLU()), torch.randn(5, 6)
    for model, data, told in (
        ("net", x, "ranks takes an nn.Module"),
        (net, [], "no batch"),
        (net, x[:, :2], "rejects batch 1"),
    ):
        with pytest.raises(DiagnosisError, match=told):
            ranks(model, data)
    with pytest.raises(KeyError, match=r"named '2'; there is 1\.relu"):
        ranks(net, x)["2"]
    monkeypatch.setattr(rank, "WIDEST", 4)
    with pytest.raises(DiagnosisError, match=r"1\.relu: more than 4 units"):
        ranks(net, x)
