"""Render an evaluation as one HTML file that opens offline: scripts and pictures are embedded."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from fer.emotions import EMOTIONS
from fer.evaluation import charts, wording
from fer.evaluation.comparison import compare
from fer.evaluation.evaluation_result import EvaluationResult
from fer.evaluation.evaluation_set import EvaluationSet
from fer.evaluation.gallery import Card, cards, mistakes
from fer.evaluation.robustness import RobustnessRow
from fer.recognition.classifier import EmotionClassifier
from fer.templating import templates_of

_GALLERY_FACES: Final = 24
_TOP_CLASSES: Final = 3
_PLOTLY_CONFIG: Final[dict[str, Any]] = {"displaylogo": False, "responsive": True, "displayModeBar": False}
_TEMPLATES: Final = templates_of("fer.evaluation")


def html_page(
    evaluation_set: EvaluationSet, results: Sequence[EvaluationResult], classifiers: Sequence[EmotionClassifier] = ()
) -> str:
    """Render the report of one or two models on the same faces.

    Args:
        evaluation_set: the faces.
        results: one or two results on these faces.
        classifiers: the same models, for the class activation maps in the gallery. Without them the report has no
            gallery and shows no face.
    """
    names = [one.model.name for one in results]
    return _TEMPLATES.get_template("report.html").render(
        title=f"Evaluation of {' and '.join(names)}",
        plotly=Markup(get_plotlyjs()),
        about=wording.about(results),
        synthetic=wording.SYNTHETIC if evaluation_set.faces.synthetic else None,
        names=names,
        metrics=_metrics(results),
        verdict=_verdict(results),
        scores=[(one.model.name, _scores(one)) for one in results],
        score_charts=[
            _chart(charts.per_class_chart(one.metrics, f"Scores by class, {one.model.name}")) for one in results
        ],
        confusion_charts=[_chart(charts.confusion_chart(one.metrics, one.model.name)) for one in results],
        calibration_charts=_calibration(results),
        coverage_caption=charts.DIAMOND,
        coverage_chart=_coverage(results),
        sets=_sets(results),
        robustness=_robustness(results),
        agreement=_agreement(results),
        galleries=_galleries(evaluation_set, results, classifiers),
        made_by=[one.about.text for one in results],
    )


def _chart(figure: go.Figure) -> Markup:
    figure.update_layout(template="plotly_white")
    height = f"{figure.layout.height}px"
    # Plotly escapes the texts of a figure in the JSON that it writes.
    return Markup(
        figure.to_html(
            config=_PLOTLY_CONFIG, full_html=False, include_plotlyjs=False, default_width="100%", default_height=height
        )
    )


def _metrics(results: Sequence[EvaluationResult]) -> list[list[str]]:
    columns = [wording.key_metrics(one) for one in results]
    return [[name, *(column[name] for column in columns)] for name in columns[0]]


def _verdict(results: Sequence[EvaluationResult]) -> str | None:
    if len(results) < 2:
        return None
    first, second = results
    return wording.verdict(compare(first.predictions, second.predictions), first.model.name, second.model.name)


def _scores(result: EvaluationResult) -> list[list[str]]:
    return [[name, *wording.class_scores(one), str(one.support)] for name, one in result.metrics.per_class.items()]


def _calibration(results: Sequence[EvaluationResult]) -> list[Markup]:
    curves = [
        charts.calibration_chart(one.predictions, color, f"Calibration of {one.model.name}")
        for one, color in zip(results, charts.MODEL_COLORS, strict=False)
    ]
    histograms = [charts.confidence_chart(one.predictions, f"Confidence of {one.model.name}") for one in results]
    return [_chart(figure) for figure in (*curves, *histograms)]


def _coverage(results: Sequence[EvaluationResult]) -> Markup:
    return _chart(
        charts.coverage_chart(
            [one.predictions for one in results],
            [one.model.name for one in results],
            [one.model.confidence_threshold for one in results],
            "Accuracy against coverage",
        )
    )


@dataclass(frozen=True)
class _Sets:
    name: str
    text: str
    rows: list[list[str]]


def _sets(results: Sequence[EvaluationResult]) -> list[_Sets]:
    return [
        _Sets(
            one.model.name,
            wording.sets_in_words(sets),
            [
                [label, str(item.n), f"{item.coverage:.3f}", f"{item.mean_size:.2f}"]
                for label, item in sets.per_class.items()
            ],
        )
        for one in results
        if (sets := one.sets) is not None
    ]


@dataclass(frozen=True)
class _Robustness:
    tables: list[tuple[str, list[list[str]]]]
    chart: Markup


def _robustness(results: Sequence[EvaluationResult]) -> _Robustness | None:
    # A model keeps its colour if only the other one was measured.
    measured = [
        (one, color, one.robustness)
        for one, color in zip(results, charts.MODEL_COLORS, strict=False)
        if one.robustness is not None
    ]
    if not measured:
        return None
    chart = charts.robustness_chart(
        [rows for *_, rows in measured],
        [one.model.name for one, *_ in measured],
        [one.metrics.accuracy for one, *_ in measured],
        colors=[color for _, color, _ in measured],
    )
    tables = [(one.model.name, [_corruption(row) for row in one.corruptions]) for one, *_ in measured]
    return _Robustness(tables, _chart(chart))


def _corruption(row: RobustnessRow) -> list[str]:
    # Subtracting from 0.0 writes +0.000 where nothing changed.
    change = f"{0.0 - row.lost:+.3f}"
    sure_accuracy = "none" if row.sure_accuracy is None else f"{row.sure_accuracy:.3f}"
    return [row.label, f"{row.accuracy:.3f}", change, f"{row.sure:.3f}", sure_accuracy]


@dataclass(frozen=True)
class _Agreement:
    texts: list[str]
    chart: Markup
    caption: str


def _agreement(results: Sequence[EvaluationResult]) -> _Agreement | None:
    found = [(one, one.agreement) for one in results if one.agreement is not None]
    if not found:
        return None
    chart = charts.agreement_chart(
        [agreement for _, agreement in found],
        [one.model.name for one, _ in found],
        "Agreement by share of votes",
    )
    return _Agreement([wording.crowd(one) or "" for one, _ in found], _chart(chart), charts.LINES)


@dataclass(frozen=True)
class _Picture:
    kind: str
    url: str


@dataclass(frozen=True)
class _Face:
    caption: str
    top: str
    candidates: str
    origin: str
    pictures: list[_Picture]


def _galleries(
    evaluation_set: EvaluationSet, results: Sequence[EvaluationResult], classifiers: Sequence[EmotionClassifier]
) -> list[tuple[str, list[_Face]]]:
    galleries = []
    for one, classifier in zip(results, classifiers, strict=False):
        rows = mistakes(one.predictions)[:_GALLERY_FACES]
        found = cards(evaluation_set, [one], [classifier], rows)
        galleries.append((one.model.name, [_face(card) for card in found]))
    return galleries


def _face(card: Card) -> _Face:
    ordered = sorted(zip(EMOTIONS, card.probabilities[0], strict=True), key=lambda pair: -pair[1])
    return _Face(
        caption=card.captions[0],
        top=", ".join(f"{name} {value:.2f}" for name, value in ordered[:_TOP_CLASSES]),
        candidates=card.candidates[0],
        origin=card.origin,
        pictures=[
            _Picture(kind, _data_url(pixels))
            for kind, pixels in [("face", card.face), *(("map", picture) for picture in card.maps)]
        ],
    )


def _data_url(pixels: npt.NDArray[np.uint8]) -> str:
    image = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
