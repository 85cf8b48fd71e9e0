"""Run the evaluation that a job's folder asks for: `python -m fer.evaluation.worker FOLDER`."""

import sys
from itertools import zip_longest
from pathlib import Path
from typing import Final

from fer.evaluation import keys, store
from fer.evaluation.evaluation_set import EvaluationSet, Source, load_evaluation_set
from fer.evaluation.job import Job, Request
from fer.evaluation.once import evaluate_once
from fer.evaluation.robustness import TRANSFORMS
from fer.jobs import worker
from fer.jobs.worker import Reporter
from fer.recognition.analyzer import FaceAnalyzer
from fer.recognition.classifier import EmotionClassifier
from fer.recognition.weights import bundle_to_serve
from fer.text import counted
from fer.vision.detection import create_detector, photo_detector_name

_READING, _CLASSIFYING, _WAITING = "reading", "classifying", "waiting"
# Reading FER-2013's CSV takes about half as long as classifying its test split.
_READING_SHARE: Final = 0.3


def run(folder: Path) -> None:
    """Run the request in a folder. An error that a user can fix becomes a sentence in the progress."""
    worker.run(Job(folder), lambda values, report: _evaluate(Request.from_dict(values), report), paced=_CLASSIFYING)


def _evaluate(request: Request, report: Reporter) -> None:
    store.sweep()
    classifiers = [
        EmotionClassifier(bundle_to_serve(model, measure=False, weights=weights))
        for model, weights in zip_longest(request.models, request.weights, fillvalue="")
    ]
    choice = keys.choice_key(request.source)
    with store.alone(
        choice, lambda: report(_WAITING, "Waiting for another evaluation that is reading these faces", 0.0)
    ):
        evaluation_set, begin = store.find_evaluation_set(choice), 0.0
        if evaluation_set is None:
            evaluation_set, begin = _read(request.source, classifiers[0], report), _READING_SHARE
            store.save_evaluation_set(choice, evaluation_set)
    part = (1 - begin) / len(classifiers)
    for index, (classifier, name) in enumerate(zip_longest(classifiers, request.names)):
        _evaluate_one(classifier, name, evaluation_set, request.robustness, report, begin + index * part, part)


def _read(source: Source, classifier: EmotionClassifier, report: Reporter) -> EvaluationSet:
    def analyzer() -> FaceAnalyzer:
        return FaceAnalyzer(create_detector(source.detector or photo_detector_name()), classifier)

    report(_READING, "Reading the faces", 0.0)
    return load_evaluation_set(source, analyzer, lambda share, text: report(_READING, text, _READING_SHARE * share))


def _evaluate_one(
    classifier: EmotionClassifier,
    name: str | None,
    evaluation_set: EvaluationSet,
    robustness: bool,
    report: Reporter,
    begin: float,
    part: float,
) -> None:
    """Compute what is missing of one model's result. It fills the part of the progress bar from `begin` on."""
    n_faces = len(evaluation_set.faces)
    about = f"{name or classifier.bundle.name}: {counted(n_faces, 'face')}"
    # Each face is classified once unchanged and once under each corruption.
    total = n_faces * (1 + len(TRANSFORMS) * robustness)

    def tell(stage: str, done: int, _: int) -> None:
        past, text = done, about
        if stage == "robustness":
            past, text = n_faces + done, f"{about}, {TRANSFORMS[(done - 1) // n_faces].label}"
        report(_CLASSIFYING, text, begin + part * past / total)

    def wait() -> None:
        report(_WAITING, f"{about}, waiting for another evaluation of the same faces", begin)

    evaluate_once(classifier, evaluation_set, name=name, robustness=robustness, on_progress=tell, on_wait=wait)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
