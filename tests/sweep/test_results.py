"""What a sweep reports, recomputed from its parameters or from one network at a time."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reluguide.activations import ACTIVATIONS
from reluguide.data import Data, rings, sparse_signal
from reluguide.sweep import SweepResult, _feed, _pool, _train, grid, sweep

DATA = rings(60, test_samples=30, seed=1)


def run(**options: Any) -> SweepResult:
    chosen = {"data": DATA, "seeds": range(6), "lr": 0.1, "steps": 25, "record": ["parameters"]} | options
    return sweep(chosen.pop("sizes", [2, 7, 5, 1]), **chosen)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "gelu", "prelu", torch.sin])
def test_the_summary_is_what_the_modules_say(activation: Any) -> None:
    result = run(activation=activation, lr=1.0)
    for k in range(6):
        module = result.module(k)
        with torch.no_grad():
            outputs, test = module(DATA.x)[:, 0], module(DATA.test_x)[:, 0]
        y, test_y = DATA.y.float(), DATA.test_y
        assert test_y is not None
        assert result.final_loss[k] == pytest.approx(
            F.binary_cross_entropy_with_logits(outputs, y).item(), 1e-4
        )
        assert result.accuracy[k] == pytest.approx(((outputs > 0) == (DATA.y == 1)).float().mean().item())
        expected = F.binary_cross_entropy_with_logits(test, test_y.float()).item()
        assert result.test_loss[k] == pytest.approx(expected, 1e-4)
        assert result.test_accuracy[k] == pytest.approx(((test > 0) == (test_y == 1)).float().mean().item())
    for layer, (z, _) in enumerate(result.layers(DATA.x)[:-1]):
        np.testing.assert_array_equal(result.never_active[layer], (z <= 0).all(1))
        np.testing.assert_array_equal(result.always_on[layer], (z > 0).all(1))
        np.testing.assert_allclose(result.active_share[layer], (z > 0).mean(1), atol=1e-6)


def test_dead_means_that_the_slope_is_zero_on_every_sample() -> None:
    relu = run(lr=3.0, steps=100)
    assert sum(dead.sum() for dead in relu.dead) > 0
    for dead, never in zip(relu.dead, relu.never_active):
        np.testing.assert_array_equal(dead, never)
    for never_dead in ("leaky_relu", "prelu"):
        result = run(activation=never_dead, bias_init=-50.0, steps=0)
        assert all(never.all() for never in result.never_active[:1])
        assert not any(dead.any() for dead in result.dead)
    saturated = run(activation="relu6", bias_init=50.0, steps=0)  # flat above 6, and yet always on
    assert saturated.dead[0].all() and saturated.always_on[0].all()


@pytest.mark.parametrize("threshold", [-1.0, 0.5, 2.0])
def test_a_threshold_is_a_floor(threshold: float) -> None:
    result = run(threshold=threshold)
    for layer, (z, h) in enumerate(result.layers(DATA.x)[:-1]):
        np.testing.assert_array_equal(h, np.maximum(z, np.float32(threshold)))
        np.testing.assert_array_equal(result.never_active[layer], (z <= threshold).all(1))
    module = result.module(0)
    with torch.no_grad():
        outputs = module(DATA.x)[:, 0]
    assert result.final_loss[0] == pytest.approx(
        F.binary_cross_entropy_with_logits(outputs, DATA.y.float()).item()
    )


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_gradient_norms_are_autograds(activation: str) -> None:
    result = run(activation=activation, record=["gradient_norms", "parameters"], dtype=torch.float64)
    assert result.gradient_norms is not None and result.gradient_norms.shape == (6, 3)
    for k in range(6):
        module = result.module(k)
        F.binary_cross_entropy_with_logits(module(DATA.x.double())[:, 0], DATA.y.double()).backward()
        norms = [layer.weight.grad.norm().item() for layer in module if isinstance(layer, nn.Linear)]
        np.testing.assert_allclose(result.gradient_norms[k], norms, rtol=1e-6, atol=1e-12)


def test_curves_begin_before_the_first_step_and_end_after_the_last() -> None:
    result = run(record=["curves"], record_every=10, lr=1.0)
    assert result.curves is not None
    np.testing.assert_array_equal(result.curves["step"], [0, 10, 20, 25])
    for i, steps in enumerate([0, 10, 20, 25]):
        short = run(steps=steps, lr=1.0)
        np.testing.assert_array_equal(result.curves["loss"][:, i], short.final_loss)
        np.testing.assert_array_equal(result.curves["accuracy"][:, i], short.accuracy)
        share = np.stack([never.mean(1) for never in short.never_active], 1)
        np.testing.assert_allclose(result.curves["never_active"][:, i], share, atol=1e-6)


@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize("after", [1, 3])
def test_revivals_are_counted_as_a_step_by_step_run_would(batch_size: int | None, after: int) -> None:
    options: dict[str, Any] = {"lr": 2.0, "sizes": [2, 8, 8, 1], "batch_size": batch_size}
    steps = 40
    result = run(steps=steps, record=["revivals"], revival_after=after, **options)
    assert result.revivals is not None and sum(revivals.sum() for revivals in result.revivals) > 0
    looks = [run(steps=step, **options).never_active for step in range(steps + 1)]
    for layer, revivals in enumerate(result.revivals):
        off = np.stack([look[layer] for look in looks])
        expected = np.zeros_like(revivals)
        for step in range(after, steps + 1):
            expected += off[step - after : step].all(0) & ~off[step]
        np.testing.assert_array_equal(revivals, expected)


def test_recording_changes_nothing() -> None:
    plain = run(batch_size=16, record=["parameters"])
    seen = run(batch_size=16, record=["parameters", "curves", "revivals", "gradient_norms"])
    np.testing.assert_array_equal(plain.final_loss, seen.final_loss)


def test_minibatches_take_every_sample_once_an_epoch() -> None:
    # The network sums its inputs and learns nothing of them but their mean: with MSE, no hidden layer and
    # constant inputs, one epoch at a small rate moves the bias by the mean of all samples' residuals.
    samples = 30
    y = torch.arange(samples, dtype=torch.float32)[:, None]
    data = Data("ramp", torch.zeros(samples, 1), y, 0)
    rate = 1e-4
    result = sweep([1, 1], data=data, seeds=range(4), lr=rate, steps=3, batch_size=10, record=["parameters"])
    assert result.parameters is not None
    moved = result.parameters[0][1][:, 0]
    np.testing.assert_allclose(moved, 2 * rate * 3 * y.mean().item(), rtol=1e-2)
    first = sweep([1, 1], data=data, seeds=range(4), lr=rate, steps=1, batch_size=10, record=["parameters"])
    assert first.parameters is not None and len(set(first.parameters[0][1][:, 0])) == 4  # in other orders
    whole = sweep([1, 1], data=data, seeds=range(4), lr=rate, steps=1, batch_size=30, record=["parameters"])
    assert whole.parameters is not None and len(set(whole.parameters[0][1][:, 0])) == 1


def test_prelu_learns_its_slopes_as_nn_prelu_does() -> None:
    options: dict[str, Any] = {"activation": "prelu", "dtype": torch.float64, "lr": 0.5}
    start, result = run(steps=0, **options), run(steps=15, **options)
    for k in range(6):
        parts: list[nn.Module] = []
        for layer in start.module(k):
            parts.append(layer if isinstance(layer, nn.Linear) else nn.PReLU(dtype=torch.float64))
        module = nn.Sequential(*parts)
        optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
        for _ in range(15):
            optimizer.zero_grad()
            F.binary_cross_entropy_with_logits(module(DATA.x.double())[:, 0], DATA.y.double()).backward()
            optimizer.step()
        slopes = [layer.weight.item() for layer in module if isinstance(layer, nn.PReLU)]
        assert result.slopes is not None
        np.testing.assert_allclose(result.slopes[k], slopes, rtol=1e-8)
    mixed = run(activation=["prelu", "relu"] * 3)
    assert mixed.slopes is not None
    np.testing.assert_array_equal(np.isnan(mixed.slopes[:, 0]), [False, True] * 3)


def test_an_l1_penalty_is_added_to_the_loss() -> None:
    options: dict[str, Any] = {"activation": "gelu", "dtype": torch.float64, "lr": 0.5}
    strengths = [0.0, 0.1, 0.5, 0.0, 0.2, 1.0]
    start, result = run(steps=0, **options), run(steps=10, activation_l1=strengths, **options)
    for k in range(6):
        module = start.module(k)
        optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
        for _ in range(10):
            optimizer.zero_grad()
            h, penalty = DATA.x.double(), torch.zeros((), dtype=torch.float64)
            for layer in module:
                h = layer(h)
                if not isinstance(layer, nn.Linear):
                    penalty = penalty + strengths[k] * h.abs().mean()
            (F.binary_cross_entropy_with_logits(h[:, 0], DATA.y.double()) + penalty).backward()
            optimizer.step()
        assert result.parameters is not None
        first = module[0]
        assert isinstance(first, nn.Linear)
        np.testing.assert_allclose(result.parameters[0][0][k].T, first.weight.detach(), rtol=1e-7)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_frozen_layers_stay_and_the_others_learn(optimizer: str) -> None:
    options: dict[str, Any] = {"weight_decay": 0.1, "optimizer": optimizer, "activation": "prelu"}
    start, result = run(steps=0), run(frozen=[0], **options)
    assert start.parameters is not None and result.parameters is not None and result.slopes is not None
    for before, after in zip(start.parameters[0], result.parameters[0]):
        np.testing.assert_array_equal(before, after)
    assert (result.slopes[:, 0] == 0.25).all() and (result.slopes[:, 1] != 0.25).all()
    for layer in (1, 2):
        assert (start.parameters[layer][0] != result.parameters[layer][0]).any(axis=(1, 2)).all()


def test_a_frozen_layer_does_not_count_towards_the_clipped_norm() -> None:
    options: dict[str, Any] = {"dtype": torch.float64, "lr": 0.5}
    start, result = run(steps=0, **options), run(steps=8, frozen=[0], clip=0.05, **options)
    module = start.module(0)
    module[0].requires_grad_(False)
    learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(learning, lr=0.5)
    for _ in range(8):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(module(DATA.x.double())[:, 0], DATA.y.double()).backward()
        nn.utils.clip_grad_norm_(learning, 0.05)
        optimizer.step()
    assert result.parameters is not None
    second = module[2]
    assert isinstance(second, nn.Linear)
    np.testing.assert_allclose(result.parameters[1][0][0].T, second.weight.detach(), rtol=1e-6)


def test_given_parameters_continue_a_run() -> None:
    whole, half = run(steps=20), run(steps=10)
    rest = run(steps=10, initial=half.parameters)
    np.testing.assert_array_equal(rest.final_loss, whole.final_loss)  # plain SGD remembers nothing else


def test_biases_begin_where_they_are_told_to() -> None:
    result = run(steps=0, bias_init=[-1.0, 2.0, (0.5, -3.0), 0.0, 0.0, 0.0])
    assert result.parameters is not None
    first, second, outputs = (biases for _, biases in result.parameters)
    np.testing.assert_array_equal(first[:, 0], [-1, 2, 0.5, 0, 0, 0])
    np.testing.assert_array_equal(second[:, 0], [-1, 2, -3, 0, 0, 0])
    assert not outputs.any()


def test_weight_inits_have_their_variance() -> None:
    names = ["kaiming", "kaiming_uniform", "xavier", "xavier_uniform", "lecun", "default"]
    fan_in, fan_out = 300, 100
    data = Data("zeros", torch.zeros(2, fan_in), torch.zeros(2, fan_out), 0)
    result = sweep(
        [fan_in, fan_out], data=data, seeds=[5] * 6, lr=0, steps=0, weight_init=names, record="parameters"
    )
    assert result.parameters is not None
    weights, biases = result.parameters[0]
    expected = [2 / 300, 2 / 300, 2 / 400, 2 / 400, 1 / 300, 1 / 900]
    np.testing.assert_allclose(weights.var(axis=(1, 2)), expected, rtol=0.05)
    bound = [np.sqrt(3 * expected[i]) for i in (1, 3, 5)]
    assert (np.abs(weights[[1, 3, 5]]).max(axis=(1, 2)) <= bound).all()
    assert abs(biases[5].mean()) < 1 / 100  # on both sides of 0
    assert not biases[:5].any() and biases[5].std() == pytest.approx(np.sqrt(1 / 900), rel=0.2)
    doubled = sweep(
        [fan_in, fan_out], data=data, seeds=[5], lr=0, steps=0, weight_scale=2, record="parameters"
    )
    assert doubled.parameters is not None
    np.testing.assert_array_equal(doubled.parameters[0][0][0], 2 * weights[0])


def test_a_data_set_a_seed() -> None:
    seen: list[int] = []

    def make(seed: int) -> Data:
        seen.append(seed)
        return rings(40, test_samples=20, seed=seed)

    crossed = grid(seeds=[4, 9], lr=[0.1, 0.5])
    for batch_size in (None, 16):
        result = run(data=make, batch_size=batch_size, **crossed)
        for k, seed in enumerate(crossed["seeds"]):
            alone = run(data=make(seed), seeds=[seed], lr=crossed["lr"][k], batch_size=batch_size)
            assert result.final_loss[k] == alone.final_loss[0]
            assert result.test_loss[k] == alone.test_loss[0]
    assert seen[:2] == [4, 9]  # once for each seed, not for each network


def splits(samples: int, features: int, count: int = 3) -> list[Data]:
    """Data sets of one task: random points, and which side of a plane they lie on."""
    out = []
    for split in range(count):
        random = torch.Generator().manual_seed(split)
        x = torch.randn(samples + 20, features, generator=random)
        y = (x.sum(1) > 0).long()
        out.append(Data("planes", x[:samples], y[:samples], 2, x[samples:], y[samples:]))
    return out


@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize(("samples", "features"), [(40, 3), (300, 300)])  # copied to each network, and shared
def test_splits_crossed_with_seeds_are_to_the_bit_what_separate_sweeps_are(
    samples: int, features: int, batch_size: int | None
) -> None:
    sets = splits(samples, features)
    crossed = grid(data=sets, lr=[0.01, 0.1], seeds=range(3))
    options: dict[str, Any] = {"batch_size": batch_size, "sizes": [features, 7, 5, 1], "steps": 8}
    options["record"] = ["parameters", "gradient_norms"]
    together = run(**options, **crossed)
    loss = crossed.shaped(together.final_loss)
    assert loss.shape == (3, 2, 3) and len(set(loss.flat)) == 18
    for i, one in enumerate(sets):
        alone = run(**options, data=one, **grid(lr=[0.01, 0.1], seeds=range(3)))
        part = slice(6 * i, 6 * i + 6)
        for name in ("final_loss", "accuracy", "test_loss", "test_accuracy", "gradient_norms"):
            np.testing.assert_array_equal(getattr(together, name)[part], getattr(alone, name))
        assert together.parameters is not None and alone.parameters is not None
        for ours, theirs in zip(together.parameters, alone.parameters):
            np.testing.assert_array_equal(ours[0][part], theirs[0])
            np.testing.assert_array_equal(ours[1][part], theirs[1])


def test_a_list_of_data_in_any_order_and_company() -> None:
    sets = splits(300, 300)
    order = [2, 0, 1, 0, 0, 2]  # set 1 has one network only
    options: dict[str, Any] = {"sizes": [300, 7, 1], "steps": 8, "record": []}
    result = run(**options, data=[sets[i] for i in order], threads=2)
    for k, i in enumerate(order):
        assert result.final_loss[k] == run(**options, data=sets[i], seeds=[k]).final_loss[0]


def test_a_data_set_is_kept_once_however_many_networks_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = splits(300, 300)
    size = sets[0].x.numel()
    plans, kept = [], []

    class Looked(_feed.Feed):
        def __init__(self, plan: Any, *rest: Any) -> None:
            super().__init__(plan, *rest)
            plans.append(plan)
            kept.append(self.x.untyped_storage().nbytes() // self.x.element_size())

    monkeypatch.setattr(_train, "Feed", Looked)
    run(sizes=[300, 7, 1], steps=0, threads=1, **grid(data=sets, seeds=range(8)))
    assert {plan.x.numel() for plan in plans} == {3 * size}  # not 24 of them
    assert len(kept) == 3 and max(kept) < 1.1 * size  # one chunk a set, and one copy for its networks


def test_small_data_do_not_cut_a_sweep_into_small_chunks() -> None:
    assert len(seen_chunks(splits(40, 3), 8)) == 1 and len(seen_chunks(splits(300, 300), 8)) == 3
    assert len(seen_chunks(splits(300, 300, count=12), 1)) == 1  # a set a network: nothing is shared anyway


def seen_chunks(sets: list[Data], seeds: int) -> list[list[int]]:
    found: list[list[int]] = []

    def kept(plan: Any, size: Any, threads: int) -> list[list[int]]:
        found.extend(chunks(plan, size, threads))
        return found

    with pytest.MonkeyPatch.context() as patch:
        chunks = _pool.chunks
        patch.setattr(_pool, "chunks", kept)
        crossed = grid(data=sets, seeds=range(seeds))
        run(sizes=[sets[0].features, 2, 1], steps=0, threads=1, chunk=100, **crossed)
    return found


def test_regression_has_a_loss_and_no_accuracy() -> None:
    data = sparse_signal(50, features=4)
    result = sweep([4, 8, 4], data=data, seeds=range(3), lr=0.1, steps=30)
    assert np.isnan(result.accuracy).all() and np.isnan(result.test_loss).all()
    start = sweep([4, 8, 4], data=data, seeds=range(3), lr=0.1, steps=0)
    assert (result.final_loss < start.final_loss).all()


def test_a_grid_crosses_and_reshapes() -> None:
    crossed = grid(seeds=[7, 8, 9], lr=[0.1, 0.2], activation=["relu", "gelu"])
    assert crossed.shape == (2, 2, 3) and repr(crossed) == "Grid(2 lr, 2 activation, 3 seeds)"
    shaped = crossed.shaped(np.arange(24).reshape(12, 2))
    assert shaped.shape == (2, 2, 3, 2)
    seeds, rates = crossed.shaped(crossed["seeds"]), crossed.shaped(crossed["lr"])
    assert (seeds == [7, 8, 9]).all() and (rates[0] == 0.1).all() and (rates[1] == 0.2).all()
    assert (crossed.shaped(np.array(crossed["activation"]))[:, 1] == "gelu").all()
    result = run(**crossed)
    assert crossed.shaped(result.final_loss).shape == (2, 2, 3)
    with pytest.raises(ValueError, match=r"shape \(5,\) does not fit this grid.*2 x 2 x 3 = 12"):
        crossed.shaped(np.zeros(5))
    with pytest.raises(ValueError, match="lr is empty"):
        grid(seeds=[1], lr=[])
    with pytest.raises(TypeError, match=r"lr is 0\.1; a grid takes a list"):
        grid(seeds=[1], lr=0.1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"data is Data\('rings': .*; a grid takes a list"):
        grid(seeds=[1], data=DATA)  # type: ignore[arg-type]


def test_repr_counts_what_diverged() -> None:
    result = run(lr=[0.1] * 5 + [1e30], activation="silu")
    assert repr(result).startswith("SweepResult(6 networks 2-7-5-1, median loss 0.")
    assert repr(result).endswith("1 diverged)") and len(result) == 6


def test_what_needs_parameters_says_so() -> None:
    with pytest.raises(ValueError, match=r"module\(\) needs the parameters; ask for them: sweep\("):
        run(record=[]).module(0)
    with pytest.raises(ValueError, match=r"x is \(3, 9\); it must be \(samples, 2\) or \(6, samples, 2\)"):
        run().layers(torch.zeros(3, 9))
