"""A fixture for tests of models: `def test_alive(check_dead_units): check_dead_units(model, batches)`."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from reluguide.doctor import Report


@pytest.fixture
def check_dead_units(request: pytest.FixtureRequest) -> "Callable[..., Report]":
    """Diagnose a model and fail if too many units are dead; the failure shows the report and the causes.

    The function that the fixture gives takes a model, data, `max_dead=`, `each=` and `allow_unseen=` as
    `Report.check` does, and any other argument of `reluguide.diagnose`. It returns the report.
    """

    def check(
        model: Any,
        data: Any,
        *,
        max_dead: float = 0.0,
        each: bool = False,
        allow_unseen: bool | str | Iterable[str] = True,
        **options: Any,
    ) -> "Report":
        from reluguide.doctor import DeadUnitsError, diagnose  # loads torch, which other tests may not need

        report = diagnose(model, data, **options)
        try:
            report.check(max_dead=max_dead, each=each, allow_unseen=allow_unseen)
        except DeadUnitsError:
            request.node.add_report_section("call", "dead units", f"{report}\n\n{report.explain()}")
            raise
        return report

    return check
