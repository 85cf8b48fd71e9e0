"""What models predicted for the test faces of a run, stored with the run so that models can be compared face by face.

The file has no pixels. It holds the answers of the run's model, and of the model that was in use when the run ended.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from msgspec import Meta

from fer.datasets.faces import FaceDataset
from fer.datasets.readings import Reading
from fer.emotions import N_EMOTIONS
from fer.errors import FerError
from fer.evaluation.evaluation_result import EvaluationResult, evaluate_model
from fer.evaluation.evaluation_set import EvaluationSet, evaluation_set_of
from fer.evaluation.names import display_name
from fer.evaluation.report import write_run_report
from fer.recognition.bundle import Bundle, load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.recognition.current import current_bundle_path
from fer.runs import layout
from fer.storage.files import write_json
from fer.storage.schema import Share, Text, fitting, read_object
from fer.storage.values import ValuesError

_Class = Annotated[int, Meta(ge=0, lt=N_EMOTIONS)]
Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Answers:
    """The answers of one model.

    Attributes:
        hash: `Bundle.hash` of the model.
        predicted: the predicted class of each face, an index into `EMOTIONS`.
        confidence: the probability of that class.
        confidence_threshold: the confidence below which the model answers 'not sure'.
    """

    hash: Text
    predicted: list[_Class]
    confidence: list[Share]
    confidence_threshold: Share

    @classmethod
    def of(cls, result: EvaluationResult) -> Self:
        """Return the answers in an evaluation."""
        found = result.predictions
        return cls(
            result.model.hash,
            found.predicted.tolist(),
            np.round(found.confidence.astype(np.float64), 6).tolist(),
            result.model.confidence_threshold,
        )

    @property
    def n_not_sure(self) -> int:
        """Return for how many faces the model answers 'not sure'."""
        return sum(confidence < self.confidence_threshold for confidence in self.confidence)


@dataclass(frozen=True)
class RunPredictions:
    """The content of `predictions.json`.

    Attributes:
        faces: `EvaluationSet.key` of the faces.
        data: the name of the dataset.
        split: the split of the faces: test, or validation if there is no test.
        labels: the true class of each face, in the order of `EvaluationSet`.
        models: the answers of the run's model, then those of the model that was in use.
    """

    faces: Text
    data: Text
    split: Text
    labels: list[_Class]
    models: Annotated[list[Answers], Meta(min_length=1)]

    def __post_init__(self) -> None:
        if any(len(column) != len(self) for model in self.models for column in (model.predicted, model.confidence)):
            raise ValueError("models: they have another number of faces than labels")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def own(self) -> Answers:
        """Return the answers of the run's model."""
        return self.models[0]

    def of_model(self, model_hash: str) -> Answers | None:
        """Return the answers of a model, or None if they aren't stored here."""
        return next((model for model in self.models if model.hash == model_hash), None)

    def right(self, answers: Answers) -> Rows:
        """Return (N,) bool: whether a model is right on each face."""
        right: Rows = np.array(answers.predicted) == np.array(self.labels)
        return right


def read_predictions(run_id: str) -> RunPredictions | None:
    """Return the stored predictions of a run, or None if there are none or they are damaged."""
    try:
        return fitting(read_object(layout.run_folder(run_id) / layout.PREDICTIONS), RunPredictions)
    except (FileNotFoundError, ValuesError):
        return None


def report_run(bundle: Bundle, dataset: FaceDataset, folder: Path) -> None:
    """Evaluate the model of a run on its test faces; write `report.html` and `predictions.json` into its folder.

    The split is validation if there is no test.

    Args:
        bundle: the model of the run.
        dataset: the dataset of the run, with all splits.
        folder: the folder of the run.

    Raises:
        OSError: a file can't be written.
    """
    origins = tuple(f"image {number}" for number in range(1, len(dataset) + 1))
    faces = evaluation_set_of(Reading(dataset, origins))
    own = write_run_report(bundle, faces, folder)
    write_predictions(faces, [own, *_model_in_use(faces, but=bundle.hash)], folder)


def write_predictions(faces: EvaluationSet, results: Sequence[EvaluationResult], folder: Path) -> None:
    """Write `predictions.json` into a run's folder, the run's own result first."""
    models = [Answers.of(result) for result in results]
    found = RunPredictions(faces.key, faces.faces.name, faces.split, faces.faces.labels.tolist(), models)
    write_json(folder / layout.PREDICTIONS, asdict(found))


def _model_in_use(faces: EvaluationSet, but: str) -> list[EvaluationResult]:
    """Evaluate the model in use too, so that a user sees what would change before using the run's model."""
    # Not stored with the evaluations: Home shows the latest one there, and nobody asked for this one.
    with contextlib.suppress(FerError):
        bundle = load_bundle(current_bundle_path())
        if bundle.hash != but:
            return [evaluate_model(EmotionClassifier(bundle), faces, name=display_name(bundle))]
    return []
