"""Faults that are planted are the faults that are found, and healthy models have none."""

import copy
import math
import random
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import reluguide
from reluguide.doctor import DiagnosisError
from reluguide.doctor.checkup import Checkup, checkup

PAGES = Path(__file__).parent.parent.parent / "docs" / "questions"
X, Y = torch.randn(64, 8, generator=torch.Generator().manual_seed(1)), torch.arange(64) % 4
IMAGES = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(2))
CLASSES, SQUARE, LOGITS = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()


def mlp(*extra: nn.Module, out: int = 4, width: int = 32) -> nn.Sequential:
    hidden = (nn.Linear(8, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
    return nn.Sequential(*hidden, nn.Linear(width, out), *extra)


def found(result: Checkup) -> set[str]:
    return {one.name for one in result}


class Applied(nn.Module):
    """Layers, and a function of them and the input."""

    def __init__(self, function: Callable[..., Tensor], **parts: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


class Residual(nn.Module):
    def __init__(self, *, inplace: bool = True) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm0, self.norm1, self.norm2 = (nn.BatchNorm2d(8) for _ in range(3))
        self.one, self.two = (nn.Conv2d(8, 8, 3, padding=1, bias=False) for _ in range(2))
        self.relu, self.head = nn.ReLU(inplace), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm0(self.stem(x)))
        h = self.relu(self.norm1(self.one(x)))
        x = self.relu(self.norm2(self.two(h)) + x)
        return self.head(x.mean((2, 3)))


class Attention(nn.Module):
    """Masked attention with the -inf that every mask holds."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm, self.head = nn.Embedding(20, 16), nn.LayerNorm(16), nn.Linear(16, 4)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, dropout=0.1)
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.query = nn.Linear(16, 16)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.body(self.embed(tokens))
        scores = self.query(x) @ x.mT / 4
        scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -math.inf)
        return self.head(self.norm(scores.softmax(-1) @ x).mean(1))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][:, -1])


class Adapted(nn.Module):
    """A frozen layer with a low-rank part that starts at 0, as fine-tuning adds it."""

    def __init__(self) -> None:
        super().__init__()
        self.whole, self.a, self.b = (
            nn.Linear(8, 32),
            nn.Linear(8, 2, bias=False),
            nn.Linear(2, 32, bias=False),
        )
        self.head = nn.Linear(32, 4)
        self.whole.requires_grad_(False)
        nn.init.zeros_(self.b.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.whole(x) + self.b(self.a(x))))


def head_of_zeros() -> nn.Module:
    net = mlp()
    nn.init.zeros_(net[4].weight)
    nn.init.zeros_(net[4].bias)
    with torch.no_grad():
        net[4].weight[0, 0] = 1e-3  # else the outputs are rightly told to be constant
    return net


TOKENS = torch.randint(0, 20, (16, 6), generator=torch.Generator().manual_seed(3))
HEALTHY = {
    "mlp": (mlp, (X, Y), CLASSES),
    "regression": (lambda: mlp(out=1), (X, X[:, :1]), SQUARE),
    "two classes": (lambda: mlp(out=1), (X, (Y % 2).float()[:, None]), LOGITS),
    "probabilities": (lambda: mlp(nn.Sigmoid(), out=1), (X, (Y % 2).float()[:, None]), nn.BCELoss()),
    "log probabilities": (lambda: mlp(nn.LogSoftmax(1)), (X, Y), nn.NLLLoss()),
    "residual": (Residual, (IMAGES, Y[:16]), CLASSES),
    "attention": (Attention, (TOKENS, Y[:16]), CLASSES),
    "recurrent": (Recurrent, (X[:, None].repeat(1, 3, 1), Y), CLASSES),
    "adapted": (Adapted, (X, Y), CLASSES),
    "zero head": (head_of_zeros, (X, Y), CLASSES),
    "tanh": (lambda: nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 4)), (X, Y), CLASSES),
    "normalised pixels": (
        lambda: nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)),
        (X * 100 + 128, Y),
        CLASSES,
    ),
    "normalised behind": (
        lambda: nn.Sequential(
            nn.Linear(8, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4)
        ),
        (X * 100, Y),
        CLASSES,
    ),
    "dropout": (
        lambda: nn.Sequential(nn.Linear(8, 32), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(32, 4)),
        (X, Y),
        CLASSES,
    ),
    "half precision": (lambda: mlp().bfloat16(), (X.bfloat16(), Y), CLASSES),
    "double precision": (lambda: mlp().double(), (X.double(), Y), CLASSES),
}  # fmt: skip


@pytest.mark.parametrize("name", HEALTHY)
@pytest.mark.parametrize("seed", range(3))
def test_no_false_alarm(name: str, seed: int) -> None:
    torch.manual_seed(seed)
    make, batch, loss = HEALTHY[name]
    result = checkup(make(), batch, loss)
    assert found(result) == set(), str(result)
    assert result.fine and result.untested


@pytest.mark.parametrize("name", ["mlp", "residual", "attention"])
def test_no_false_alarm_without_a_loss(name: str) -> None:
    make, batch, _ = HEALTHY[name]
    assert found(checkup(make(), batch[0])) == set()


def no_biases() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 32, bias=False), nn.ReLU(), nn.Linear(32, 4))


def dead_layer() -> nn.Module:
    net = mlp()
    nn.init.constant_(net[2].bias, -1e3)
    return net


def half_dead() -> nn.Module:
    net = mlp()
    with torch.no_grad():
        net[2].bias[:20] = -1e3
    return net


def equal() -> nn.Module:
    net = mlp()
    for k in (0, 2):
        nn.init.constant_(net[k].weight, 0.05)
        nn.init.constant_(net[k].bias, 0.1)
    with torch.no_grad():
        net[0].weight.copy_(torch.randn(32, 8))
    net[4].weight.data.copy_(torch.randn(4, 1).expand(4, 32))
    return net


def frozen() -> nn.Module:
    return mlp().requires_grad_(False)


def weights_of_nan() -> nn.Module:
    net = mlp()
    with torch.no_grad():
        net[2].weight[3, 5] = math.nan
    return net


def biased() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 4))


def two(function: Callable[..., Tensor]) -> Applied:
    return Applied(function, one=nn.Linear(8, 16), act=nn.ReLU(inplace=True), two=nn.Linear(16, 4))


def overwrites(self: Applied, x: Tensor) -> Tensor:
    h = torch.sigmoid(self.one(x))
    h += 1  # the sigmoid needs what it gave
    return self.two(h)


def preactivation_read_again(self: Applied, x: Tensor) -> Tensor:
    h = self.one(x)
    return self.two(self.act(h).cos() + h)


def root_of_zero(self: Applied, x: Tensor) -> Tensor:
    return self.two(self.act(self.one(x)).sqrt())


def overflow(self: Applied, x: Tensor) -> Tensor:
    return self.two((self.one(x) * 1e30).square())


def divided(self: Applied, x: Tensor) -> Tensor:
    h = F.relu(self.one(x) - 1e6)
    return self.two(h / h.sum(1, keepdim=True))


def spare() -> nn.Module:
    return Applied(lambda self, x: self.body(x), body=mlp(), unused=nn.Linear(3, 3))


# What is planted, the batch, the loss, and the names of what has to be found: nothing else may be.
PLANTED: dict[str, tuple] = {
    "dead layer": (dead_layer, (X, Y), CLASSES, {"dead-layer", "constant-output", "zero-gradient"}),
    "half dead": (half_dead, (X, Y), CLASSES, {"dead-units"}),
    "relu before cross entropy": (lambda: mlp(nn.ReLU()), (X, Y), CLASSES, {"relu-before-probabilities"}),
    "relu before softmax": (
        lambda: mlp(nn.ReLU(), nn.Softmax(1)), (X, F.one_hot(Y, 4).float()), SQUARE, {"relu-before-probabilities"},
    ),
    "relu before sigmoid": (
        lambda: mlp(nn.ReLU(), nn.Sigmoid(), out=1), (X, (Y % 2).float()[:, None]), nn.BCELoss(),
        {"relu-before-probabilities"},
    ),
    "relu and negative targets": (lambda: mlp(nn.ReLU(), out=8), (X, X), SQUARE, {"relu-output"}),
    "relu and squeezed": (
        lambda: Applied(lambda self, x: F.relu(self.net(x)).squeeze(-1), net=mlp(out=1)), (X, X[:, 0]), SQUARE,
        {"relu-output"},
    ),
    "softmax twice": (lambda: mlp(nn.Softmax(1)), (X, Y), CLASSES, {"probabilities-twice"}),
    "sigmoid twice": (
        lambda: mlp(nn.Sigmoid(), out=1), (X, (Y % 2).float()[:, None]), LOGITS, {"probabilities-twice"}
    ),
    "broadcast": (lambda: mlp(out=1), (X, X[:, 0]), SQUARE, {"broadcast-loss"}),
    "broadcast by hand": (lambda: mlp(out=1), (X, X[:, 0]), lambda out, y: (out - y).square().mean(), {"broadcast-loss"}),
    "large inputs": (mlp, (X * 70 + 128, Y), CLASSES, {"large-inputs"}),
    "small inputs": (no_biases, (X / 1e6, Y), CLASSES, {"small-inputs"}),
    "equal weights": (equal, (X, Y), CLASSES, {"equal-weights"}),
    "frozen": (frozen, (X, Y), CLASSES, {"frozen"}),
    "detached": (
        lambda: Applied(lambda self, x: self.net(x).detach(), net=mlp()), (X, Y), CLASSES, {"detached-loss"}
    ),
    "unused": (spare, (X, Y), CLASSES, {"unused-parameters"}),
    "nan in weights": (weights_of_nan, (X, Y), CLASSES, {"nan-weights"}),
    "nan in inputs": (mlp, (torch.where(torch.arange(64)[:, None] == 5, math.nan, X), Y), CLASSES, {"nan-inputs"}),
    "infinity": (lambda: two(overflow), (X, Y), CLASSES, {"nan-forward"}),
    "zero by zero": (lambda: two(divided), (X, Y), CLASSES, {"nan-forward", "dead-layer", "zero-gradient"}),
    "nan and a loss that refuses it": (
        lambda: Applied(lambda self, x: (self.net(x) * math.inf).sigmoid() * 0 / 0, net=mlp(out=1)),
        (X, (Y % 2).float()[:, None]), nn.BCELoss(), {"nan-forward", "dead-layer"},
    ),
    "infinite slope": (
        lambda: Applied(lambda self, x: self.net(x).abs().sum(1).sub(self.net(x).abs().sum(1)).sqrt(), net=mlp()),
        X, lambda out, batch: out.sum(), {"nan-gradient", "constant-output"},
    ),
    "in-place error": (lambda: two(overwrites), (X, Y), CLASSES, {"in-place-error"}),
    "in-place change": (lambda: two(preactivation_read_again), (X, Y), CLASSES, {"in-place-changes"}),
    "in-place batch": (
        lambda: nn.Sequential(nn.ReLU(inplace=True), mlp()), (X, Y), CLASSES, {"in-place-batch"},
    ),
    "bias before norm": (biased, (X, Y), CLASSES, {"bias-before-norm"}),
}  # fmt: skip
LOOKS = {"dead-units", "unused-parameters", "bias-before-norm", "zero-gradient"}


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.parametrize("seed", range(2))
def test_what_is_planted_is_found_and_nothing_else(name: str, seed: int) -> None:
    torch.manual_seed(seed)
    make, batch, loss, names = PLANTED[name]
    result = checkup(make(), batch, loss)
    assert found(result) == names, str(result)
    assert {one.name for one in result.faults} == names - LOOKS


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "in-place error",
            r"what Sigmoid(Backward0)? had made was overwritten by (__iadd__|add_) in the model's forward",
        ),
        ("in-place change", "act overwrites a tensor that is read again"),
        (
            "infinity",
            "first infinity came out of square in the model's forward, whose largest input was .*e.30",
        ),
        (
            "zero by zero",
            r"first NaN came out of (div|__truediv__) in the model's forward, whose largest input was 0",
        ),
        ("infinite slope", "first stops being finite in sqrt in the model's forward"),
        ("detached", "the last function that let none through is detach"),
        ("dead layer", "what comes out of relu in 3"),
        ("broadcast", r"shapes \(64, 1\) and \(64,\) in mse_loss"),
        ("relu and negative targets", r"% of the targets are negative"),
        ("nan in inputs", "tensor 1 of the inputs"),
        ("unused", r"2 of 8 parameters have no part in the loss: unused.weight, unused.bias"),
        ("large inputs", r"root mean square is 1\d\d where 0 takes them"),
    ],
)
def test_the_place_is_named(name: str, told: str) -> None:
    make, batch, loss, _ = PLANTED[name]
    text = " ".join(str(checkup(make(), batch, loss)).split())
    assert re.search(told, text), text


def test_born_dead_is_told_from_died() -> None:
    torch.manual_seed(0)
    deep = nn.Sequential(*(part for _ in range(14) for part in (nn.Linear(8, 8), nn.ReLU())), nn.Linear(8, 4))
    text = str(checkup(deep, (X, Y), CLASSES))
    if "dead on these" in text.partition("Tested")[0]:
        assert "born dead" in text
    assert "They died in training" in " ".join(str(checkup(half_dead(), (X, Y), CLASSES)).split())


def state(model: nn.Module) -> list:
    return [
        *(tensor.clone() for tensor in model.state_dict().values()),
        *(None if one.grad is None else one.grad.clone() for one in model.parameters()),
        *(module.training for module in model.modules()),
        *(getattr(module, "inplace", None) for module in model.modules()),
        *(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()),
        *(one.requires_grad for one in model.parameters()),
        *(len(one._backward_hooks or ()) for one in model.parameters()),
    ]


def same(one: list, other: list) -> bool:
    return len(one) == len(other) and all(
        torch.equal(a, b) if isinstance(a, Tensor) else a is b or a == b for a, b in zip(one, other)
    )


@pytest.mark.parametrize("name", [*HEALTHY, *PLANTED])
def test_everything_is_left_as_it_was(name: str) -> None:
    make, batch, loss, *_ = {**HEALTHY, **PLANTED}[name]
    model = make()
    for k, parameter in enumerate(model.parameters()):
        if k % 2:
            parameter.grad = torch.ones_like(parameter)
    before = [x.clone() for x in ([batch] if isinstance(batch, Tensor) else batch)]
    was, numbers = state(model), (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())
    checkup(model, batch, loss)
    after = [batch] if isinstance(batch, Tensor) else batch
    assert all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(before, after))
    now = state(model)
    nan = [k for k, one in enumerate(was) if isinstance(one, Tensor) and bool(one.isnan().any())]
    assert same(
        [o for k, o in enumerate(was) if k not in nan], [o for k, o in enumerate(now) if k not in nan]
    )
    assert torch.equal(numbers[0], torch.get_rng_state())
    assert numbers[1:] == (random.getstate(), np.random.get_state()[1].tolist())
    assert not torch.overrides._get_current_function_mode_stack() and torch.is_grad_enabled()


def test_an_optimizer_of_other_parameters_is_found() -> None:
    net = mlp()
    own = torch.optim.SGD(net.parameters(), 0.1)
    assert found(checkup(net, (X, Y), CLASSES, optimizer=own)) == set()
    (fault,) = checkup(net, (X, Y), CLASSES, optimizer=torch.optim.SGD(copy.deepcopy(net).parameters(), 0.1))
    assert (fault.name, fault.level) == (
        "optimizer",
        "fault",
    ) and "none of the model's parameters" in fault.what
    (look,) = checkup(net, (X, Y), CLASSES, optimizer=torch.optim.SGD(net[:3].parameters(), 0.1))
    assert look.level == "look" and "4.weight" in look.what
    (look,) = checkup(net, (X, Y), CLASSES, optimizer=torch.optim.SGD(net.parameters(), 0.0))
    assert "learning rate of the optimizer is 0" in look.what


def test_what_is_found_comes_with_how_it_shows_what_helps_and_where_to_read_on() -> None:
    result = checkup(mlp(nn.ReLU()), (X * 70 + 128, Y), CLASSES)
    text = str(result)
    assert text.startswith("2 faults, on one batch of 64 samples.")
    for one in result:
        assert one.confirmed and one.mend and "questions/" in one.page
        assert one.page in text and one.confirmed[:30] in " ".join(text.split())
    assert "Not tested" in text and "the learning rate, and whether training would converge" in text
    assert "the optimizer: none was given" in " ".join(text.split())
    assert all(len(line) <= 100 for line in text.splitlines())
    assert result.to_dict()["symptoms"][0]["name"] == result.symptoms[0].name
    assert repr(result) == text and len(result) == 2


# Pages of the guide that findings name; those that are still to be written lead to its start page meanwhile.
COMING = {"symptoms", "output-layer", "in-place", "nan", "inputs", "order", "initialisation"}


def test_findings_name_pages_of_the_guide() -> None:
    known = {file.stem for file in PAGES.glob("*.md")} | COMING
    for make, batch, loss, _ in PLANTED.values():
        for one in checkup(make(), batch, loss):
            assert one.page.rstrip("/").rpartition("/")[2] in known


@pytest.mark.parametrize(
    ("model", "batch", "loss", "told"),
    [
        ("net", X, None, "checkup takes an nn.Module, this is str"),
        (
            mlp(),
            torch.utils.data.DataLoader(X),
            None,
            r"one batch with tensors, this is DataLoader; next\(iter",
        ),
        (mlp(), 3, None, "one batch with tensors, this is int"),
        (mlp(), (X, Y), SQUARE, r"the loss fails on the model's output \(\(64, 4\)\)"),
        (mlp(), (X, Y), lambda out, y: out, r"the loss gives a tensor of shape \(64, 4\)"),
        (mlp(), (X, Y), lambda out, y: 1.0, "the loss gives float"),
        (nn.Sequential(nn.LazyLinear(4)), (X, Y), CLASSES, "lazy layers without weights yet: run it once"),
        (mlp(), (X[:, :5], Y), CLASSES, "the forward pass fails on the batch: RuntimeError: mat1 and mat2"),
    ],
)
def test_bad_input_is_named(model, batch, loss, told: str) -> None:
    with pytest.raises(DiagnosisError, match=told):
        checkup(model, batch, loss)


def test_batches_of_every_form_and_models_with_a_loss_of_their_own() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = mlp(nn.ReLU())

        def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
            out = self.net(x)
            return {"loss": F.cross_entropy(out, labels), "logits": out}

    own = checkup(Own(), {"x": X, "labels": Y})
    assert found(own) == {"relu-before-probabilities"}
    assert "the output depends on the sample" in own.fine
    assert "how the loss reads the output: it is computed inside the model" in own.untested
    by_hand = checkup(
        mlp(), {"a": X, "b": Y}, lambda out, batch: F.cross_entropy(out, batch["b"]),
        forward=lambda model, batch: model(batch["a"]),
    )  # fmt: skip
    assert found(by_hand) == set()

    class Held:  # such as a graph
        def __init__(self) -> None:
            self.x, self.y = X * 100, Y

    held = Held()
    objects = checkup(
        nn.Sequential(nn.ReLU(inplace=True), mlp()), held, lambda out, batch: F.cross_entropy(out, batch.y),
        forward=lambda model, batch: model(batch.x),
    )  # fmt: skip
    assert found(objects) == {"large-inputs", "in-place-batch"}
    assert torch.equal(held.x, X * 100)
    pairs = checkup(mlp(), (X, Y), CLASSES, forward=lambda model, batch: model(batch[0] * 100))
    assert found(pairs) == {"large-inputs"}


def test_one_sample_is_not_enough_and_that_is_said() -> None:
    result = checkup(biased(), (X[:1], Y[:1]), CLASSES)
    assert any("fewer than two" in one for one in result.untested)
    assert any("more than one value a channel" in one for one in result.untested)


def test_it_is_public() -> None:
    assert reluguide.checkup is checkup
