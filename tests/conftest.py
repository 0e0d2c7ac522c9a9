"""What all tests share: where the house is."""

from pathlib import Path

import pytest

from reluguide.publish.house import House

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def house() -> House:
    return House(ROOT)
