"""How the site writes numbers, settings and coordinates."""

import math
from typing import Any


def shown(value: float, *, unit: str = "", digits: int | None = None) -> str:
    """A number as the site prints it: 0.57 with unit "share" as "57 %", `2.4e-9` as "2.4 × 10⁻⁹"."""
    scaled = value * 100 if unit == "share" else value
    unit = "%" if unit == "share" else unit
    size = abs(scaled)
    if size and digits is None and not 1e-3 <= size < 1e5:
        mantissa, exponent = f"{scaled:.1e}".split("e")
        power = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        text = f"{mantissa} × 10{power}"
    elif digits is None:
        places = max(0, 1 - math.floor(math.log10(size))) if size else 0
        text = f"{scaled:.{places}f}"
    else:
        text = f"{scaled:,.{digits}f}"
    if not text.strip("-0."):
        text = text.lstrip("-")  # a rounded "-0.00" would claim a sign that is not there
    return text.replace("-", "−") + (f"\u00a0{unit}" if unit else "")


def setting(value: Any) -> str:
    """A setting in prose: 1200 as "1,200", 0.1 as "0.1", a tuple as "64, 128 and 256"."""
    if isinstance(value, tuple | list):
        *first, last = [setting(one) for one in value]
        return f"{', '.join(first)} and {last}" if first else last
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    return label(value).replace("-", "−")


def label(value: Any) -> str:
    """A coordinate as a page writes it between brackets: 2.0 as "2", "gelu" as it is."""
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)
