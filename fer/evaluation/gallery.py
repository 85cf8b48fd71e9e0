"""Choose the faces of a gallery, most confident first, and prepare their pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fer.emotions import EMOTIONS
from fer.evaluation.class_activation_maps import enlarged, evidence, overlay
from fer.evaluation.evaluation_result import EvaluationResult
from fer.evaluation.evaluation_set import EvaluationSet
from fer.evaluation.metrics import Predictions
from fer.recognition.classifier import EmotionClassifier

Rows = npt.NDArray[np.int64]


def mistakes(predictions: Predictions) -> Rows:
    """Return the rows of wrong predictions, (M,) int64, most confident first."""
    return _surest(predictions, np.flatnonzero(~predictions.correct))


def of_kind(predictions: Predictions, true: int, predicted: int) -> Rows:
    """Return the rows of the faces in one cell of the confusion matrix, most confident first.

    Args:
        predictions: the predictions of a model.
        true: the row of the cell, an index into `EMOTIONS`.
        predicted: the column of the cell, an index into `EMOTIONS`.
    """
    return _surest(predictions, np.flatnonzero((predictions.labels == true) & (predictions.predicted == predicted)))


def _surest(predictions: Predictions, rows: Rows) -> Rows:
    return rows[np.argsort(-predictions.confidence[rows], kind="stable")]


@dataclass(frozen=True, eq=False)
class Card:
    """One face in the gallery.

    Attributes:
        origin: where the face came from.
        face: (side, side) uint8 grey.
        maps: one picture per model: the face with the evidence for the predicted class, (side, side, 3) uint8 RGB.
        captions: one text per model, such as 'true fear, predicted sad, 0.91'.
        probabilities: one row of shape (7,) float32 per model.
        candidates: per model, the classes that may be right, such as 'sad or neutral'; '' if it has no such sets.
    """

    origin: str
    face: npt.NDArray[np.uint8]
    maps: tuple[npt.NDArray[np.uint8], ...]
    captions: tuple[str, ...]
    probabilities: tuple[npt.NDArray[np.float32], ...]
    candidates: tuple[str, ...]


def cards(
    evaluation_set: EvaluationSet,
    results: Sequence[EvaluationResult],
    classifiers: Sequence[EmotionClassifier],
    rows: Rows,
) -> list[Card]:
    """Prepare the cards of some faces.

    Args:
        evaluation_set: the faces.
        results: one or two results on these faces.
        classifiers: the same models, for their class activation maps. With [], the cards have no maps.
        rows: (M,) int64, the faces to show.
    """
    images = evaluation_set.faces.images[rows]
    predictions = [one.predictions for one in results]
    explained = [classifier.explain(images[..., None])[1] for classifier in classifiers]
    result = []
    for place, row in enumerate(rows):
        predicted = [int(one.predicted[row]) for one in predictions]
        true = EMOTIONS[evaluation_set.faces.labels[row]]
        result.append(
            Card(
                origin=evaluation_set.origins[row],
                face=enlarged(images[place]),
                maps=tuple(
                    overlay(images[place], evidence(maps[place], label))
                    for maps, label in zip(explained, predicted, strict=False)
                ),
                captions=tuple(
                    f"true {true}, predicted {EMOTIONS[label]}, {one.confidence[row]:.2f}"
                    for one, label in zip(predictions, predicted, strict=True)
                ),
                probabilities=tuple(one.probabilities[row] for one in predictions),
                candidates=tuple(_candidates(one, row) for one in results),
            )
        )
    return result


def _candidates(result: EvaluationResult, row: int) -> str:
    sets = result.model.sets
    return " or ".join(sets.of(result.predictions.probabilities[row])) if sets else ""
