"""Is any unit of your model dead, why, and what helps.

    report = reluguide.diagnose(model, loader)
    print(report)
    print(report.explain())

`diagnose` runs the model over data and looks at every activation call (`record`, `spellings`, `flow`),
keeps a few numbers a unit (`statistics`) and gives a `Report`, which explains causes (`causes`), draws
(`drawing`, `webpage`) and fails a test. `prune_dead` and `revive` act on it (`surgery` finds where), and
`watch` looks on while the model trains.
"""

from reluguide.doctor.diagnose import diagnose
from reluguide.doctor.errors import DeadUnitsError, DiagnosisError
from reluguide.doctor.layer import Layer
from reluguide.doctor.prune import prune_dead
from reluguide.doctor.report import Report
from reluguide.doctor.revive import revive
from reluguide.doctor.watch import watch

__all__ = ["DeadUnitsError", "DiagnosisError", "Layer", "Report", "diagnose", "prune_dead", "revive", "watch"]
