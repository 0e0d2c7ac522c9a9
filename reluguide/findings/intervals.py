"""How often does a 95 % interval hold the true mean? What the simulation says of each kind."""

from reluguide.evidence.findings import fact

held = fact("coverage.held", digits=0)
student = fact("coverage.student", digits=0)
