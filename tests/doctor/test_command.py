"""`reluguide diagnose`: exit statuses, files, and sentences for what went wrong."""

import argparse
import json
import sys
from pathlib import Path

import pytest

from reluguide.doctor.command import add_arguments, run

MODULE = """
import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 10), nn.ReLU(), nn.Linear(10, 2))
with torch.no_grad():
    model[0].bias.fill_(1.0)
    model[0].weight.fill_(1.0)
    model[0].bias[3] = -1e3
data = [torch.ones(8, 4), torch.zeros(8, 4)]

def make():
    return model

def loader():
    return iter(data)

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(4, 3), nn.GELU())

empty = []
number = 3

def broken():
    raise RuntimeError("cannot load this")

class Crashes(nn.Module):
    def __init__(self):
        super().__init__()
        raise SystemError("never built")
"""


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_models_for_the_command.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def called(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([word.replace("my:", "my_models_for_the_command:") for word in words]))


@pytest.mark.parametrize("model", ["my:model", "my:make", "my:Net"])
@pytest.mark.parametrize("data", ["my:data", "my:loader"])
def test_models_data_and_functions_that_make_them(at: Path, model: str, data: str, capsys) -> None:
    assert called(model, "--data", data) == 0
    assert "on these 16 samples (2 batches, eval mode)" in capsys.readouterr().out


def test_the_current_folder_can_be_imported_from(
    at: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (at / "only_in_this_folder.py").write_text(MODULE)
    elsewhere = [one for one in sys.path if one not in ("", str(at))]
    monkeypatch.setattr(sys, "path", elsewhere)  # as for the installed command
    assert called("only_in_this_folder:model", "--data", "only_in_this_folder:data") == 0


def test_data_are_asked_for(at: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        called("my:model")
    assert ended.value.code == 2 and "the following arguments are required: --data" in capsys.readouterr().err


def test_limit_decides_the_status(at: Path, capsys) -> None:
    assert called("my:model", "--data", "my:data", "--max-dead", "0.1") == 0
    assert called("my:model", "--data", "my:data", "--max-dead", "0.05") == 1
    assert "1.relu: 1 of 10, units 3" in capsys.readouterr().err
    assert called("my:model", "--data", "my:data", "--max-dead", "0.05", "--each") == 1
    assert (
        called("my:model", "--data", "my:data", "--max-dead", "0.05", "--ignore", "1.*") == 1
    )  # saw nothing


def test_files_and_causes_are_written_also_when_the_limit_is_exceeded(at: Path, capsys) -> None:
    words = ("--max-dead", "0", "--json", "out.json", "--html", "out.html", "--explain", "--also", "dormant")
    assert called("my:model", "--data", "my:data", *words) == 1
    assert json.loads((at / "out.json").read_text())["layers"]["1.relu"]["dead"] == [3]
    assert "<h1>Dead units</h1>" in (at / "out.html").read_text()
    assert "bias of layer 0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        ("no_such_module_here:model", "my:data", "'no_such_module_here:model' cannot be imported"),
        ("my:mouldel", "my:data", "has no 'mouldel'"),
        ("my_models", "my:data", "is not of the form pkg.mod:name"),
        ("my:number", "my:data", "is int, not Module"),
        ("my:model", "my:number", "is int, not Iterable"),
        ("my:model", "my:empty", "there is no batch in the data"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(
    at: Path, model: str, data: str, message: str, capsys
) -> None:
    assert called(model, "--data", data) == 2
    error = capsys.readouterr().err
    assert error.startswith("reluguide diagnose: ") and message in error and "Traceback" not in error


@pytest.mark.parametrize(("model", "data"), [("my:Crashes", "my:data"), ("my:model", "my:broken")])
def test_a_crash_is_told_from_too_many_dead_units(at: Path, model: str, data: str, capsys) -> None:
    assert called(model, "--data", data, "--max-dead", "0") == 2
    error = capsys.readouterr().err
    assert "Traceback" in error and "so there is no diagnosis" in error


def test_a_script_without_a_guard_is_told_from_too_many_dead_units(at: Path, capsys) -> None:
    (at / "a_script_that_ends.py").write_text("import sys\nsys.exit(1)\n")
    assert called("a_script_that_ends:model", "--data", "my:data") == 2
    assert "the module ends the program (exit status 1)" in capsys.readouterr().err


def test_layers_that_were_not_seen_decide_where_asked(at: Path, capsys) -> None:
    assert called("my:model", "--data", "my:data", "--allow-unseen") == 1
    assert "says nothing of these layers:\n  2: layers with parameters" in capsys.readouterr().err
    assert called("my:model", "--data", "my:data", "--allow-unseen", "2") == 0
    assert called("my:model", "--data", "my:data", "--allow-unseen", "2", "--max-dead", "0") == 1


def test_annotations_for_github_stand_on_lines_of_their_own(at: Path, capsys) -> None:
    assert called("my:model", "--data", "my:data", "--format", "github", "--max-dead", "0") == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::")]
    warning, notice, error = lines
    assert warning.startswith("::warning title=1 dead in 1.relu::bias (unit 3): bias of layer 0")
    assert "On these 16 samples" in warning and "questions/dead-units/" in warning
    assert notice.startswith("::notice title=Not seen::")
    assert error.startswith("::error title=Too many dead units::10 %25 of the units are dead")
    assert "%0A  1.relu: 1 of 10, units 3" in error
    assert called("my:model", "--data", "my:empty", "--format", "github") == 2
    assert "::error title=No diagnosis::there is no batch" in capsys.readouterr().out


def test_part_of_the_data_and_a_second_look(at: Path, capsys) -> None:
    assert called("my:model", "--data", "my:data", "--max-batches", "1", "--verify") == 0
    assert "on these 8 samples (1 batch, eval mode)" in capsys.readouterr().out
    assert called("my:model", "--data", "my:data", "--max-batches", "0") == 2
    assert "max_batches is 0; it is a number of batches, at least 1" in capsys.readouterr().err


def test_other_formats(at: Path, capsys) -> None:
    assert called("my:model", "--data", "my:data", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["layers"]["1.relu"]["dead"] == [3]
    assert called("my:model", "--data", "my:data", "--format", "markdown") == 0
    assert "| `1.relu` | relu | 10 | 1 |" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["-0.1", "nan", "half", "1e9"])
def test_a_limit_that_is_no_share_is_refused(text: str, capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        called("my:model", "--data", "my:data", f"--max-dead={text}")
    assert stop.value.code == 2
    assert f"{text} is not a share between 0 and 1" in capsys.readouterr().err


def test_share_must_be_one(capsys) -> None:
    with pytest.raises(SystemExit) as stop:
        called("my:model", "--data", "my:data", "--max-dead", "5")
    assert stop.value.code == 2
    assert "5 is not a share between 0 and 1" in capsys.readouterr().err


def test_device_that_is_not_there(at: Path, capsys) -> None:
    assert called("my:model", "--data", "my:data", "--device", "nonsense") == 2
    assert "the model cannot be moved to 'nonsense'" in capsys.readouterr().err
