"""Is any unit of your model dead, why, and what helps.

Examples:
    >>> import reluguide, torch
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> _ = nn.init.constant_(model[0].bias[:2], -100)
    >>> report = reluguide.diagnose(model, torch.randn(50, 4))  # or a loader
    >>> report["1.relu"].dead_units
    [0, 1]
    >>> {finding.cause for finding in report.explain()}  # print it for more
    {'bias'}

`diagnose` runs the model over data and looks at every activation call (`record`, `spellings`, `flow`),
keeps a few numbers a unit (`statistics`) and gives a `Report`, which explains causes (`causes`), draws
(`drawing`, `webpage`) and fails a test. `prune_dead` and `revive` act on it (`surgery` finds where), and
`watch` looks on while the model trains.
"""

from reluguide.doctor.arrays import diagnose_arrays
from reluguide.doctor.checkup import Checkup, checkup
from reluguide.doctor.diagnose import diagnose
from reluguide.doctor.errors import DeadUnitsError, DiagnosisError
from reluguide.doctor.layer import Layer
from reluguide.doctor.prune import prune_dead
from reluguide.doctor.report import Report
from reluguide.doctor.revive import revive
from reluguide.doctor.watch import watch

__all__ = [
    "Checkup", "DeadUnitsError", "DiagnosisError", "Layer", "Report", "checkup", "diagnose", "diagnose_arrays", "prune_dead", "revive",
    "watch",
]  # fmt: skip
