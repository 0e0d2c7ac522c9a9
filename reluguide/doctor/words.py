"""Numbers as text, for reports and errors."""


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
