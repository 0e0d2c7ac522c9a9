"""Every page's experiments, rerun on a second, disjoint block of seeds, for the tests that ask for them."""

from collections.abc import Callable
from typing import Any

import pytest

from reluguide.device import kind_without_torch
from reluguide.evidence import record, runner, store
from reluguide.evidence.guide import Guide

Results = dict[str, Any]


@pytest.fixture(scope="session")
def second_block(the_guide: Guide) -> Callable[[str], Results]:
    """`second_block("why_zero")` is that module's results by experiment, on seeds the page never saw.

    All modules run together the first time, in the runner's workers, which the tests ask for anyway.
    """
    check = Guide(the_guide.root, check=True)
    device = kind_without_torch()

    def results(module: str) -> Results:
        runner.refresh(check, device=device)
        measured = store.read(store.result_path(check, module, device))
        assert measured is not None
        return record.results(check, measured)

    return results
