"""Is any unit of your model dead, why, and what helps.

    report = reluguide.diagnose(model, loader)
    print(report)
    print(report.explain())

`diagnose` runs the model over data and looks at every activation call (`record`, `spellings`), keeps a
few numbers a unit (`statistics`) and gives a `Report`, which explains causes, draws, and fails a test.
`prune_dead` and `revive` act on it; `watch` looks on while the model trains.
"""

from reluguide.doctor.diagnose import diagnose
from reluguide.doctor.errors import DeadUnitsError, DiagnosisError
from reluguide.doctor.report import Layer, Report

__all__ = ["DeadUnitsError", "DiagnosisError", "Layer", "Report", "diagnose"]
