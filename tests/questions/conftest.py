"""Every page's experiments, rerun on a second, disjoint block of seeds, with every claim checked there."""

from collections.abc import Callable
from typing import Any

import pytest

from reluguide.device import kind_without_torch
from reluguide.evidence import runner, store, worker
from reluguide.evidence.guide import Guide

Results = dict[str, Any]


@pytest.fixture(scope="session")
def second_block(the_guide: Guide, request: pytest.FixtureRequest) -> Callable[[str], Results]:
    """`second_block("why_zero")` is that module's results by experiment, on seeds the page never saw.

    All modules that this session's tests ask for run together, in the runner's workers; a claim that does
    not hold on these seeds raises, naming the claim.
    """
    check = Guide(the_guide.root, check=True)
    device = kind_without_torch()
    wanted = {
        item.path.stem.removeprefix("test_")
        for item in request.session.items
        if "second_block" in getattr(item, "fixturenames", ())
    }

    def results(module: str) -> Results:
        runner.refresh(check, device=device, only=sorted(wanted & set(check.modules()) | {module}))
        record = store.read(store.result_path(check, module, device))
        assert record is not None
        return worker.revived(record)

    return results
