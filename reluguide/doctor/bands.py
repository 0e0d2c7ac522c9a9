"""How often the units of a layer fire, in four bands: what a picture of a report shows."""

from reluguide.doctor.layer import Layer

# Dark to light, with a hatch each, so that it is legible without colour.
BANDS = (
    ("dead", "#D55E00", "///"),
    ("fires on under half", "#0072B2", ""),
    ("fires on half or more", "#9AC7E3", ""),
    ("always on", "#009E73", "xx"),
)


def bands(layer: Layer) -> tuple[float, ...]:
    """The shares of `BANDS` in one layer; they add up to 1."""
    if not layer.units:
        return (0.0,) * len(BANDS)
    on = layer.always_on & ~layer.dead
    rest = ~layer.dead & ~on
    rare = rest & (layer.active_fraction < 0.5)
    parts = (layer.dead, rare, rest & ~rare, on)
    return tuple(float(part.float().mean()) for part in parts)
