"""One HTML file that opens anywhere without a network: the script of its charts and every picture are inside."""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from fer import __version__
from fer.emotions import EMOTIONS
from fer.evaluation import charts, wording
from fer.evaluation.comparison import compare
from fer.evaluation.evaluation_result import EvaluationResult
from fer.evaluation.evaluation_set import EvaluationSet
from fer.evaluation.gallery import Card, cards, mistakes
from fer.recognition.classifier import EmotionClassifier

_GALLERY_FACES: Final = 24
_CONFIG: Final[dict[str, Any]] = {"displaylogo": False, "responsive": True, "displayModeBar": False}
_STYLE: Final = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2430; background: #fff; margin: 0 auto; max-width: 1200px;
  padding: 24px; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2em; }
table { border-collapse: collapse; } th, td { padding: 4px 12px; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
.wide { overflow-x: auto; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px; }
.faces { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 16px; }
figure { margin: 0; } figure img { width: 48%; } figcaption { font-size: 14px; }
.note { background: #fff4d6; padding: 8px 12px; border-radius: 6px; }
"""


def html_page(
    evaluation_set: EvaluationSet, results: Sequence[EvaluationResult], classifiers: Sequence[EmotionClassifier] = ()
) -> str:
    """The report of one or two models on the same faces.

    Args:
        evaluation_set: the faces.
        results: one or two, of these faces.
        classifiers: of the same models; their activation maps are laid over the faces of the gallery. Without them
            there is no gallery, and the report shows no face at all.
    """
    names = [result.model.name for result in results]
    sections = [
        f"<p>{escape(wording.about(results))}.</p>",
        *([f'<p class="note">{escape(wording.DRAWN)}</p>'] if evaluation_set.faces.synthetic else []),
        _figures_table(results),
        *_comparison(results),
        *_per_model(results),
        f"<h2>What 'not sure' costs and gains</h2><p>{escape(charts.DIAMOND)}</p>",
        _chart(
            charts.coverage_chart(
                [one.predictions for one in results],
                names,
                [one.model.confidence_threshold for one in results],
                "Accuracy against coverage",
            )
        ),
        *_robustness(results),
        *_crowd(results),
        *_gallery(evaluation_set, results, classifiers),
        "<h2>How it was measured</h2>",
        f"<p>{escape(_METHOD)}</p>",
        f"<p>Models: {escape('; '.join(f'{one.model.name}, {one.model.hash}' for one in results))}. "
        f"Faces: {escape(evaluation_set.key)}. Made {escape(results[0].made)} by fer {escape(__version__)}.</p>",
    ]
    title = escape(f"Evaluation of {' and '.join(names)}")
    body = "\n".join(sections)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style><script>{get_plotlyjs()}</script></head>\n"
        f"<body><h1>{title}</h1>\n{body}\n</body></html>\n"
    )


_METHOD: Final = (
    "A single crop a face, by the model as it is served. Rates are fractions of 1. The interval of the accuracy is "
    "Wilson's at 95 %. Macro F1 and balanced accuracy are means over the classes that occur. The calibration error is "
    "the expected calibration error of the top label over 15 bins of equal width. A label says what somebody saw in a "
    "picture, not what a person felt."
)


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _chart(figure: go.Figure) -> str:
    figure.update_layout(template="plotly_white")
    height = f"{figure.layout.height}px"
    markup: str = figure.to_html(
        config=_CONFIG, full_html=False, include_plotlyjs=False, default_width="100%", default_height=height
    )
    return markup


def _pair(parts: Iterable[str]) -> str:
    return '<div class="pair">' + "".join(f"<div>{part}</div>" for part in parts) + "</div>"


def _figures_table(results: Sequence[EvaluationResult]) -> str:
    columns = [wording.key_figures(result) for result in results]
    rows = [[name, *(column[name] for column in columns)] for name in columns[0]]
    return "<h2>Figures</h2>" + _table(["", *(one.model.name for one in results)], rows)


def _comparison(results: Sequence[EvaluationResult]) -> list[str]:
    if len(results) < 2:
        return []
    first, second = results
    text = wording.verdict(compare(first.predictions, second.predictions), first.model.name, second.model.name)
    return [f"<p>{escape(text)}</p>"]


def _per_model(results: Sequence[EvaluationResult]) -> list[str]:
    """The same charts of each model, two beside each other."""
    return [
        "<h2>By class</h2>",
        _pair(_scores_table(one) for one in results),
        _pair(_chart(charts.per_class_chart(one.metrics, f"By class, {one.model.name}")) for one in results),
        "<h2>Confusion</h2><p>Rows are true, columns predicted: counts, then shares of each row.</p>",
        _pair(_confusion(one, by_row) for by_row in (False, True) for one in results),
        "<h2>Does 0.9 mean 0.9?</h2>",
        _pair(
            [
                *(
                    _chart(charts.calibration_chart(one.predictions, color, f"Calibration of {one.model.name}"))
                    for one, color in zip(results, charts.MODEL_COLORS, strict=False)
                ),
                *(
                    _chart(charts.confidence_chart(one.predictions, f"Confidence of {one.model.name}"))
                    for one in results
                ),
            ]
        ),
    ]


def _scores_table(result: EvaluationResult) -> str:
    rows = [
        [name, f"{scores.precision:.3f}", f"{scores.recall:.3f}", f"{scores.f1:.3f}", str(scores.support)]
        for name, scores in result.metrics.per_class.items()
    ]
    header = ["", "precision", "recall", "F1", "faces"]
    return f"<h3>{escape(result.model.name)}</h3>{_table(header, rows)}"


def _confusion(result: EvaluationResult, by_row: bool) -> str:
    title = f"{result.model.name}, {'shares' if by_row else 'counts'}"
    return _chart(charts.confusion_chart(result.metrics, by_row=by_row, title=title))


def _robustness(results: Sequence[EvaluationResult]) -> list[str]:
    # A model keeps its colour where the other was not measured.
    measured = [
        (one, color, one.robustness)
        for one, color in zip(results, charts.MODEL_COLORS, strict=False)
        if one.robustness is not None
    ]
    if not measured:
        return []
    tables = [rows for *_, rows in measured]
    names = [one.model.name for one, *_ in measured]
    clean = [one.metrics.accuracy for one, *_ in measured]
    chart = charts.robustness_chart(tables, names, clean, colors=[color for _, color, _ in measured])
    rows = [["clean", *(f"{value:.3f}" for value in clean)]]
    for place, row in enumerate(tables[0]):
        rows.append([row.label, *(f"{table[place].accuracy:.3f} ({0.0 - table[place].lost:+.3f})" for table in tables)])
    return [
        "<h2>Robustness</h2><p>Accuracy where every face is spoiled in one way, and the change.</p>",
        _pair([_table(["faces", *names], rows), _chart(chart)]),
    ]


def _crowd(results: Sequence[EvaluationResult]) -> list[str]:
    found = [(one, one.agreement) for one in results if one.agreement is not None]
    if not found:
        return []
    chart = charts.agreement_chart(
        [item for _, item in found], [one.model.name for one, _ in found], "By the crowd's certainty"
    )
    texts = [f"<p>{escape(wording.crowd(one) or '')}</p>" for one, _ in found]
    return ["<h2>Agreement with people</h2>", *texts, _chart(chart), f"<p>{escape(charts.LINES)}</p>"]


def _gallery(
    evaluation_set: EvaluationSet, results: Sequence[EvaluationResult], classifiers: Sequence[EmotionClassifier]
) -> list[str]:
    sections = []
    for one, classifier in zip(results, classifiers, strict=False):
        rows = mistakes(one.predictions)[:_GALLERY_FACES]
        figures = (_figure(card) for card in cards(evaluation_set, [one.predictions], [classifier], rows))
        sections.append(
            f"<h2>The surest mistakes of {escape(one.model.name)}</h2>"
            "<p>Beside each face, what speaks for the predicted class.</p>"
            f'<div class="faces">{"".join(figures)}</div>'
        )
    return sections


def _figure(card: Card) -> str:
    caption = card.captions[0]
    ordered = sorted(zip(EMOTIONS, card.probabilities[0], strict=True), key=lambda pair: -pair[1])
    rest = ", ".join(f"{name} {value:.2f}" for name, value in ordered[:3])
    pictures = [("face", card.face), *(("map", picture) for picture in card.maps)]
    tags = "".join(f'<img src="{_data_url(pixels)}" alt="{what}: {escape(caption)}">' for what, pixels in pictures)
    return (
        f"<figure>{tags}<figcaption>{escape(caption)}<br>{escape(rest)}<br>{escape(card.origin)}</figcaption></figure>"
    )


def _data_url(pixels: npt.NDArray[np.uint8]) -> str:
    image = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
