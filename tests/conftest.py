"""What all tests share: where the guide is, and that no example has to be quick."""

from pathlib import Path

import pytest
from hypothesis import settings

from reluguide.evidence.guide import Guide

ROOT = Path(__file__).resolve().parents[1]

# How long one example takes says how busy the machine is, and that the first one imports torch.
settings.register_profile("without a deadline", settings.default, deadline=None)
settings.load_profile("without a deadline")


@pytest.fixture(scope="session")
def the_guide() -> Guide:
    return Guide(ROOT)
