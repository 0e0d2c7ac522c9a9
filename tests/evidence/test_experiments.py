"""How experiments are declared, and how what they return is labelled."""

import numpy as np
import pytest
import torch
import xarray as xr

from reluguide.evidence.experiments import Experiment, declared, experiment, labelled, resolved


@experiment(seeds=range(3), cpu_only=True)
def drawn(*, seeds, device, draws: int = 5, rates: tuple[float, ...] = (0.1, 0.2)) -> xr.DataArray:
    """What is drawn."""
    return labelled([draws * seed for seed in seeds], f"On {device}", seed=seeds)


def test_experiments_know_their_second_block_of_seeds() -> None:
    assert not set(drawn.seeds) & set(drawn.check_seeds)
    assert len(drawn.check_seeds) == 3
    assert drawn(device="cuda").attrs["long_name"] == "On cpu"
    assert drawn(seeds=[7]).seed.values.tolist() == [7]
    assert drawn.summary == "What is drawn."


def test_settings_are_the_parameters_with_their_defaults_and_can_be_changed() -> None:
    assert drawn.settings == {"draws": 5, "rates": (0.1, 0.2)}
    assert drawn(draws=7).values.tolist() == [0, 7, 14]
    with pytest.raises(TypeError, match=r"drawn has no setting 'draw'; it has draws, rates"):
        drawn(draw=7)


def test_an_experiment_runs_where_it_is_asked_to_unless_it_says_otherwise() -> None:
    @experiment()
    def anywhere(*, seeds, device) -> xr.DataArray:
        """Where it ran."""
        return labelled(0, device)

    assert anywhere(device="cuda").attrs["long_name"] == "cuda"
    assert not anywhere.device_dependent
    assert Experiment("bare", anywhere.run, ())(device="cuda").attrs["long_name"] == "cuda"


def test_a_wrong_declaration_says_what_is_missing() -> None:
    with pytest.raises(TypeError, match="takes seeds and device; it lacks device"):

        @experiment()
        def lacking(*, seeds):
            """Lacking."""

    with pytest.raises(TypeError, match="say in a docstring what this experiment measures"):

        @experiment()
        def silent(*, seeds, device): ...

    with pytest.raises(TypeError, match="the setting steps needs a default"):

        @experiment()
        def open_ended(*, seeds, device, steps):
            """Open."""

    with pytest.raises(TypeError, match=r"the setting data needs a default that is a number.*\[\]"):

        @experiment()
        def held(*, seeds, device, data=[]):  # noqa: B006
            """Held."""


def test_arrays_are_labelled_in_the_order_of_their_coordinates() -> None:
    array = labelled(torch.zeros(2, 3), "Zeros.", unit="share", seed=(4, 5), rate=(0.1, 0.2, 0.3))
    assert array.dims == ("seed", "rate")
    assert array.sel(seed=5, rate=0.2).item() == 0
    assert array.attrs == {"long_name": "Zeros.", "units": "share"}
    with pytest.raises(ValueError, match=r"'Zeros': values of shape \(2, 3\) do not fit 3 seed x 2 rate"):
        labelled(np.zeros((2, 3)), "Zeros", seed=range(3), rate=range(2))
    with pytest.raises(ValueError, match="do not fit a single number"):
        labelled([1.0], "One")


def test_a_part_of_a_result_is_found_by_its_name() -> None:
    results = {"one": labelled(1.0, "One."), "two": xr.Dataset({"a": labelled(2.0, "A.")})}
    assert resolved(results, "one").item() == 1 and resolved(results, "two.a").item() == 2
    with pytest.raises(KeyError, match="the experiment 'two' has no array 'b'; it has a"):
        resolved(results, "two.b")
    with pytest.raises(KeyError, match="'one' is one array and has no part 'a'"):
        resolved(results, "one.a")


def test_declared_finds_what_stands_in_a_module_in_order() -> None:
    from reluguide.experiments import is_it_lossy

    names = list(declared(is_it_lossy, Experiment))
    assert names.index("recovery") < names.index("decoding") < names.index("mirror_pair")
