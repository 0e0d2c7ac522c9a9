"""Why do we need anything between two linear layers? What stacks did without ReLU, and with it."""

from typing import Any

import numpy as np

from reluguide.evidence.declare import Check, Claim, Numbers, Picture, claim, fact, figure
from reluguide.findings import _draw
from reluguide.findings._threads import RELU_THREAD, SAFE_THREAD

_BETWEEN = {"nothing": "nothing (a linear layer)", "square": "a square", "relu": "a ReLU"}


@fact()
def collapse_error(collapse: Any) -> dict[str, float]:
    """Largest difference, relative to the largest output, of ten linear layers and the one they amount to."""
    return {"single": float(np.max(collapse.single)), "double": float(np.max(collapse.double))}


@fact(digits=0)
def rank(collapse: Any) -> dict[str, int]:
    """Independent numbers that come out of linear layers 16-2-16, and of one layer 16-16."""
    return {"narrow": int(np.max(collapse.rank)), "direct": int(np.min(collapse.rank_direct))}


@fact(unit="%", digits=1)
def ring_accuracy(rings_learned: Any) -> dict[str, Any]:
    """Test accuracy on a disc inside a ring, with nothing and with ReLU between the layers."""
    return {"linear": rings_learned.linear, "relu": rings_learned.relu}


@fact(unit="%", digits=1)
def digit_accuracy(digits_learned: Any) -> dict[str, Any]:
    """Test accuracy on digits, with nothing and with ReLU between the layers."""
    return {"linear": digits_learned.linear, "relu": digits_learned.relu}


@fact(digits=0)
def patterns(digits_learned: Any) -> Any:
    """Different sets of units that are on over the test images of digits."""
    return digits_learned.patterns


@fact(digits=0)
def images(digits_learned: Any) -> int:
    """Test images of digits."""
    return int(digits_learned.images)


@fact(digits=0)
def pieces(rings_learned: Any) -> Any:
    """Different sets of units that are on over a grid of points in the plane, after training on rings."""
    return rings_learned.pieces


@fact()
def mask_error(frozen_mask: Any) -> dict[str, float]:
    """Largest relative error of a ReLU network rebuilt as one linear layer, in outputs and derivatives."""
    return {"output": float(frozen_mask.output), "jacobian": float(frozen_mask.jacobian)}


@fact(digits=0)
def mask_inputs(frozen_mask: Any) -> int:
    """Inputs for which a ReLU network was rebuilt as one linear layer."""
    return int(frozen_mask.inputs)


@fact()
def wave_error(more_units: Any) -> dict[str, Any]:
    """Root mean square error of the best fit of a wave, by what stands in the hidden layer and its width."""
    return {
        f"{name}_{units}": more_units.error[i][:, k]
        for i, name in enumerate(more_units.between)
        for k, units in enumerate(more_units.units)
        if k in (0, len(more_units.units) - 1)
    }


@figure
def ring_maps(rings_learned: Any) -> Picture:
    """A disc inside a ring: what a network says at every point of the plane, without and with ReLU"""
    fig, axes = _draw.panels(2, height=3.7)
    x, labels = np.asarray(rings_learned.points), np.asarray(rings_learned.labels)
    for panel, title, output in (
        (axes[0], "nothing between the layers", rings_learned.output_linear),
        (axes[1], "ReLU between the layers", rings_learned.output_relu),
    ):
        across = np.linspace(-3, 3, len(output))
        panel.contourf(across, across, output, levels=[-np.inf, 0, np.inf], colors=["C0", "C1"], alpha=0.2)
        panel.contour(across, across, output, levels=[0], colors="C2", linewidths=1.5)
        for label, name in ((0, "disc"), (1, "ring")):
            panel.plot(
                *x[labels == label].T, linestyle="none", marker=_draw.MARKERS[label], color=f"C{label}",
                markersize=3.5, label=name,
            )  # fmt: skip
        panel.set(title=title, xticks=[], yticks=[], aspect="equal")
        panel.grid(False)
    axes[0].legend(loc="lower left", markerscale=1.4)
    rows = [
        (name, _draw.mean_text(accuracy * 100, "{:.1f} %"))
        for name, accuracy in (
            ("nothing between the layers", rings_learned.linear),
            ("ReLU between the layers", rings_learned.relu),
        )
    ]
    return Picture(fig, Numbers(("network", "test accuracy (95 % interval)"), rows))


@figure
def ring_pieces(rings_learned: Any) -> Picture:
    """The pieces that a trained ReLU network cuts the plane into: in each it is one linear layer"""
    fig, axes = _draw.panels(height=3.7)
    piece = np.asarray(rings_learned.piece)
    # Neighbouring numbers say nothing: spread them over the shades so that neighbours differ.
    shade = piece * 7 % 17
    axes.imshow(
        shade, origin="lower", extent=(-3, 3, -3, 3), interpolation="nearest", cmap="Blues", vmin=-4, vmax=24
    )
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    rows = [
        ("smallest", float(np.min(rings_learned.pieces))),
        ("mean", float(np.mean(rings_learned.pieces))),
        ("largest", float(np.max(rings_learned.pieces))),
    ]
    return Picture(fig, Numbers(("over the seeds", "pieces seen"), rows))


@figure
def more_units_help(more_units: Any) -> Picture:
    """How well one hidden layer can draw a wave, by its width and by what stands in it"""
    fig, axes = _draw.panels(height=3.3)
    for i, name in enumerate(more_units.between):
        _draw.band(axes, more_units.units, more_units.error[i], label=_BETWEEN[name], series=i)
    axes.set_xscale("log", base=2)
    axes.set_xticks(more_units.units, [str(units) for units in more_units.units])
    axes.set(xlabel="hidden units", ylabel="error of the best fit", ylim=(0, None))
    axes.legend(loc="lower left")
    rows = [
        (str(units), *(_draw.mean_text(more_units.error[i][:, k], "{:.2f}") for i in range(len(_BETWEEN))))
        for k, units in enumerate(more_units.units)
    ]
    return Picture(fig, Numbers(("hidden units", *_BETWEEN.values()), rows))


@claim(
    "C4",
    said="A stack of linear layers is no more than one linear layer.",
    where=SAFE_THREAD,
    verdict="right",
    because="Ten layers multiplied out into one give the same outputs, to {collapse_error.double}. A narrow layer "
    "even takes something away: through 2 units only {rank.narrow} independent numbers pass, directly {rank.direct}.",
)
def ten_are_one(collapse: Any) -> Check:
    worst = float(np.max(collapse.double))
    return Check(
        bool(worst < 1e-12 and np.max(collapse.rank) == 2 and np.min(collapse.rank_direct) == 16),
        {"largest relative difference": worst, "rank through two units": float(np.max(collapse.rank))},
    )


@claim(
    "C5",
    said="With nothing but linear layers you do not take full advantage of having several.",
    where=SAFE_THREAD,
    verdict="right",
    because="On a disc inside a ring they reach {ring_accuracy.linear}, with ReLU {ring_accuracy.relu}. It shows only "
    "where straight cuts are not enough: on digits it is {digit_accuracy.linear} against {digit_accuracy.relu}.",
)
def rings_need_relu(rings_learned: Any) -> Check:
    worst, best = float(np.min(rings_learned.relu)), float(np.max(rings_learned.linear))
    return Check(worst > best + 0.2, {"worst with ReLU": worst, "best without": best})


@claim(
    "C6",
    said="A network needs a non-linearity to be a universal approximator.",
    where=RELU_THREAD,
    verdict="right",
    because="Without one, 64 units draw a wave as badly as 2 (error {wave_error.nothing_64}); with ReLU the error falls "
    "from {wave_error.relu_2} to {wave_error.relu_64}. But not any will do: with a square it stays at "
    "{wave_error.square_64}. One hidden layer is universal if its activation is not a polynomial, and only then "
    "[@leshno1993].",
)
def more_units_must_help(more_units: Any) -> Check:
    errors = {name: more_units.error[i] for i, name in enumerate(more_units.between)}
    flat = max(float(np.ptp(errors[name])) for name in ("nothing", "square"))
    falls = float((errors["relu"][:, 0] / errors["relu"][:, -1]).min())
    return Check(
        flat < 1e-6 and falls > 5,
        {"spread without ReLU over widths and seeds": flat, "least fall of the error with ReLU": falls},
    )


C7 = Claim(
    "C7",
    said="Everything else in a network is w times x plus b.",
    where=RELU_THREAD,
    verdict="wrong",
    because="It holds for linear layers and convolutions. Attention multiplies activations with one another, softmax and "
    "normalisation divide by sums of them, and max pooling picks the largest: none of these is w times x plus b.",
)


@claim(
    "C8",
    said="ReLU is an IF statement.",
    where=RELU_THREAD,
    verdict="right",
    because="Once it is known which units are on, the whole network is one linear layer: rebuilt for {mask_inputs} inputs, "
    "it agrees to {mask_error.output}, its derivatives to {mask_error.jacobian}. And the IFs are used: {images} test "
    "images of digits switch on {patterns} different sets of units.",
)
def frozen_is_linear(frozen_mask: Any, digits_learned: Any) -> Check:
    worst = max(float(frozen_mask.output), float(frozen_mask.jacobian))
    fewest = float(np.min(digits_learned.patterns))
    return Check(
        worst < 1e-10 and fewest > digits_learned.images / 2,
        {"largest error of the rebuilding": worst, "fewest different sets of units": fewest},
    )
