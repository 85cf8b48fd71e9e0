"""Describe the model and the settings that make an analysis."""

from typing import Final

from fer.provenance import Accuracy, Provenance, Setting, now
from fer.recognition.bundle import Bundle

# The most telling split first: the test split influenced neither weights nor threshold.
_SPLITS: Final = ("test", "validation", "train")


def accuracy_of(bundle: Bundle) -> Accuracy | None:
    """Return the most telling accuracy that a bundle reports, or None if it reports none."""
    for split in _SPLITS:
        metrics = bundle.metrics.get(split, {})
        if "accuracy" in metrics:
            n_faces = metrics.get("n")
            return Accuracy(
                float(metrics["accuracy"]),
                split,
                str(bundle.data.get("name", "its data")),
                n_faces if isinstance(n_faces, int) else None,
            )
    return None


def provenance_of(
    bundle: Bundle,
    detector: str,
    *,
    name: str,
    confidence_threshold: float | None = None,
    settings: dict[str, Setting] | None = None,
    date: str | None = None,
) -> Provenance:
    """Return what makes the analyses of a model.

    Args:
        bundle: the model.
        detector: 'yunet' or 'haar'.
        name: the model's name for people.
        confidence_threshold: in 0..1; the model's own by default.
        settings: what else was set, by name.
        date: when the analysis was made, ISO 8601; now by default.
    """
    return Provenance(
        model=name,
        model_hash=bundle.hash,
        detector=detector,
        confidence_threshold=bundle.confidence_threshold if confidence_threshold is None else confidence_threshold,
        crop_scale=bundle.crop["scale"][detector],
        candidate_coverage=bundle.sets.coverage if bundle.sets else None,
        accuracy=accuracy_of(bundle),
        settings=settings or {},
        weights=bundle.weights,
        date=date or now(),
    )
