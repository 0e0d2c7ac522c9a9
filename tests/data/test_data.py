"""The small data sets: what holds for every seed."""

import sys
from collections.abc import Callable

import pytest
import torch

from reluguide.data import Data, MissingExtraError, digits, moons, rings, sparse_signal, spirals

MADE = [rings, spirals, moons, sparse_signal]
SEEDS = range(8)


@pytest.mark.parametrize("make", MADE)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_gives_the_same_data_and_leaves_global_random_numbers_alone(
    make: Callable[..., Data], seed: int
) -> None:
    state = torch.get_rng_state()
    one, two = make(64, test_samples=32, seed=seed), make(64, test_samples=32, seed=seed)
    other = make(64, seed=seed + 1)
    from_generator = make(64, test_samples=32, seed=torch.Generator().manual_seed(seed))
    assert torch.equal(torch.get_rng_state(), state)
    for again in (two, from_generator):
        assert torch.equal(one.x, again.x) and torch.equal(one.y, again.y)
        assert one.test_x is not None and again.test_x is not None and torch.equal(one.test_x, again.test_x)
    assert not torch.equal(one.x, other.x)


@pytest.mark.parametrize("make", MADE)
def test_shapes_dtypes_and_no_test_data_unless_asked_for(make: Callable[..., Data]) -> None:
    data = make(50, test_samples=20)
    assert data.x.shape == (50, data.features) and data.x.dtype == torch.float32
    assert len(data.y) == 50 and data.test_x is not None and len(data.test_x) == 20
    assert make(50).test_x is None and make(50).test_y is None
    assert torch.isfinite(data.x).all()


@pytest.mark.parametrize("make", [rings, spirals, moons])
@pytest.mark.parametrize("seed", SEEDS)
def test_two_classes_in_equal_shares_and_in_random_order(make: Callable[..., Data], seed: int) -> None:
    data = make(100, seed=seed)
    assert data.y.dtype == torch.int64 and data.classes == 2
    assert data.y.sum() == 50
    assert (data.y[1:] != data.y[:-1]).sum() < 90  # neither sorted nor alternating
    assert (data.y[1:] != data.y[:-1]).sum() > 10


@pytest.mark.parametrize("seed", SEEDS)
def test_rings_lie_at_their_radii(seed: int) -> None:
    data = rings(200, noise=0, seed=seed)
    radius = data.x.norm(dim=1)
    assert radius[data.y == 0].max() <= 1 + 1e-6
    assert radius[data.y == 1].min() >= 1.5 - 1e-6 and radius.max() <= 2.5 + 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_spirals_are_two_arms_half_a_turn_apart(seed: int) -> None:
    data = spirals(400, noise=0, turns=2, seed=seed)
    radius = data.x.norm(dim=1)
    angle = torch.atan2(data.x[:, 1], data.x[:, 0])
    # The angle that an arm has at this radius, and what is left of the measured one.
    rest = angle - 2 * torch.pi * 2 * radius / 2 - torch.pi * data.y
    assert torch.cos(rest).min() > 1 - 1e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_moons_are_half_circles(seed: int) -> None:
    data = moons(200, noise=0, seed=seed)
    centres = torch.tensor([[-0.5, -0.25], [0.5, 0.25]])[data.y]
    around = data.x - centres
    torch.testing.assert_close(around.norm(dim=1), torch.ones(200))
    assert (around[data.y == 0, 1] >= -1e-6).all() and (around[data.y == 1, 1] <= 1e-6).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_sparse_signals_are_sparse_and_noise_has_its_size(seed: int) -> None:
    data = sparse_signal(4000, features=8, density=0.1, noise=0.3, seed=seed)
    on = data.y > 0
    assert data.classes == 0 and data.x.shape == data.y.shape == (4000, 8)
    assert abs(on.float().mean() - 0.1) < 0.01
    assert data.y[on].min() >= 0.5 and data.y[on].max() <= 1.5
    assert abs((data.x - data.y).std() - 0.3) < 0.01


def test_digits_are_split_by_the_seed_and_scaled_by_what_is_trained_on() -> None:
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn, of the extra 'site'")
    data, other = digits(seed=1), digits(seed=2)
    assert data.test_x is not None and data.test_y is not None
    assert data.x.shape == (1200, 64) and data.test_x.shape == (597, 64)
    assert set(data.y.tolist()) == set(data.test_y.tolist()) == set(range(10))
    varies = data.x.std(0, correction=0) > 0
    torch.testing.assert_close(data.x.mean(0), torch.zeros(64), atol=1e-5, rtol=0)
    torch.testing.assert_close(data.x[:, varies].std(0, correction=0), torch.ones(int(varies.sum())))
    assert not data.test_x[:, ~varies].any()  # even where a pixel varies among the test images only
    assert abs(data.test_x.mean(0)).max() > 1e-3  # not scaled by themselves
    assert not torch.equal(data.y, other.y)
    assert digits(train=100).x.shape == (100, 64)


def test_digits_without_scikit_learn_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingExtraError, match=r"scikit-learn.*pip install 'reluguide\[site\]'"):
        digits()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rings(1), "samples is 1; it must be at least 2"),
        (lambda: moons(8, test_samples=-1), "test_samples is -1"),
        (lambda: spirals(8, noise=-0.1), "noise is -0.1"),
        (lambda: spirals(8, noise=float("nan")), "noise is nan"),
        (lambda: spirals(8, turns=0), "turns is 0"),
        (lambda: sparse_signal(8, density=1.5), "density is 1.5"),
        (lambda: sparse_signal(8, features=0), "features is 0"),
        (lambda: digits(train=1797), "train is 1797; there are 1797 images, so it can be 1 to 1796"),
    ],
)
def test_errors_name_the_argument_and_its_value(make: Callable[[], Data], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_repr_says_what_it_is() -> None:
    assert repr(rings(10, test_samples=4)) == "Data('rings': 10 samples, 4 to test, 2 features, 2 classes)"
    assert repr(sparse_signal(10)) == "Data('sparse_signal': 10 samples, 16 features, regression)"
