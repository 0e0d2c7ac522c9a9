"""Deaths and revivals during training are seen at the step at which they happen."""

import threading

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import reluguide
from reluguide.doctor import DiagnosisError
from tests.doctor.zoo import Mlp, plant


def net_of_one_layer() -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 1))
    with torch.no_grad():
        net[0].bias.fill_(1.0)
    return net


def test_steps_of_death_and_revival() -> None:
    net, x = net_of_one_layer(), torch.randn(50, 4)
    with reluguide.watch(net, patience=3) as seen:
        for step in range(1, 13):
            if step == 4:
                plant(net[0], [2], -100.0)
            if step == 9:
                plant(net[0], [2], 1.0)
            net(x).sum().backward()
    layer = seen["1.relu"]
    assert seen.steps == 12
    assert layer.deaths == [(6, [2])]  # steps 4, 5 and 6 are three without a gradient
    assert layer.revivals == [(9, [2])]
    assert layer.dead_counts == [0] * 5 + [1] * 3 + [0] * 4
    assert "1 deaths, 1 revivals, 0 of 5 dead now" in str(seen)
    assert seen.to_dict()["layers"]["1.relu"]["deaths"] == [[6, [2]]]


def test_one_quiet_batch_is_no_death() -> None:
    net, x = net_of_one_layer(), torch.randn(50, 4)
    with reluguide.watch(net, patience=2) as seen:
        for step in range(6):
            plant(net[0], [2], -100.0 if step % 2 else 1.0)
            net(x)
    assert seen["1.relu"].deaths == []


def test_evaluation_and_other_passes_do_not_count() -> None:
    net, x = net_of_one_layer(), torch.randn(50, 4)
    with reluguide.watch(net, patience=1) as seen:
        net(x)
        net.eval()(x)
        with torch.no_grad():
            net.train()(x)
        torch.relu(x)
    assert seen.steps == 1
    assert list(seen.layers) == ["1.relu"]


def test_checkpointed_training_counts_each_step_once() -> None:
    class Saved(Mlp):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return checkpoint(super().forward, x, use_reentrant=False)

    net, x = Saved(), torch.randn(20, 6)
    with reluguide.watch(net, patience=1) as seen:
        for _ in range(3):
            net(x).sum().backward()
    assert list(seen.layers) == ["relu", "relu#2"]
    assert len(seen["relu"].dead_counts) == 3
    assert set(Mlp.planted[0]) <= set(seen["relu"].deaths[0][1])


def test_compiled_models_are_watched_too() -> None:
    net, x = Mlp(), torch.randn(20, 6)
    compiled = torch.compile(net, backend="eager")
    compiled(x)
    with reluguide.watch(compiled, patience=1) as seen:
        compiled(x).sum().backward()
    assert set(Mlp.planted[0]) <= set(seen["relu"].deaths[0][1])
    assert seen.steps == 1


def test_agrees_with_diagnoses_between_steps() -> None:
    torch.manual_seed(0)
    net, x, y = Mlp(), torch.randn(64, 6), 20 * torch.randn(64, 3)
    optimizer = torch.optim.SGD(net.parameters(), 0.3)
    expected = []
    with reluguide.watch(net, patience=1) as seen:
        for _ in range(15):
            optimizer.zero_grad()
            (net(x) - y).square().mean().backward()
            expected.append(len(reluguide.diagnose(net, x)["relu"].dead_units))
            optimizer.step()
    # The diagnosis of each step runs inside the watch, in eval mode, and is not counted as a step.
    assert seen["relu"].dead_counts == expected
    assert len(set(expected)) > 1


def test_training_is_left_alone_also_after_an_exception() -> None:
    net = net_of_one_layer()
    with pytest.raises(KeyboardInterrupt), reluguide.watch(net):
        raise KeyboardInterrupt
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    with pytest.raises(DiagnosisError, match="patience is 0"), reluguide.watch(net, patience=0):
        pass
    with reluguide.watch(net) as seen:
        net(torch.randn(3, 4))
    with pytest.raises(KeyError, match=r"no activation call is named '2'; there is 1\.relu"):
        seen["2"]


def test_every_nth_step_is_looked_at_and_the_others_are_left_alone() -> None:
    net, x, calls = net_of_one_layer(), torch.randn(50, 4), []
    plant(net[0], [2], -100.0)
    with reluguide.watch(net, patience=2, every=3) as seen:
        for _ in range(10):
            net(x).sum().backward()
            hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in net.modules())
            calls.append(hooks)
    layer = seen["1.relu"]
    assert seen.steps == 10
    assert layer.steps == [1, 4, 7, 10]
    assert layer.deaths == [(4, [2])]  # the second look
    assert set(calls) == {2}  # between looks nothing but the two on the model
    assert "10 training steps, 4 of them looked at;" in str(seen)


def test_a_logger_gets_flat_numbers_at_each_look() -> None:
    net, x, told = net_of_one_layer(), torch.randn(50, 4), []
    plant(net[0], [2], -100.0)
    with reluguide.watch(net, patience=1, every=2, log=lambda scalars, step: told.append((step, scalars))):
        for _ in range(5):
            net(x)
    assert [step for step, _ in told] == [1, 3, 5]
    assert all(scalars == {"dead/1.relu": 0.2, "dead/all": 0.2} for _, scalars in told)
    assert all(type(value) is float for _, scalars in told for value in scalars.values())


def test_a_call_that_runs_several_times_in_a_step_is_one_look() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net_of_one_layer()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.net(x) + self.net(-x)

    net = Twice()
    with reluguide.watch(net, patience=2) as seen:
        for _ in range(3):
            net(torch.randn(50, 4))
    assert all(layer.steps == [1, 2, 3] for layer in seen)


def test_a_compiled_model_runs_compiled_between_looks() -> None:
    net, x, compiled_runs = Mlp(), torch.randn(20, 6), []

    def backend(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]):
        def run(*args: torch.Tensor):
            compiled_runs.append(seen.steps)
            return graph.forward(*args)

        return run

    torch._dynamo.reset()
    compiled = torch.compile(net, backend=backend)
    with reluguide.watch(compiled, patience=1, every=3) as seen:
        for _ in range(7):
            compiled(x).sum().backward()
    assert seen["relu"].steps == [1, 4, 7]
    assert sorted(set(compiled_runs)) == [2, 3, 5, 6]
    assert set(Mlp.planted[0]) <= set(seen["relu"].deaths[0][1])


@pytest.mark.parametrize(
    ("use", "told"),
    [
        (lambda net, x: None, r"the model was not called inside the block"),
        (lambda net, x: net.forward(x), r"only parts of it \(0, 1, 2\). Watch what is called, as in watch\(model.0\)"),
        (lambda net, x: net.eval()(x), r"no training step, but 1 forward pass in eval mode \(model.train\(\) comes first\)"),
        (lambda net, x: torch.no_grad()(net)(x), r"no training step, but 1 forward pass without gradients"),
    ],
)  # fmt: skip
def test_what_saw_nothing_says_why(use, told: str) -> None:
    net = net_of_one_layer()
    with (
        pytest.warns(UserWarning, match=f"watch saw nothing: .*{told}") as warned,
        reluguide.watch(net) as seen,
    ):
        use(net, torch.randn(5, 4))
    assert __file__ in {one.filename for one in warned}  # it points to the block, not into the package
    assert str(seen).startswith("Nothing was seen:") and seen.scalars() == {}


@pytest.mark.parametrize(
    ("part", "options", "told"),
    [
        (slice(None), {"only": "nothing.like.it"}, "and no activation call with a name that only="),
        (slice(1), {}, "2 training steps, and no activation call was seen"),
    ],
)
def test_steps_without_an_activation_call_say_so(part: slice, options: dict, told: str) -> None:
    net = nn.Sequential(nn.Linear(4, 2), nn.ReLU())[part]
    with pytest.warns(UserWarning, match=told), reluguide.watch(net, **options):
        torch.stack([net(torch.randn(5, 4)) for _ in range(2)])


def test_calls_whose_width_the_data_decide_are_rows_of_their_own() -> None:
    class Scores(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x @ x.mT - 1e6) + torch.relu(x @ x.mT)

    model = Scores()
    with reluguide.watch(model, patience=1) as seen:
        for length in (3, 5, 3):
            model(torch.randn(2, length, 4))
    assert {layer.units for layer in seen} == {3, 5}


def test_training_in_another_thread_is_seen() -> None:
    net, x = net_of_one_layer(), torch.randn(50, 4)
    plant(net[0], [2], -100.0)
    with reluguide.watch(net, patience=1) as seen:
        thread = threading.Thread(target=lambda: net(x).sum().backward())
        thread.start()
        thread.join()
    assert seen["1.relu"].deaths == [(1, [2])]


def test_no_warning_hides_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), reluguide.watch(net_of_one_layer()):
        raise ZeroDivisionError


def test_an_exception_in_the_model_ends_the_look() -> None:
    class Fails(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.fail = net_of_one_layer(), True

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out = self.inner(x)
            if self.fail:
                raise OverflowError("too much")
            return out

    net, x = Fails(), torch.randn(5, 4)
    with reluguide.watch(net, patience=1) as seen:
        with pytest.raises(OverflowError, match="too much"):
            net(x)
        assert not any(m._forward_hooks for m in net.inner.modules())
        assert not torch.overrides._get_current_function_mode_stack()
        net.fail = False
        net(x)
    assert seen["inner.1.relu"].steps == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"model": "x"}, "watch takes an nn.Module, this is str: 'x'"),
        ({"every": 0}, "every is 0; it is a number of steps, at least 1"),
        ({"every": 2.5}, r"every is 2\.5; it is a number of steps"),
        ({"patience": True}, "patience is True; it is a number of steps"),
        ({"log": "wandb"}, "log is 'wandb'; it is a function of"),
    ],
)
def test_bad_arguments_are_named(arguments: dict, told: str) -> None:
    model = arguments.pop("model", nn.ReLU())
    with pytest.raises(DiagnosisError, match=told), reluguide.watch(model, **arguments):
        pass
