"""Other people's loops: against the real libraries where they are installed, else skipped."""

import importlib.util
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

import reluguide
from reluguide.doctor import DiagnosisError
from tests.doctor.zoo import plant

pytest_plugins = ["pytester"]

SIZES = {"dead/net.1.relu": 2 / 6, "dead/net.3.relu": 0.0, "dead/all": 2 / 10}


def net() -> nn.Sequential:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 1))
    with torch.no_grad():
        made[0].bias.fill_(1.0)
        made[2].bias.fill_(3.0)
    plant(made[0], [1, 4], -100.0)
    return made


def hooks(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


class TestLightning:
    @pytest.fixture(autouse=True)
    def installed(self) -> None:
        if not importlib.util.find_spec("lightning"):
            pytest.skip("lightning is not installed: pip install 'reluguide[lightning]'")
        warnings.filterwarnings("ignore", module="lightning.*")

    def trained(self, tmp_path: Path, callback, *, steps: int, loop: str = "whole", manual: bool = False):
        import lightning

        class Module(lightning.LightningModule):
            def __init__(self) -> None:
                super().__init__()
                self.net = net()
                self.automatic_optimization = not manual

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return self.net(x)

            def training_step(self, batch, index):
                x, y = batch
                if loop == "raises":
                    raise OverflowError("in the step")
                loss = ((self(x) if loop == "whole" else self.net(x)) - y).square().mean()
                if manual:
                    self.manual_backward(loss)
                    self.optimizers().step()
                return loss

            def validation_step(self, batch, index):
                self(batch[0])

            def configure_optimizers(self):
                return torch.optim.SGD(self.parameters(), 1e-4)

        class Log(lightning.pytorch.loggers.Logger):
            name = version = "kept"

            def __init__(self) -> None:
                super().__init__()
                self.told: list = []

            def log_metrics(self, metrics, step=None):
                self.told.append((step, dict(metrics)))

            def log_hyperparams(self, *args, **kwargs): ...

        log, model = Log(), Module()
        data = torch.utils.data.TensorDataset(torch.randn(40, 4), torch.randn(40, 1))
        loader = torch.utils.data.DataLoader(data, batch_size=8)
        trainer = lightning.Trainer(
            max_steps=steps, accelerator="cpu", logger=log, callbacks=[callback], default_root_dir=tmp_path,
            enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
        )  # fmt: skip
        trainer.fit(model, loader, loader)
        return model, log

    @pytest.mark.parametrize("loop", ["whole", "part"])
    @pytest.mark.parametrize("manual", [False, True])
    def test_dead_units_are_seen_and_logged_however_the_step_is_written(
        self, tmp_path: Path, loop: str, manual: bool
    ) -> None:
        from reluguide.integrations.lightning import WatchCallback

        callback = WatchCallback(every=3, patience=2)
        model, log = self.trained(tmp_path, callback, steps=8, loop=loop, manual=manual)
        assert callback.seen.steps == 8
        assert callback.seen["net.1.relu"].steps == [1, 4, 7]
        assert callback.seen["net.1.relu"].deaths == [(4, [1, 4])]
        told = [(step, metrics) for step, metrics in log.told if "dead/all" in metrics]
        assert [step for step, _ in told] == [1, 4, 7]
        assert told[-1][1] == SIZES
        assert hooks(model) == 0

    def test_the_model_is_left_alone_after_an_exception(self, tmp_path: Path) -> None:
        from reluguide.integrations.lightning import WatchCallback

        made: list[nn.Module] = []
        callback = WatchCallback(every=1)
        callback.on_train_start = lambda trainer, module: (
            made.append(module), WatchCallback.on_train_start(callback, trainer, module),
        )[1]  # fmt: skip
        with pytest.raises(OverflowError, match="in the step"):
            self.trained(tmp_path, callback, steps=3, loop="raises")
        assert hooks(made[0]) == 0
        assert not torch.overrides._get_current_function_mode_stack()


class TestTransformers:
    @pytest.fixture(autouse=True)
    def installed(self) -> None:
        if not (importlib.util.find_spec("transformers") and importlib.util.find_spec("accelerate")):
            pytest.skip("transformers is not installed: pip install 'reluguide[transformers]'")

    def test_dead_units_are_seen_and_logged(self, tmp_path: Path) -> None:
        from transformers import Trainer, TrainingArguments

        from reluguide.integrations.transformers import WatchCallback

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.net = net()

            def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
                out = self.net(x)
                return {"loss": (out - labels).square().mean(), "logits": out}

        told: list = []
        callback = WatchCallback(every=2, patience=2, log=lambda scalars, step: told.append((step, scalars)))
        model = Model()
        rows = [{"x": torch.randn(4), "labels": torch.randn(1)} for _ in range(40)]
        trainer = Trainer(
            model,
            TrainingArguments(
                output_dir=str(tmp_path), max_steps=6, logging_steps=3, per_device_train_batch_size=8,
                report_to=[], save_strategy="no", learning_rate=1e-6, use_cpu=True, disable_tqdm=True,
            ),
            train_dataset=rows,
            callbacks=[callback],
        )  # fmt: skip
        trainer.train()
        assert callback.seen["net.1.relu"].steps == [1, 3, 5]
        assert callback.seen["net.1.relu"].deaths == [(3, [1, 4])]
        kept = [entry for entry in trainer.state.log_history if "dead/all" in entry]
        assert [entry["step"] for entry in kept] == [step for step, _ in told] == [3, 6]
        assert {key: kept[-1][key] for key in SIZES} == SIZES == told[-1][1]
        assert hooks(model) == 0
        trainer.train()  # begins anew
        assert callback.seen.steps == 6


@pytest.mark.parametrize("library", ["lightning", "transformers"])
def test_what_is_not_installed_is_named_with_the_extra_that_brings_it(library: str) -> None:
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['lightning', 'pytorch_lightning', 'transformers']))\n"
        f"from reluguide.integrations.{library} import WatchCallback\n"
        "try:\n    WatchCallback()\n"
        "except ImportError as error:\n    print(error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert f"pip install 'reluguide[{library}]'" in ran.stdout


@pytest.mark.parametrize("library", ["lightning", "transformers"])
def test_bad_numbers_are_refused_at_once(library: str) -> None:
    pytest.importorskip(library, reason=f"{library} is not installed")
    module = importlib.import_module(f"reluguide.integrations.{library}")
    with pytest.raises(DiagnosisError, match="every is 0; it is a number of steps"):
        module.WatchCallback(every=0)


TESTS = """
import torch
from torch import nn

def model(bias):
    net = nn.Sequential(nn.Linear(4, 10), nn.ReLU(), nn.Linear(10, 2))
    with torch.no_grad():
        net[0].weight.fill_(0.1)
        net[0].bias.fill_(1.0)
        net[0].bias[3] = bias
    return net

def test_alive(check_dead_units):
    assert check_dead_units(model(1.0), torch.ones(8, 4), allow_unseen="2").samples == 8

def test_dead(check_dead_units):
    check_dead_units(model(-9.0), torch.ones(8, 4))

def test_few_dead(check_dead_units):
    check_dead_units(model(-9.0), [torch.ones(8, 4)], max_dead=0.1, each=True, training=True)

def test_unseen(check_dead_units):
    check_dead_units(model(1.0), torch.ones(8, 4), allow_unseen=False)
"""


def test_the_fixture_fails_where_units_are_dead_and_shows_the_causes(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(reluguide.__file__).parent.parent))
    monkeypatch.setenv(
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"
    )  # an installed package brings the fixture itself
    pytester.makepyfile(TESTS)
    ran = pytester.runpytest_subprocess("-p", "reluguide.integrations.pytest")
    ran.assert_outcomes(passed=2, failed=2)
    ran.stdout.fnmatch_lines(["*dead units*", "1 of 10 units are dead on these 8 samples*"])
    ran.stdout.fnmatch_lines(["*upstream (unit 3)*"])
    ran.stdout.fnmatch_lines(["*says nothing of these layers*"])


def test_the_fixture_is_declared_for_installed_packages() -> None:
    text = (Path(reluguide.__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert (
        'reluguide = "reluguide.integrations.pytest"' in text.partition("[project.entry-points.pytest11]")[2]
    )


def test_loading_the_plugin_does_not_load_torch() -> None:
    code = "import sys, reluguide.integrations.pytest; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
