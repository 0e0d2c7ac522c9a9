"""What does a die show on average?"""

from reluguide.evidence.findings import fact

mean = fact("rolls", digits=2)
