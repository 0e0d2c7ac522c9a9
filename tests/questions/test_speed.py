"""Is ReLU really cheaper? What is counted and compared; no test asserts a time."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from reluguide import recorded as recordings
from reluguide.evidence import runner, store
from reluguide.evidence.guide import Guide
from reluguide.experiments import speed
from reluguide.findings import speed as findings


@pytest.mark.parametrize("width", speed.WIDTHS)
def test_a_fully_connected_unit_takes_as_many_multiplications_as_it_has_inputs(width: int) -> None:
    multiplications, activations = speed.count(speed.fully_connected(width, "relu"), torch.zeros(1, width))
    assert activations == speed.HIDDEN * width
    assert multiplications == speed.HIDDEN * width**2 + 10 * width


def test_the_count_of_the_convolution_net_is_the_one_on_paper() -> None:
    multiplications, activations = speed.count(speed.convolutional("relu"), torch.zeros(1, 3, 32, 32))
    positions = (32 * 32, 16 * 16, 8 * 8)
    channels = (3, 32, 64, 64)
    layers = list(zip(positions, channels, channels[1:], strict=False))
    assert activations == sum(where * into for where, _, into in layers)
    assert multiplications == sum(9 * where * a * b for where, a, b in layers) + 64 * 64 * 10


def test_counting_leaves_no_hook_behind() -> None:
    network = speed.fully_connected(8, "gelu")
    first = speed.count(network, torch.zeros(3, 8))
    assert first == speed.count(network, torch.zeros(3, 8))
    assert not any(part._forward_hooks for part in network.modules())


def test_by_hand_is_the_same_function() -> None:
    assert speed.agreement(seeds=range(10_000, 10_008)).max() < 1e-12


def test_relu_keeps_its_output_for_the_gradient_and_gelu_its_input() -> None:
    kept: list[int] = []
    x = torch.randn(5, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.data_ptr()), lambda _: x):
        outputs = [fn(x) for fn in (F.relu, F.gelu, F.silu)]
    assert kept[0] == outputs[0].data_ptr()
    assert kept[1:] == [x.data_ptr()] * 2


def test_every_recording_serves_the_pages(the_guide: Guide) -> None:
    every = recordings.load(the_guide.recorded)
    assert recordings.quoted(every).kind == "cpu"
    for one in every:
        assert (one.ratios(*findings.PLACES).sel(case=list(findings.LABELS)) > 0).all()
        assert {f"{name}_by_hand" for name in speed.BY_HAND} <= set(one.times["by_hand"]["ratio"])


def test_a_second_device_gets_panels_and_columns_of_its_own_and_no_number_in_the_text(
    the_guide: Guide,
) -> None:
    cpu = recordings.quoted(recordings.load(the_guide.recorded))
    slow = {
        name: entry | {"ratio": {case: [9, 9, 9] for case in entry["ratio"]}}
        for name, entry in cpu.times.items()
    }
    gpu = replace(cpu, device="A GPU (Some Card)", kind="cuda", quoted=False, times=slow)
    for figure in (findings.where_it_counts, findings.by_size, findings.whole_steps):
        one, both = (figure.make({"recorded": devices}) for devices in ([cpu], [cpu, gpu]))
        assert len(both.figure.axes) == 2 * len(one.figure.axes)
        assert len(both.numbers.columns) - 1 == 2 * (len(one.numbers.columns) - 1)
        assert len(both.numbers.rows) == len(one.numbers.rows)
        assert "A GPU (Some Card), torch" in both.figure.axes[1].get_title()
    for name in ("alone", "reused", "step", "by_hand"):
        family = getattr(findings, name)
        assert family.make(name, {"recorded": [gpu, cpu]}) == family.make(name, {"recorded": [cpu]})


def test_the_foot_of_the_page_names_device_and_date_of_recorded_times(the_guide: Guide) -> None:
    runner.refresh(the_guide, device="cpu", only=["speed"])
    record = store.read(store.findings_path(the_guide, "speed", "cpu"))
    assert record is not None
    told = record["provenance"]["recorded"]
    for one in recordings.load(the_guide.recorded):
        assert one.device in told["device"]
        assert one.date in told["summary"]
