"""The tests of `checkup`, one for each reason why a model may not learn."""

from collections.abc import Callable

from reluguide.doctor.examination.dead import dead_units
from reluguide.doctor.examination.finite import finite
from reluguide.doctor.examination.gradients import (
    equal_weights,
    no_gradient,
    optimizer_of_others,
    useless_bias,
)
from reluguide.doctor.examination.in_place import in_place_changes, in_place_error
from reluguide.doctor.examination.inputs import input_scale
from reluguide.doctor.examination.notes import Notes, Patient
from reluguide.doctor.examination.outputs import broadcast_loss, constant_output, relu_behind_the_last_layer

TESTS: tuple[Callable[[Patient, Notes], None], ...] = (
    in_place_error,
    finite,
    in_place_changes,
    constant_output,
    relu_behind_the_last_layer,
    broadcast_loss,
    input_scale,
    equal_weights,
    no_gradient,
    optimizer_of_others,
    useless_bias,
    dead_units,
)
