"""What all tests share: where the the_guide is."""

from pathlib import Path

import pytest

from reluguide.evidence.guide import Guide

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def the_guide() -> Guide:
    return Guide(ROOT)
