"""Every verdict stands on seeds that no page has shown."""

from collections.abc import Callable
from typing import Any

import pytest

from reluguide.device import kind_without_torch
from reluguide.evidence import conclude, store
from reluguide.evidence.guide import Guide
from tests.conftest import ROOT


@pytest.mark.parametrize("module", Guide(ROOT).modules())
def test_every_condition_of_every_check_holds_there_too(
    module: str, second_block: Callable[[str], dict[str, Any]]
) -> None:
    second_block(module)
    check = Guide(ROOT, check=True)
    found = store.read(store.findings_path(check, module, kind_without_torch()))
    assert found is not None
    assert conclude.failed(found) == []
