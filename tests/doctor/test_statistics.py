"""Values are put to the unit that they belong to, on whichever axis the units lie."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from reluguide.doctor.statistics import by_unit


@given(
    shape=st.lists(st.integers(1, 4), min_size=2, max_size=5),
    axis=st.integers(-5, 4),
    inner=st.integers(1, 3),
)
def test_each_unit_has_its_own_values(shape: list[int], axis: int, inner: int) -> None:
    at = axis % len(shape)
    shape[at] *= inner  # a unit may be several neighbours on its axis, as in groups
    z = torch.arange(torch.tensor(shape).prod()).view(shape)
    rows = by_unit(z, axis=at, inner=inner)
    units = shape[at] // inner
    of_unit = rows if rows.ndim == 2 else rows.movedim(1, -1).flatten(0, 1)
    assert of_unit.shape == (z.numel() // units, units)
    wanted = z.movedim(at, 0).reshape(units, -1)
    assert torch.equal(of_unit.sort(0).values.T, wanted.sort(1).values)
