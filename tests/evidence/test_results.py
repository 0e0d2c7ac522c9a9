"""A result survives the store to the last bit, and what cannot be kept is named."""

import json
import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from reluguide.evidence.experiments import labelled
from reluguide.evidence.results import ResultError, as_record, revived

KINDS = [np.float64, np.float32, np.int64, np.bool_]


@given(
    st.sampled_from(KINDS).flatmap(
        lambda kind: arrays.arrays(
            kind,
            arrays.array_shapes(max_dims=3, max_side=4),
            elements={"allow_nan": False, "allow_infinity": False} if issubclass(kind, np.floating) else None,
        )
    )
)
def test_whatever_is_labelled_comes_back_to_the_last_bit(values: np.ndarray) -> None:
    coords = {f"dim{i}": [f"label {k}" for k in range(size)] for i, size in enumerate(values.shape)}
    one = labelled(values, "Something.", unit="share", **coords)
    record = json.loads(json.dumps(as_record(one, settings={"steps": 3}), allow_nan=False))
    back = revived(record)
    assert isinstance(back, xr.DataArray)
    assert back.dims == one.dims and (back.values == one.values).all()
    assert back.dtype.kind == one.dtype.kind
    assert back.attrs == {"long_name": "Something.", "units": "share", "steps": 3}
    for dim in one.dims:
        assert back.coords[dim].values.tolist() == one.coords[dim].values.tolist()


def test_a_set_of_arrays_comes_back_with_its_settings() -> None:
    both = xr.Dataset({
        "learned": labelled([True, False], "Learned.", seed=(0, 1)),
        "depth": labelled([[1, 2], [3, 4]], "Depth.", seed=(0, 1), rate=(0.1, 0.2)),
    })  # fmt: skip
    back = revived(json.loads(json.dumps(as_record(both, settings={"rates": (0.1, 0.2)}))))
    assert isinstance(back, xr.Dataset)
    assert back.identical(both.assign_attrs(rates=[0.1, 0.2]))


def test_a_missing_number_needs_a_meaning() -> None:
    values = [1.0, math.nan]
    told = labelled(values, "Edge.", missing="never", activation=("relu", "gelu"))
    back = revived(json.loads(json.dumps(as_record(told, settings={}), allow_nan=False)))
    assert np.isnan(back.sel(activation="gelu")) and back.sel(activation="relu") == 1
    with pytest.raises(ResultError, match="the array holds nan at activation gelu; a result must be finite"):
        as_record(labelled(values, "Edge.", activation=("relu", "gelu")), settings={})
    with pytest.raises(ResultError, match="holds inf at seed 1; a result must be finite"):
        as_record(labelled([0.0, math.inf], "Loss.", missing="diverged", seed=(0, 1)), settings={})


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ([1.0], "returned a list; it must return labelled arrays"),
        (xr.DataArray([1.0], {"seed": [0]}, ("seed",)), "the array does not say what it is"),
        (xr.DataArray([1.0], dims=("seed",), attrs={"long_name": "x"}), "'seed' has no coordinates"),
        (xr.Dataset(), "a Dataset without any array"),
        (xr.Dataset({"a": labelled(1j, "Complex.")}), "the array 'a' holds complex128"),
    ],
)
def test_what_cannot_be_kept_is_named(result: object, told: str) -> None:
    with pytest.raises(ResultError, match=told):
        as_record(result, settings={})


def test_a_setting_does_not_pass_for_a_unit() -> None:
    with pytest.raises(ResultError, match="has a setting 'units', which says what an array is"):
        as_record(labelled(1.0, "One."), settings={"units": 64})
