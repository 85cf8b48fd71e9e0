"""The shipped model's evaluation as Markdown: the whole report, and what it comes to in two paragraphs.

Every figure is filled in from the evaluation, so that nothing of an earlier model stays behind. No face is shown.
"""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Final

from fer.emotions import EMOTIONS
from fer.evaluation import wording
from fer.evaluation.evaluation_result import EvaluationResult
from fer.evaluation.metrics import wilson_interval
from fer.evaluation.robustness import RobustnessRow
from fer.recognition.bundle import Bundle

# What costs less than this many points of accuracy is called harmless.
_HARMLESS: Final = 0.02
_COMMON_MISTAKES: Final = 3
_SPEED: Final = "Faces per second"


def report(result: EvaluationResult) -> str:
    """All figures as tables and charts that Markdown viewers draw."""
    figures = result.to_dict()
    parts = [
        "# The shipped model's report",
        _wrapped(
            f"{wording.about([result])}. Written by `python -m scripts.ship_model`; model "
            f"`{result.model.hash}`, faces `{result.data.key}`. A single crop a face, by the file that is "
            "served. What it comes to is in [evaluation.md](evaluation.md), and what each figure means. The same with "
            "interactive charts, as one HTML file of five megabytes:"
        ),
        "```bash\npython -m fer evaluate data/fer2013.csv --split validation --robustness --no-gallery "
        "--report report.html\n```",
        "## Figures",
        # How fast the machine was that wrote this says nothing about another.
        _table(["figure", "value"], [row for row in wording.key_figures(result).items() if row[0] != _SPEED]),
        "## By class",
        _by_class(result),
        "Confusion: rows are true, columns predicted.",
        _table(
            ["true", *EMOTIONS],
            [[name, *map(str, row)] for name, row in zip(EMOTIONS, figures["confusion_matrix"], strict=True)],
        ),
        "## Does 0.9 mean 0.9?",
        *_calibration(result),
        "## What 'not sure' costs and gains",
        _coverage(figures["coverage"]),
        *_robustness(result.robustness),
        *_crowd(result),
    ]
    return "\n\n".join(parts) + "\n"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _chart(x_axis: str, y_axis: str, *lines: Iterable[float]) -> str:
    drawn = ["    line [" + ", ".join(f"{value:.3f}" for value in line) + "]" for line in lines]
    return "\n".join(["```mermaid", "xychart-beta", f"    x-axis {x_axis}", f"    y-axis {y_axis}", *drawn, "```"])


def _by_class(result: EvaluationResult) -> str:
    rows = []
    for name, one in result.metrics.per_class.items():
        low, high = wilson_interval(round(one.recall * one.support), one.support) if one.support else (0.0, 1.0)
        interval = f"{low:.2f} to {high:.2f}"
        rows.append([name, f"{one.precision:.3f}", f"{one.recall:.3f}", interval, f"{one.f1:.3f}", str(one.support)])
    return _table(["class", "precision", "recall", "its 95 % interval", "F1", "faces"], rows)


def _calibration(result: EvaluationResult) -> list[str]:
    full = _filled_bins(result)
    confidence, accuracy = ([one[key] for one in full] for key in ("confidence", "accuracy"))
    names = ", ".join(f'"{one["from"]:.2f}"' for one in full)
    return [
        "By confidence: the model's mean confidence first, how often it is right second. Where the second lies lower, "
        "the model is too sure.",
        _chart(f'"confidence from" [{names}]', '"share" 0 --> 1', confidence, accuracy),
        calibration_table(result),
    ]


def _filled_bins(result: EvaluationResult) -> list[dict[str, Any]]:
    return [one for one in result.to_dict()["calibration"] if one["n"]]


def calibration_table(result: EvaluationResult) -> str:
    """Mean confidence and accuracy of the faces, by confidence."""
    rows = [
        [f"{one['from']:.2f} to {one['to']:.2f}", str(one["n"]), f"{one['confidence']:.3f}", f"{one['accuracy']:.3f}"]
        for one in _filled_bins(result)
    ]
    return _table(["confidence", "faces", "mean confidence", "accuracy"], rows)


def _coverage(points: list[dict[str, float]]) -> str:
    names = ", ".join(f'"{one["coverage"]:.1f}"' for one in points)
    return "\n\n".join(
        [
            "Accuracy of the answers where only the surest share of the faces is answered.",
            _chart(f'"share answered" [{names}]', '"accuracy" 0 --> 1', [one["accuracy"] for one in points]),
            _table(
                ["share answered", *(f"{one['coverage']:.1f}" for one in points)],
                [["accuracy", *(f"{one['accuracy']:.3f}" for one in points)]],
            ),
        ]
    )


def _robustness(rows: tuple[RobustnessRow, ...] | None) -> list[str]:
    return [] if rows is None else ["## Robustness", "Every face spoiled in one way.", robustness_table(rows)]


def robustness_table(rows: tuple[RobustnessRow, ...]) -> str:
    """Accuracy where every face is spoiled in one way, and what that way costs."""
    cells = [
        [row.label, f"{row.accuracy:.3f}", f"{row.interval[0]:.3f} to {row.interval[1]:.3f}", f"{0.0 - row.lost:+.3f}"]
        for row in rows
    ]
    return _table(["faces", "accuracy", "95 % interval", "change"], cells)


def _crowd(result: EvaluationResult) -> list[str]:
    found, text = result.agreement, wording.crowd(result)
    if found is None or text is None:
        return []
    rows = [[one.label, str(one.n), f"{one.accuracy:.3f}", f"{one.confidence:.3f}"] for one in found.bins]
    header = ["votes for the crowd's favourite", "faces", "sees it as the crowd", "mean confidence"]
    return ["## Agreement with people", _wrapped(text), _table(header, rows)]


def findings(bundle: Bundle, result: EvaluationResult) -> str:
    """What the report says, in two paragraphs: what the model gets wrong, and how far it can be trusted."""
    return "\n\n".join(map(_wrapped, (_weaknesses(bundle, result), _trust(bundle, result))))


def _weaknesses(bundle: Bundle, result: EvaluationResult) -> str:
    metrics = result.metrics
    low, high = metrics.accuracy_interval
    occurring = [name for name in EMOTIONS if metrics.per_class[name].support]
    by_f1 = sorted(occurring, key=lambda name: -metrics.per_class[name].f1)
    best = " and ".join(f"{name} (F1 {metrics.per_class[name].f1:.2f})" for name in by_f1[:2])
    worst = " and ".join(
        f"{name} (F1 {metrics.per_class[name].f1:.2f}, of which it finds {metrics.per_class[name].recall:.0%})"
        for name in by_f1[:-3:-1]
    )
    counts = [
        (int(metrics.confusion[true, predicted]), EMOTIONS[true], EMOTIONS[predicted])
        for true in range(len(EMOTIONS))
        for predicted in range(len(EMOTIONS))
        if true != predicted
    ]
    mistakes = ", ".join(
        f"{true} taken for {predicted} ({n} of {metrics.per_class[true].support})"
        for n, true, predicted in sorted(counts, key=lambda one: -one[0])[:_COMMON_MISTAKES]
        if n
    )
    rarest = min(occurring, key=lambda name: metrics.per_class[name].support)
    figures = metrics.per_class[rarest]
    margin = wilson_interval(round(figures.recall * figures.support), figures.support)
    text = (
        f"On the {metrics.n:,} faces of the {result.data.split} split of {result.data.name} the model gives "
        f"{metrics.accuracy:.1%} the name that they are labelled with (95 % interval {low:.1%} to {high:.1%}), and its "
        f"macro F1 is {metrics.macro_f1:.3f}. It is best at {best}, worst at {worst}. Its most common mistakes are "
        f"{mistakes}. There are {figures.support} faces of {rarest}, so that its recall of {figures.recall:.2f} may as "
        f"well be {margin[0]:.2f} or {margin[1]:.2f}."
    )
    crowd = result.agreement
    if crowd is None:
        return text
    first, last = crowd.bins[0], crowd.bins[-1]
    taught = ", which learned from the votes for other faces as well," if bundle.data.get("votes") else ""
    return (
        f"{text} Not all of this is the model's fault: labels and the FER+ crowd's favourite agree on "
        f"{crowd.labels_agree:.1%} of the {crowd.n:,} faces that have one. The model{taught} sees {crowd.accuracy:.1%} "
        f"of them as the crowd does and {crowd.label_accuracy:.1%} as the labels say. By the votes for the favourite "
        f"it agrees with the crowd on {first.accuracy:.0%} ({first.label}) to {last.accuracy:.0%} ({last.label})."
    )


def _trust(bundle: Bundle, result: EvaluationResult) -> str:
    metrics, predictions = result.metrics, result.predictions
    sure = float(predictions.confidence.mean()) - metrics.accuracy
    text = (
        f"Confidence and accuracy lie {metrics.ece:.3f} apart on average (ECE); over all faces the model is "
        f"{abs(sure):.3f} too {'sure' if sure > 0 else 'timid'}. {answered(result)}"
    )
    return " ".join([text, *_what_spoils(result.robustness), _what_chose(bundle, result.data.split)])


def answered(result: EvaluationResult) -> str:
    """What the 'not sure' threshold costs and gains, in a sentence."""
    figures = wording.key_figures(result)
    return (
        f"With its 'not sure' threshold of {result.model.confidence_threshold:.2f} it answers "
        f"{figures['Share answered']} of the {result.data.split} split's faces; "
        f"accuracy of those: {figures['Accuracy of those']}."
    )


def _what_spoils(rows: tuple[RobustnessRow, ...] | None) -> list[str]:
    if not rows:
        return []
    ordered = sorted(rows, key=lambda row: -row.lost)
    harmful = [f"{row.label} {100 * row.lost:.1f}" for row in ordered if row.lost >= _HARMLESS]
    harmless = [row.label for row in ordered if row.lost < _HARMLESS]
    texts = []
    if harmful:
        texts.append(f"It loses points of accuracy where every face is spoiled in one way: {', '.join(harmful)}.")
    if harmless:
        texts.append(f"These cost it less than two: {', '.join(harmless)}.")
    return [*texts, "All of that is done to web photos of 48 x 48 pixels; no webcam and no dark room took part."]


def _what_chose(bundle: Bundle, split: str) -> str:
    calibrated_on = bundle.metrics.get("calibrated_on")
    text = f"The epoch was chosen on this very {split} split, so that its accuracy flatters the model slightly."
    if calibrated_on == split:
        text += " Temperature and threshold were fitted on it too, so that its calibration flatters as well."
    elif calibrated_on in bundle.metrics:
        apart = bundle.metrics[calibrated_on]
        text += (
            f" Temperature and threshold were fitted on {apart['n']:,} images of train that no weight learned from "
            f"(accuracy {apart['accuracy']:.3f}, calibration error {apart['ece']:.3f} there)."
        )
    if "test" in bundle.metrics:
        return f"{text} On the test split its accuracy is {bundle.metrics['test']['accuracy']:.3f}."
    return f"{text} The test split chose nothing and was not looked at, so that there is no unflattered figure yet."
