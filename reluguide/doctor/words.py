"""Numbers as text, for reports and errors."""

import textwrap

WIDTH = 100


def percent(share: float) -> str:
    """0.1234 as "12.3 %"; as many digits as tell it from 0 and from 100 %."""
    if 0 < share < 0.001:
        return f"{share * 100:.1g} %" if share >= 1e-6 else "under 0.0001 %"
    return f"{share * 100:.3g} %" if share <= 0.999 or share == 1 else f"{share * 100:.2f} %"


def listed(units: list[int], *, most: int = 8) -> str:
    """Indices as text, the first few of many."""
    return ", ".join(map(str, units[:most])) + (
        f", and {len(units) - most} more" if len(units) > most else ""
    )


def counted(count: int, one: str, many: str) -> str:
    """1 and "unit" as "1 unit", 2 as "2 units"."""
    return f"{count} {one if count == 1 else many}"


def wrapped(text: str, indent: str = "  ") -> str:
    """Text in lines of at most 100 characters, except where a name is longer."""
    return textwrap.fill(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
