"""Write the results of an evaluation as JSON (all results), CSV (one row per face) or a single HTML file."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from fer.emotions import EMOTIONS
from fer.evaluation.comparison import compare
from fer.evaluation.evaluation_result import EvaluationResult, evaluate_model
from fer.evaluation.evaluation_set import EvaluationSet
from fer.evaluation.html_report import html_page
from fer.evaluation.names import display_name
from fer.evaluation.once import evaluate_once
from fer.evaluation.store import StoreError
from fer.provenance import PROVENANCE_COLUMNS
from fer.recognition.bundle import Bundle
from fer.recognition.classifier import EmotionClassifier
from fer.storage.files import write_text
from fer.text import spreadsheet_safe

RUN_REPORT: Final = "report.html"
_ANSWER_COLUMNS: Final = ("predicted", "confidence", "sure", *EMOTIONS, "candidates")
FORMS: Final = (".html", ".json", ".csv")


def report(
    form: str,
    evaluation_set: EvaluationSet,
    results: Sequence[EvaluationResult],
    classifiers: Sequence[EmotionClassifier] = (),
) -> bytes:
    """Return the report of one or two models on the same faces as the bytes of a file.

    Args:
        form: one of `FORMS`.
        evaluation_set: the faces.
        results: one or two results on these faces.
        classifiers: the same models in the same order, for the class activation maps in the HTML gallery. Without them
            the HTML shows no face.
    """
    if form == ".json":
        return to_json(results)
    if form == ".csv":
        return to_csv(evaluation_set, results)
    return html_page(evaluation_set, results, classifiers).encode()


def to_json(results: Sequence[EvaluationResult]) -> bytes:
    """Return the results of one or two models as JSON, with 'models' and 'comparison' (null for one model)."""
    comparison: dict[str, Any] | None = None
    if len(results) == 2:
        comparison = compare(results[0].predictions, results[1].predictions).to_dict()
    content = {"models": [result.to_dict() for result in results], "comparison": comparison}
    return json.dumps(content, indent=2).encode() + b"\n"


def to_csv(evaluation_set: EvaluationSet, results: Sequence[EvaluationResult]) -> bytes:
    """Return a CSV with one row per face.

    The columns are origin and true, then for each model predicted, confidence, sure, angry, disgust and so on, and
    candidates: the set of classes, empty if the model has no such sets; last `PROVENANCE_COLUMNS`, which say in every
    row what made it. With two models, the names of these end in _a and _b.
    """
    endings = [""] if len(results) == 1 else ["_a", "_b"]
    header = ["origin", "true"]
    for ending in endings:
        header += [f"{name}{ending}" for name in (*_ANSWER_COLUMNS, *PROVENANCE_COLUMNS)]
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(header)
    made_by = [list(result.about.columns().values()) for result in results]
    answered = [result.predictions.sure(result.model.confidence_threshold) for result in results]
    for row, (origin, label) in enumerate(zip(evaluation_set.origins, evaluation_set.faces.labels, strict=True)):
        cells: list[Any] = [spreadsheet_safe(origin), EMOTIONS[label]]
        for result, sure, about in zip(results, answered, made_by, strict=True):
            probabilities = result.predictions.probabilities[row]
            confidence = float(probabilities.max())
            cells += [EMOTIONS[int(probabilities.argmax())], f"{confidence:.6f}", str(bool(sure[row])).lower()]
            cells += [f"{value:.6f}" for value in probabilities]
            cells.append(" or ".join(result.model.sets.of(probabilities)) if result.model.sets else "")
            cells += about
        writer.writerow(cells)
    # With a byte order mark, spreadsheets read the file as UTF-8.
    return stream.getvalue().encode("utf-8-sig", "backslashreplace")


def write_run_report(bundle: Bundle, evaluation_set: EvaluationSet, folder: Path) -> EvaluationResult:
    """Evaluate the model of a training run, write `report.html` into its folder and store the result for the page.

    The report shows no face, so that a run can be shared.

    Args:
        bundle: the model of the run.
        evaluation_set: the faces.
        folder: the folder of the run.

    Raises:
        OSError: the report can't be written.
    """
    classifier, name = EmotionClassifier(bundle), display_name(bundle)
    try:
        result = evaluate_once(classifier, evaluation_set, name=name)
    except StoreError:
        # A full disk must not fail a run that has finished.
        result = evaluate_model(classifier, evaluation_set, name=name)
    write_text(folder / RUN_REPORT, html_page(evaluation_set, [result]))
    return result
