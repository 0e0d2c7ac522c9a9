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
keeps a few numbers a unit (`statistics`) and gives a `Report`, which explains causes (`causes`,
`explanation`), shows itself (`table`, `webpage`, `markdown`, `drawing`), is kept and read back (`saved`), is
compared with another (`comparison`) and fails a test. `diagnose_arrays` makes one of numbers from elsewhere,
`ranks` says in how many directions activations vary. `prune_dead` and `revive` act on a report (`surgery`
finds where), `watch` looks on while the model trains (`watching`, `seen`), and `checkup` tries the usual
reasons why a model does not learn (`examination`).
"""

from reluguide.doctor.arrays import diagnose_arrays
from reluguide.doctor.checkup import Checkup, checkup
from reluguide.doctor.diagnose import diagnose
from reluguide.doctor.errors import DeadUnitsError, DiagnosisError
from reluguide.doctor.layer import Layer
from reluguide.doctor.prune import Pruned, prune_dead, prune_where_possible
from reluguide.doctor.rank import ranks
from reluguide.doctor.report import Report
from reluguide.doctor.revive import revive
from reluguide.doctor.watch import watch

__all__ = [
    "Checkup",
    "DeadUnitsError",
    "DiagnosisError",
    "Layer",
    "Pruned",
    "Report",
    "checkup",
    "diagnose",
    "diagnose_arrays",
    "prune_dead",
    "prune_where_possible",
    "ranks",
    "revive",
    "watch",
]
