"""What can go wrong, for the person who meets it."""


class DiagnosisError(ValueError):
    """The model, the data or the report does not allow what was asked; the text says what to do."""


class DeadUnitsError(AssertionError):
    """More units are dead than `Report.check` allows; the text names layers and units."""
