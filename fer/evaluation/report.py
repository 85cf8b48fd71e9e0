"""What is taken away from an evaluation: JSON with all figures, CSV with a row a face, and one HTML file."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any, Final

from fer.emotions import EMOTIONS
from fer.evaluation.assessment import Assessment
from fer.evaluation.comparison import compare
from fer.evaluation.html_report import html_page
from fer.evaluation.material import Material
from fer.exports import spreadsheet_safe
from fer.recognition.classifier import EmotionClassifier

FORMS: Final = (".html", ".json", ".csv")


def report(
    form: str,
    material: Material,
    assessments: Sequence[Assessment],
    classifiers: Sequence[EmotionClassifier] = (),
) -> bytes:
    """One or two models on the same faces, as the bytes of a file.

    Args:
        form: one of `FORMS`.
        material: the faces.
        assessments: one or two, of these faces.
        classifiers: of the same models in the same order, for the activation maps of the HTML gallery; without them
            the HTML shows no face at all.
    """
    if form == ".json":
        return to_json(assessments)
    if form == ".csv":
        return to_csv(material, assessments)
    return html_page(material, assessments, classifiers).encode()


def to_json(assessments: Sequence[Assessment]) -> bytes:
    """All figures of one or two models, and the comparison of two: an object with 'models' and 'comparison'."""
    comparison: dict[str, Any] | None = None
    if len(assessments) == 2:
        both = compare(assessments[0].predictions, assessments[1].predictions)
        comparison = {
            "both_right": both.both_right,
            "only_first": both.only_first,
            "only_second": both.only_second,
            "both_wrong": both.both_wrong,
            "disagree": len(both.disagree),
            "mcnemar_p": both.p_value,
        }
    content = {"models": [assessment.to_dict() for assessment in assessments], "comparison": comparison}
    return json.dumps(content, indent=2).encode() + b"\n"


def to_csv(material: Material, assessments: Sequence[Assessment]) -> bytes:
    """A row a face: origin and true class; by model what was given, the confidence, whether it is sure, all seven.

    With one model the columns are named given, confidence, sure, angry, ...; with two they end in _a and _b.
    """
    endings = [""] if len(assessments) == 1 else ["_a", "_b"]
    header = ["origin", "true"]
    for ending in endings:
        header += [f"{name}{ending}" for name in ("given", "confidence", "sure", *EMOTIONS)]
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(header)
    for row, (origin, label) in enumerate(zip(material.origins, material.faces.labels, strict=True)):
        cells: list[Any] = [spreadsheet_safe(origin), EMOTIONS[label]]
        for assessment in assessments:
            probabilities = assessment.predictions.probabilities[row]
            confidence = float(probabilities.max())
            sure = confidence >= assessment.model.unsure_below
            cells += [EMOTIONS[int(probabilities.argmax())], f"{confidence:.6f}", str(sure).lower()]
            cells += [f"{value:.6f}" for value in probabilities]
        writer.writerow(cells)
    # With the mark, spreadsheets read names in UTF-8.
    return stream.getvalue().encode("utf-8-sig", "backslashreplace")
