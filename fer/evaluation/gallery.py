"""Which faces are looked at: the surest mistakes, of one kind or of all, and the disagreements of two models."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fer.emotions import EMOTIONS
from fer.evaluation.class_activation_maps import enlarged, evidence, overlay
from fer.evaluation.evaluation_set import EvaluationSet
from fer.evaluation.metrics import Predictions
from fer.recognition.classifier import EmotionClassifier

Rows = npt.NDArray[np.int64]


def mistakes(predictions: Predictions) -> Rows:
    """Rows of the wrong answers, (M,) int64, the most confident first."""
    return _surest(predictions, np.flatnonzero(~predictions.correct))


def of_kind(predictions: Predictions, true: int, predicted: int) -> Rows:
    """Rows of the faces of one cell of the confusion matrix, the most confident first.

    Args:
        predictions: a model's answers.
        true: an index into `EMOTIONS`, the cell's row.
        predicted: the same for its column.
    """
    return _surest(predictions, np.flatnonzero((predictions.labels == true) & (predictions.predicted == predicted)))


def _surest(predictions: Predictions, rows: Rows) -> Rows:
    return rows[np.argsort(-predictions.confidence[rows], kind="stable")]


@dataclass(frozen=True, eq=False)
class Card:
    """One face as it is shown.

    Attributes:
        origin: where it came from.
        face: (side, side) uint8 grey.
        maps: the face with the evidence for the predicted class, (side, side, 3) uint8 RGB; a picture a model.
        captions: what each model says of it, such as 'true fear, predicted sad, 0.91'.
        probabilities: (7,) float32, a row a model.
    """

    origin: str
    face: npt.NDArray[np.uint8]
    maps: tuple[npt.NDArray[np.uint8], ...]
    captions: tuple[str, ...]
    probabilities: tuple[npt.NDArray[np.float32], ...]


def cards(
    evaluation_set: EvaluationSet, predictions: list[Predictions], classifiers: list[EmotionClassifier], rows: Rows
) -> list[Card]:
    """Make the cards of some faces.

    Args:
        evaluation_set: the faces.
        predictions: of one or two models.
        classifiers: the same models, for their activation maps; [] where they are gone, which leaves the maps out.
        rows: (M,) int64, the faces to show.
    """
    images = evaluation_set.faces.images[rows]
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
            )
        )
    return result
