"""Experiments are functions of their seeds, findings of their results: no clock, no other source of chance."""

import ast
import importlib
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from reluguide.evidence.experiments import Experiment, declared
from reluguide.evidence.guide import Guide
from tests.conftest import ROOT

FOLDERS = [ROOT / "reluguide" / kind for kind in ("experiments", "findings")]
BANNED = {"time", "random", "datetime", "secrets", "uuid"}
FIXED = {"spelled"}  # slopes at zero and equalities of bits, whatever is drawn
EXPERIMENTS = [
    pytest.param(one, id=f"{module}.{name}")
    for module in Guide(ROOT).modules()
    for name, one in declared(importlib.import_module(f"reluguide.experiments.{module}"), Experiment).items()
    if one.seeds
]


@pytest.mark.parametrize(
    "path", [p for folder in FOLDERS for p in sorted(folder.glob("*.py"))], ids=lambda p: p.stem
)
def test_no_clock_and_no_generator_without_a_seed(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = (
            [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom)
            else []
        )  # fmt: skip
        assert not BANNED & {name.split(".")[0] for name in names}, f"line {node.lineno}: {names}"
        if isinstance(node, ast.Attribute) and ast.unparse(node).startswith(("np.random.", "numpy.random.")):
            assert node.attr in ("default_rng", "Generator"), f"line {node.lineno}: {ast.unparse(node)}"
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("default_rng"):
            assert node.args, f"line {node.lineno}: default_rng() without a seed"


@pytest.mark.slow
@pytest.mark.parametrize("one", EXPERIMENTS)
def test_the_same_seeds_give_the_same_bits_and_others_give_others(one: Experiment) -> None:
    few, others = one.seeds[:1], one.check_seeds[:1]
    # Where chance comes from does not hang on how long a network is trained.
    short = {
        name: max(2, value // 20)
        for name, value in one.settings.items()
        if name == "steps" and isinstance(value, int)
    }
    runs = []
    for chance, seeds in ((1, few), (2, few), (1, others)):
        torch.manual_seed(chance)
        np.random.seed(chance)
        runs.append(one(seeds=seeds, **short))
    first, again, other = (run.to_dataset(name="x") if isinstance(run, xr.DataArray) else run for run in runs)
    assert first.identical(again)
    # Counts and equalities may come out the same whatever is drawn; real numbers do not.
    real = [name for name in first if not whole(first[name].values)]
    assert (
        not real
        or one.name in FIXED
        or any((first[name].values != other[name].values).any() for name in real)
    )


def whole(values: np.ndarray) -> bool:
    return values.dtype.kind != "f" or bool((np.nan_to_num(values) % 1 == 0).all())
