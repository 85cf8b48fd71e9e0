"""The metrics that a bundle reports, without those that pages can't show: they are no reason not to use a model."""

from typing import Any, Final

from fer.storage.values import cleaned, is_number

# Where a model may be measured.
SPLITS: Final = ("train", "validation", "calibration", "test")


def reported_metrics(values: dict[str, Any]) -> dict[str, Any]:
    """Return metrics by split, without a split that isn't an object and without an accuracy that is no share."""
    metrics: dict[str, Any] = cleaned(values)
    for split in SPLITS:
        part = metrics.get(split, {})
        if not isinstance(part, dict):
            del metrics[split]
        elif not is_number(part.get("accuracy", 0), 0, 1):
            del part["accuracy"]
    return metrics
