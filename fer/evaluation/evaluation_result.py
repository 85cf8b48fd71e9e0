"""Everything known about one model on one evaluation set, computed or loaded."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from fer import __version__
from fer.evaluation.agreement import Agreement, agreement
from fer.evaluation.calibration import Answered, coverage_curve, reliability
from fer.evaluation.evaluation_set import EvaluationSet
from fer.evaluation.metrics import Metrics, Predictions, measure, predict, summary
from fer.evaluation.robustness import CLEAN, RobustnessRow, measure_robustness
from fer.evaluation.sets import SetMetrics, measure_sets
from fer.provenance import Provenance, now
from fer.recognition.bundle import Bundle
from fer.recognition.candidates import ClassSets
from fer.recognition.classifier import EmotionClassifier, MirroredClassifier
from fer.storage.schema import Share, Text


@dataclass(frozen=True)
class ModelInfo:
    """The model as an evaluation stores it.

    Attributes:
        name: the name to show.
        hash: changes with the weights, the temperature or the confidence threshold.
        path: the folder of the bundle when it was evaluated.
        confidence_threshold: the confidence in 0..1 below which the model answers 'not sure'.
        sets: which classes may be the right one; None if the model has no such calibration.
        weights: the type of the evaluated weights, 'float32' or 'int8'; '' if that is unknown.
    """

    name: Text
    hash: Text
    path: Text
    confidence_threshold: Share
    sets: ClassSets | None = None
    weights: Text = ""

    @classmethod
    def of(cls, bundle: Bundle, name: str | None = None) -> Self:
        """Describe a bundle, under another name if one is passed."""
        threshold = float(bundle.confidence_threshold)
        return cls(name or bundle.name, bundle.hash, str(bundle.path), threshold, bundle.sets, bundle.weights)


@dataclass(frozen=True)
class DataInfo:
    """The faces as an evaluation stores them.

    Attributes:
        name: the name to show.
        key: `EvaluationSet.key`.
        split: the evaluated split.
        synthetic: whether the faces are synthetic.
        left_out: number of images of the split that could not be used.
        derived: whether the faces are the part of train that training would validate on.
        photos: whether the faces were detected in whole photos.
        detector: the detector that found them there; '' if they came cropped.
        undivided: whether the data has no split other than train.
    """

    name: str
    key: str
    split: str
    synthetic: bool = False
    left_out: int = 0
    derived: bool = False
    photos: bool = False
    detector: str = ""
    undivided: bool = False

    @classmethod
    def of(cls, evaluation_set: EvaluationSet) -> Self:
        """Describe an evaluation set."""
        faces = evaluation_set.faces
        return cls(
            name=faces.name,
            key=evaluation_set.key,
            split=evaluation_set.split,
            synthetic=faces.synthetic,
            left_out=len(evaluation_set.left_out),
            derived=evaluation_set.derived,
            photos=evaluation_set.photos,
            detector=evaluation_set.detector,
            undivided=evaluation_set.undivided,
        )


@dataclass(frozen=True, eq=False)
class EvaluationResult:
    """The results of one model on one evaluation set.

    Attributes:
        model: the evaluated model.
        data: the faces it was evaluated on.
        predictions: the model's predictions, in the order of the faces.
        metrics: the metrics of these predictions.
        made: the time of the evaluation in UTC, ISO 8601 to the second.
        version: the version of this program that made it; '' if that is unknown.
        agreement: the agreement with the FER+ votes; None if there are no votes.
        robustness: one row per corruption; None if it wasn't measured.
        mirrored: whether each prediction is the mean of a face and its mirror image.
    """

    model: ModelInfo
    data: DataInfo
    predictions: Predictions
    metrics: Metrics
    made: str
    version: str = __version__
    agreement: Agreement | None = None
    robustness: tuple[RobustnessRow, ...] | None = None
    mirrored: bool = False

    @classmethod
    def of(
        cls,
        model: ModelInfo,
        evaluation_set: EvaluationSet,
        predictions: Predictions,
        made: str | None = None,
        version: str = __version__,
    ) -> Self:
        """Compute all metrics of a model's predictions, dated now unless `made` is passed."""
        votes = evaluation_set.faces.votes
        return cls(
            model=model,
            data=DataInfo.of(evaluation_set),
            predictions=predictions,
            metrics=measure(predictions),
            made=made or now(),
            version=version,
            agreement=None if votes is None else agreement(predictions, votes),
        )

    def called(self, name: str) -> Self:
        """Return the same result with another name for the model."""
        return replace(self, model=replace(self.model, name=name))

    def with_robustness(self, rows: tuple[RobustnessRow, ...]) -> Self:
        """Return the same result with its robustness rows."""
        return replace(self, robustness=rows)

    @property
    def about(self) -> Provenance:
        """Return what made the result."""
        data = {"data": self.data.name, "data_fingerprint": self.data.key, "split": self.data.split}
        return Provenance(
            model=self.model.name,
            model_hash=self.model.hash,
            detector=self.data.detector or "none",
            confidence_threshold=self.model.confidence_threshold,
            crop_scale=None,
            candidate_coverage=self.model.sets.coverage if self.model.sets else None,
            settings={**data, "mirrored": self.mirrored},
            weights=self.model.weights,
            date=self.made,
            version=self.version,
        )

    @property
    def answered(self) -> Answered:
        """Return the share of faces that the model's confidence threshold lets it answer, and the accuracy on them."""
        return self.predictions.answered(self.model.confidence_threshold)

    @property
    def corruptions(self) -> tuple[RobustnessRow, ...]:
        """Return the rows of robustness after one for the unchanged faces; none if it wasn't measured."""
        if self.robustness is None:
            return ()
        metrics, answered = self.metrics, self.answered
        clean = RobustnessRow(
            name="clean",
            label=CLEAN,
            accuracy=metrics.accuracy,
            interval=metrics.accuracy_interval,
            lost=0.0,
            sure=answered.coverage,
            sure_accuracy=answered.accuracy,
        )
        return clean, *self.robustness

    @property
    def sets(self) -> SetMetrics | None:
        """Return the metrics of the model's sets of classes; None if it has none."""
        found = self.model.sets
        return None if found is None else measure_sets(found, self.predictions.probabilities, self.predictions.labels)

    def to_dict(self) -> dict[str, Any]:
        """Return all results as plain JSON values, including those that `fer evaluate --json` writes."""
        probabilities, labels = self.predictions.probabilities, self.predictions.labels
        curve, bins = coverage_curve(probabilities, labels), reliability(probabilities, labels)
        answered, metrics = self.answered, self.metrics.to_dict()
        return {
            **summary(self.model.name, self.data.name, self.data.split, self.predictions),
            "about": self.about.to_dict(),
            "accuracy_interval": metrics["accuracy_interval"],
            "balanced_accuracy": metrics["balanced_accuracy"],
            "top2_accuracy": metrics["top2_accuracy"],
            "model_hash": self.model.hash,
            "data_fingerprint": self.data.key,
            "synthetic": self.data.synthetic,
            "left_out": self.data.left_out,
            "split_derived_from_train": self.data.derived,
            "whole_photos": self.data.photos,
            "made": self.made,
            "sets": self.sets and asdict(self.sets),
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
            # Ten points describe the curve well enough; it has one for each distinct confidence.
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
    """Evaluate one model on one evaluation set.

    Args:
        classifier: the model.
        evaluation_set: the faces.
        name: the name to show for the model; None means the name of the bundle.
        robustness: also measure the accuracy under each corruption, which takes about thirteen times as long.
        known: an earlier result of this model on these faces, which is completed instead of computed again.
        on_progress: called with 'faces' or 'robustness', the number of faces done and the total; an exception it
            raises stops the evaluation.

    Raises:
        EvaluationError: there is no face.
    """

    def report(stage: str) -> Callable[[int, int], None] | None:
        return (lambda done, total: on_progress(stage, done, total)) if on_progress else None

    if known is None:
        predictions = predict(classifier, evaluation_set.faces, report("faces"))
        known = EvaluationResult.of(ModelInfo.of(classifier.bundle, name), evaluation_set, predictions)
        known = replace(known, mirrored=isinstance(classifier, MirroredClassifier))
    if not robustness or known.robustness is not None:
        return known
    rows = measure_robustness(
        classifier,
        evaluation_set.faces,
        known.metrics.accuracy,
        known.model.confidence_threshold,
        report("robustness"),
    )
    return known.with_robustness(rows)


def _or_none(value: float) -> float | None:
    return None if value != value else value
