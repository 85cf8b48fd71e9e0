"""`EvaluationResult`: all that is known of one model on one set of faces, however it was come by."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Self

from fer.evaluation.agreement import Agreement, agreement
from fer.evaluation.calibration import answered_at, coverage_curve, reliability
from fer.evaluation.evaluation_set import EvaluationSet
from fer.evaluation.metrics import Metrics, Predictions, measure, predict, summary
from fer.evaluation.robustness import RobustnessRow, measure_robustness
from fer.recognition.bundle import Bundle
from fer.recognition.classifier import EmotionClassifier

_OLD_NAMES: Final = {"unsure_below": "confidence_threshold"}


@dataclass(frozen=True)
class ModelInfo:
    """What an evaluation remembers of the model.

    Attributes:
        name: for people.
        hash: changes with the weights, the temperature or the threshold.
        path: the bundle's folder at that time.
        confidence_threshold: confidence in 0..1 under which the model is 'not sure'.
    """

    name: str
    hash: str
    path: str
    confidence_threshold: float

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the model that `asdict` described, also under the threshold's old name.

        Raises:
            TypeError: a value is missing or unknown.
        """
        return cls(**{_OLD_NAMES.get(name, name): value for name, value in values.items()})

    @classmethod
    def of(cls, bundle: Bundle, name: str | None = None) -> Self:
        """What to remember of a bundle, called by a name of its own where one is given."""
        return cls(name or bundle.name, bundle.hash, str(bundle.path), float(bundle.confidence_threshold))


@dataclass(frozen=True)
class DataInfo:
    """What an evaluation remembers of the faces.

    Attributes:
        name: for people.
        key: of the evaluation_set, `EvaluationSet.key`.
        split: the split that was evaluated.
        synthetic: whether the faces are drawn.
        left_out: images of the split that could not be used.
        derived: whether the split is the part of train that training would validate on.
    """

    name: str
    key: str
    split: str
    synthetic: bool = False
    left_out: int = 0
    derived: bool = False

    @classmethod
    def of(cls, evaluation_set: EvaluationSet) -> Self:
        """What to remember of the faces."""
        faces = evaluation_set.faces
        left_out = len(evaluation_set.left_out)
        return cls(
            faces.name, evaluation_set.key, evaluation_set.split, faces.synthetic, left_out, evaluation_set.derived
        )


@dataclass(frozen=True, eq=False)
class EvaluationResult:
    """One model on one set of faces.

    Attributes:
        model, data: what was evaluated on what.
        predictions: the model's answers, in the order of the faces.
        metrics: the figures that follow.
        made: when, UTC, in ISO 8601 to the second.
        agreement: with the FER+ crowd; None where there are no votes.
        robustness: a row a transform; None where it was not measured.
    """

    model: ModelInfo
    data: DataInfo
    predictions: Predictions
    metrics: Metrics
    made: str
    agreement: Agreement | None = None
    robustness: tuple[RobustnessRow, ...] | None = None

    @classmethod
    def of(
        cls, model: ModelInfo, evaluation_set: EvaluationSet, predictions: Predictions, made: str | None = None
    ) -> Self:
        """The result that follows from a model's predictions for these faces, made now or at the time given."""
        votes = evaluation_set.faces.votes
        return cls(
            model=model,
            data=DataInfo.of(evaluation_set),
            predictions=predictions,
            metrics=measure(predictions),
            made=made or datetime.now(UTC).isoformat(timespec="seconds"),
            agreement=None if votes is None else agreement(predictions, votes),
        )

    def called(self, name: str) -> Self:
        """The same with the model called by another name."""
        return replace(self, model=replace(self.model, name=name))

    def with_robustness(self, rows: tuple[RobustnessRow, ...]) -> Self:
        """The same with the table of transforms."""
        return replace(self, robustness=rows)

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain JSON values; what `python -m fer evaluate` writes, and more."""
        probabilities, labels = self.predictions.probabilities, self.predictions.labels
        curve, bins = coverage_curve(probabilities, labels), reliability(probabilities, labels)
        answered = answered_at(probabilities, labels, self.model.confidence_threshold)
        figures = self.metrics.to_dict()
        return {
            **summary(self.model.name, self.data.name, self.data.split, self.predictions),
            "accuracy_interval": figures["accuracy_interval"],
            "balanced_accuracy": figures["balanced_accuracy"],
            "top2_accuracy": figures["top2_accuracy"],
            "model_hash": self.model.hash,
            "data_fingerprint": self.data.key,
            "synthetic": self.data.synthetic,
            "left_out": self.data.left_out,
            "split_derived_from_train": self.data.derived,
            "made": self.made,
            "not_sure": {"threshold": answered.threshold, "coverage": answered.coverage, "accuracy": answered.accuracy},
            "calibration": [
                {"from": low, "to": high, "n": int(n), "confidence": _or_none(mean), "accuracy": _or_none(accuracy)}
                for low, high, n, mean, accuracy in zip(
                    bins.edges[:-1].tolist(),
                    bins.edges[1:].tolist(),
                    bins.counts,
                    bins.confidence.tolist(),
                    bins.accuracy.tolist(),
                    strict=True,
                )
            ],
            # Ten points of the curve say what the thousands of them say.
            "coverage": [
                {"coverage": share, "accuracy": float(curve.accuracy[curve.coverage.searchsorted(share - 1e-9)])}
                for share in (tenth / 10 for tenth in range(1, 11))
            ],
            "agreement": None if self.agreement is None else asdict(self.agreement),
            "robustness": None if self.robustness is None else [asdict(row) for row in self.robustness],
        }


def evaluate_model(
    classifier: EmotionClassifier,
    evaluation_set: EvaluationSet,
    *,
    name: str | None = None,
    robustness: bool = False,
    known: EvaluationResult | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> EvaluationResult:
    """Evaluate one model.

    Args:
        classifier: the model, as it is served.
        evaluation_set: the faces.
        name: what people call the model; None takes the bundle's own.
        robustness: also measure what light, blur, noise and slipped crops cost, about thirteen times the work.
        known: what is known already of this model on these faces, which is not computed again.
        on_progress: called with 'faces' or 'robustness', the faces done and those to do; what it raises ends the work.

    Raises:
        EvaluationError: there is no face.
    """

    def report(stage: str) -> Callable[[int, int], None] | None:
        return (lambda done, total: on_progress(stage, done, total)) if on_progress else None

    if known is None:
        predictions = predict(classifier, evaluation_set.faces, report("faces"))
        known = EvaluationResult.of(ModelInfo.of(classifier.bundle, name), evaluation_set, predictions)
    if not robustness or known.robustness is not None:
        return known
    rows = measure_robustness(classifier, evaluation_set.faces, known.metrics.accuracy, report("robustness"))
    return known.with_robustness(rows)


def _or_none(value: float) -> float | None:
    return None if value != value else value
