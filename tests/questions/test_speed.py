"""Is ReLU really cheaper? What is counted and compared; no test asserts a time."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from reluguide import recorded as recordings
from reluguide.evidence import runner, store
from reluguide.evidence.guide import Guide
from reluguide.experiments import speed

Blocks = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def results(second_block: Blocks) -> dict[str, Any]:
    return second_block("speed")


@pytest.mark.parametrize("width", speed.WIDTHS)
def test_a_fully_connected_unit_takes_as_many_multiplications_as_it_has_inputs(
    width: int, results: dict[str, Any]
) -> None:
    work = results["work"]
    at = work.network.index(f"step_{width}")
    assert work.activations[at] == speed.HIDDEN * width
    assert work.multiplications[at] == speed.HIDDEN * width**2 + 10 * width


def test_the_count_of_the_convolution_net_is_the_one_on_paper(results: dict[str, Any]) -> None:
    work = results["work"]
    at = work.network.index("step_conv")
    positions = (32 * 32, 16 * 16, 8 * 8)
    channels = (3, 32, 64, 64)
    layers = list(zip(positions, channels, channels[1:], strict=False))
    assert work.activations[at] == sum(where * into for where, _, into in layers)
    assert work.multiplications[at] == sum(9 * where * a * b for where, a, b in layers) + 64 * 64 * 10


def test_counting_leaves_no_hook_behind() -> None:
    network = speed.fully_connected(8, "gelu")
    first = speed.count(network, torch.zeros(3, 8))
    assert first == speed.count(network, torch.zeros(3, 8))
    assert not any(part._forward_hooks for part in network.modules())


def test_by_hand_is_the_same_function(results: dict[str, Any]) -> None:
    assert results["agreement"].value.max() < 1e-12
    assert results["agreement"].gradient.max() < 1e-12


def test_relu_keeps_its_output_for_the_gradient_and_gelu_its_input() -> None:
    kept: list[int] = []
    x = torch.randn(5, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.data_ptr()), lambda _: x):
        outputs = [fn(x) for fn in (F.relu, F.gelu, F.silu)]
    assert kept[0] == outputs[0].data_ptr()
    assert kept[1:] == [x.data_ptr()] * 2


def test_every_recording_serves_the_pages(the_guide: Guide) -> None:
    for one in recordings.load(the_guide.recorded):
        for name in speed.ACTIVATIONS:
            assert all(ratio > 0 for ratio in one.cost(name).values())
        assert {f"{name}_by_hand" for name in speed.BY_HAND} <= set(one.times["by_hand"]["ratio"])


def test_a_second_device_gets_panels_and_columns_of_its_own(the_guide: Guide) -> None:
    pytest.importorskip("matplotlib")
    from dataclasses import replace

    from reluguide.findings import speed as findings

    (cpu, *_) = recordings.load(the_guide.recorded)
    gpu = replace(cpu, device="GPU (Some Card)", kind="cuda")
    for figure in (findings.where_it_counts, findings.by_size, findings.whole_steps):
        one, both = (figure.make({"recorded": devices}) for devices in ([cpu], [cpu, gpu]))
        assert len(both.figure.axes) == 2 * len(one.figure.axes)
        assert len(both.numbers.columns) - 1 == 2 * (len(one.numbers.columns) - 1)
        assert len(both.numbers.rows) == len(one.numbers.rows)
        assert "GPU (Some Card), torch" in both.figure.axes[1].get_title()


def test_the_foot_of_the_page_names_device_and_date_of_recorded_times(the_guide: Guide) -> None:
    runner.refresh(the_guide, device="cpu", only=["speed"])
    record = store.read(store.findings_path(the_guide, "speed", "cpu"))
    assert record is not None
    told = record["provenance"]["recorded"]
    for one in recordings.load(the_guide.recorded):
        assert one.device in told["device"]
        assert one.date in told["summary"]
