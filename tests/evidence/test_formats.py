"""Numbers, settings and coordinates as the site prints them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reluguide.evidence.formats import label, setting, shown


@pytest.mark.parametrize(
    ("value", "options", "text"),
    [
        (0.5712, {"unit": "share", "digits": 0}, "57\u00a0%"),
        (0.5712, {"unit": "share", "digits": 1}, "57.1\u00a0%"),
        (-0.25, {"digits": 2}, "−0.25"),
        (-0.001, {"digits": 2}, "0.00"),
        (-0.001, {"unit": "share", "digits": 0}, "0\u00a0%"),
        (2.4e-9, {}, "2.4 × 10⁻⁹"),
        (1.5e7, {}, "1.5 × 10⁷"),
        (-3e-12, {}, "−3.0 × 10⁻¹²"),
        (0.0, {}, "0"),
        (3.14159, {}, "3.1"),
        (0.012345, {}, "0.012"),
        (42.0, {}, "42"),
        (800000, {"digits": 0}, "800,000"),
        (12.0, {"unit": "units"}, "12\u00a0units"),
    ],
)
def test_numbers_as_the_site_prints_them(value: float, options: dict[str, Any], text: str) -> None:
    assert shown(value, **options) == text


@given(st.floats(1e-12, 1e12), st.sampled_from(["", "share"]))
def test_shown_is_within_five_percent_of_the_value(value: float, unit: str) -> None:
    text = shown(value, unit=unit).replace("\u00a0%", "").replace("−", "-")
    mantissa, _, power = text.partition(" × 10")
    exponent = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or "0"
    back = float(mantissa.replace(",", "")) * 10.0 ** int(exponent) / (100 if unit else 1)
    assert back == pytest.approx(value, rel=0.051)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1200, "1,200"),
        (0.1, "0.1"),
        (-20.0, "−20"),
        (3.0, "3"),
        ("adam", "adam"),
        (True, "True"),
        ((64, 128, 256), "64, 128 and 256"),
        ((0.5,), "0.5"),
    ],
)
def test_settings_as_prose_shows_them(value: object, text: str) -> None:
    assert setting(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(2.0, "2"), (0.1, "0.1"), (-20.0, "-20"), ("gelu", "gelu"), (7, "7")]
)
def test_coordinates_as_pages_write_them(value: object, text: str) -> None:
    assert label(value) == text
