"""Write the shipped model's evaluation as Markdown: a full report, and a summary in two paragraphs.

Every number comes from the evaluation, so none can be left over from an earlier model. No face is shown.
"""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Final

from fer.emotions import EMOTIONS
from fer.evaluation import wording
from fer.evaluation.evaluation_result import EvaluationResult
from fer.evaluation.metrics import wilson_interval
from fer.evaluation.robustness import RobustnessRow
from fer.recognition.bundle import ONNX_FILE, Bundle
from fer.text import percent

# A corruption that costs less accuracy than this is called harmless.
_HARMLESS: Final = 0.02
_COMMON_MISTAKES: Final = 3
_SPEED: Final = "Faces per second"


def report(result: EvaluationResult) -> str:
    """Return the report, with charts that Markdown viewers draw."""
    values = result.to_dict()
    parts = [
        "# Report on the shipped model",
        _wrapped(
            f"Look up how the shipped model does on each class, at each confidence and under each image corruption. "
            f"[Evaluate a model](evaluation.md) explains the metrics and sums up the results. "
            f"{wording.about([result])}, one crop per face, with `{ONNX_FILE}`. Model `{result.model.hash}`, "
            f"faces `{result.data.key}`, written by `python -m scripts.ship_model`. "
            "This command writes the same with interactive charts, as one HTML file of 5 MB:"
        ),
        "```bash\nFER_WEIGHTS=float32 python -m fer evaluate data/fer2013.csv --split validation --robustness "
        "\\\n    --no-gallery --report report.html\n```",
        "## Metrics",
        # The speed of this machine means nothing to the reader.
        _table(["metric", "value"], [row for row in wording.key_metrics(result).items() if row[0] != _SPEED]),
        "## Scores by class",
        _by_class(result),
        "Confusion matrix. Rows: true class. Columns: predicted class.",
        _table(
            ["true", *EMOTIONS],
            [[name, *map(str, row)] for name, row in zip(EMOTIONS, values["confusion_matrix"], strict=True)],
        ),
        "## Calibration",
        *_calibration(result),
        "## Accuracy against coverage",
        _coverage(values["coverage"]),
        *(["## Sets of classes", *sets] if (sets := sets_table(result)) else []),
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
    series = ["    line [" + ", ".join(f"{value:.3f}" for value in line) + "]" for line in lines]
    return "\n".join(["```mermaid", "xychart-beta", f"    x-axis {x_axis}", f"    y-axis {y_axis}", *series, "```"])


def _by_class(result: EvaluationResult) -> str:
    rows = []
    for name, one in result.metrics.per_class.items():
        low, high = wilson_interval(round(one.recall * one.support), one.support) if one.support else (0.0, 1.0)
        interval = f"{low:.2f} to {high:.2f}"
        rows.append([name, f"{one.precision:.3f}", f"{one.recall:.3f}", interval, f"{one.f1:.3f}", str(one.support)])
    return _table(["class", "precision", "recall", "95 % interval of recall", "F1", "faces"], rows)


def _calibration(result: EvaluationResult) -> list[str]:
    full = _filled_bins(result)
    confidence, accuracy = ([one[key] for one in full] for key in ("confidence", "accuracy"))
    names = ", ".join(f'"{one["from"]:.2f}"' for one in full)
    return [
        _wrapped(
            "By confidence: the first line is the model's mean confidence, the second its accuracy. Where the second "
            "line is lower, the model is overconfident."
        ),
        _chart(f'"confidence from" [{names}]', '"share" 0 --> 1', confidence, accuracy),
        calibration_table(result),
    ]


def _filled_bins(result: EvaluationResult) -> list[dict[str, Any]]:
    return [one for one in result.to_dict()["calibration"] if one["n"]]


def calibration_table(result: EvaluationResult) -> str:
    """Return a table of mean confidence and accuracy by confidence."""
    rows = [
        [f"{one['from']:.2f} to {one['to']:.2f}", str(one["n"]), f"{one['confidence']:.3f}", f"{one['accuracy']:.3f}"]
        for one in _filled_bins(result)
    ]
    return _table(["confidence", "faces", "mean confidence", "accuracy"], rows)


def _coverage(points: list[dict[str, float]]) -> str:
    names = ", ".join(f'"{one["coverage"]:.1f}"' for one in points)
    return "\n\n".join(
        [
            "Accuracy if the model answers only the given share of the faces, those with the highest confidence.",
            _chart(f'"coverage" [{names}]', '"accuracy" 0 --> 1', [one["accuracy"] for one in points]),
            _table(
                ["coverage", *(f"{one['coverage']:.1f}" for one in points)],
                [["accuracy", *(f"{one['accuracy']:.3f}" for one in points)]],
            ),
        ]
    )


def _robustness(rows: tuple[RobustnessRow, ...] | None) -> list[str]:
    if rows is None:
        return []
    text = "Accuracy under each image corruption; the share of faces that are answered, and the accuracy of those."
    return ["## Robustness", text, robustness_table(rows)]


def robustness_table(rows: tuple[RobustnessRow, ...]) -> str:
    """Return a table of each image corruption: accuracy, its change, share answered and accuracy of the answered."""
    cells = [
        [
            row.label,
            f"{row.accuracy:.3f}",
            f"{row.interval[0]:.3f} to {row.interval[1]:.3f}",
            f"{0.0 - row.lost:+.3f}",
            f"{row.sure:.3f}",
            "none" if row.sure_accuracy is None else f"{row.sure_accuracy:.3f}",
        ]
        for row in rows
    ]
    return _table(["faces", "accuracy", "95 % interval", "change", "answered", "accuracy if answered"], cells)


def sets_table(result: EvaluationResult) -> list[str]:
    """Return the quality of the sets of classes, as a sentence and a table by class; nothing if there are none."""
    if result.sets is None:
        return []
    rows = [
        [name, f"{one.coverage:.3f}", f"{one.mean_size:.2f}", str(one.n)] for name, one in result.sets.per_class.items()
    ]
    table = _table(["true class", "set contains it", "classes in the set", "faces"], rows)
    return [_wrapped(wording.sets_in_words(result.sets)), table]


def _crowd(result: EvaluationResult) -> list[str]:
    found, text = result.agreement, wording.crowd(result)
    if found is None or text is None:
        return []
    rows = [[one.label, str(one.n), f"{one.accuracy:.3f}", f"{one.confidence:.3f}"] for one in found.bins]
    header = ["votes for the most voted class", "faces", "agreement", "mean confidence"]
    return ["## Agreement with the FER+ votes", _wrapped(text), _table(header, rows)]


def findings(bundle: Bundle, result: EvaluationResult) -> str:
    """Return two paragraphs: what the model gets wrong, and how far its confidence can be trusted."""
    return "\n\n".join(map(_wrapped, (_weaknesses(bundle, result), _trust(bundle, result))))


def _weaknesses(bundle: Bundle, result: EvaluationResult) -> str:
    metrics = result.metrics
    low, high = metrics.accuracy_interval
    occurring = [name for name in EMOTIONS if metrics.per_class[name].support]
    by_f1 = sorted(occurring, key=lambda name: -metrics.per_class[name].f1)
    best = " and ".join(f"{name} (F1 {metrics.per_class[name].f1:.2f})" for name in by_f1[:2])
    worst = " and ".join(
        f"{name} (F1 {metrics.per_class[name].f1:.2f}, recall {metrics.per_class[name].recall:.2f})"
        for name in by_f1[:-3:-1]
    )
    counts = [
        (int(metrics.confusion[true, predicted]), EMOTIONS[true], EMOTIONS[predicted])
        for true in range(len(EMOTIONS))
        for predicted in range(len(EMOTIONS))
        if true != predicted
    ]
    mistakes = ", ".join(
        f"{true} predicted as {predicted} ({n} of {metrics.per_class[true].support})"
        for n, true, predicted in sorted(counts, key=lambda one: -one[0])[:_COMMON_MISTAKES]
        if n
    )
    rarest = min(occurring, key=lambda name: metrics.per_class[name].support)
    scores = metrics.per_class[rarest]
    margin = wilson_interval(round(scores.recall * scores.support), scores.support)
    text = (
        f"On the {metrics.n:,} faces of the {result.data.split} split of {result.data.name}, the model's accuracy is "
        f"{percent(metrics.accuracy)} (95 % interval {percent(low)} to {percent(high)}) and its macro F1 "
        f"{metrics.macro_f1:.3f}. It "
        f"is best at {best} and worst at {worst}. Its most common mistakes are {mistakes}. The split has only "
        f"{scores.support} faces of {rarest}, so the 95 % interval of its recall ({scores.recall:.2f}) is wide: "
        f"{margin[0]:.2f} to {margin[1]:.2f}."
    )
    crowd = result.agreement
    if crowd is None:
        return text
    first, last = crowd.bins[0], crowd.bins[-1]
    taught = ", which also learned from the votes for other faces," if bundle.data.get("votes") else ""
    return (
        f"{text} Some of the mistakes lie in the labels: they match the most voted class of FER+ on "
        f"{percent(crowd.labels_agree)} of the {crowd.n:,} faces that have one. The model{taught} agrees with the "
        f"votes on {percent(crowd.accuracy)} of these faces and with the labels on {percent(crowd.label_accuracy)}. "
        f"The more people agree, the more it agrees with them: from {percent(first.accuracy, 0)} ({first.label} votes) "
        f"to {percent(last.accuracy, 0)} ({last.label})."
    )


def _trust(bundle: Bundle, result: EvaluationResult) -> str:
    metrics, predictions = result.metrics, result.predictions
    sure = float(predictions.confidence.mean()) - metrics.accuracy
    text = (
        f"The expected calibration error is {metrics.ece:.3f}. Over all faces, the model is {abs(sure):.3f} "
        f"{'overconfident' if sure > 0 else 'underconfident'}. {answered(result)}"
    )
    return " ".join([text, *_corruptions(result.robustness), _selection(bundle, result.data.split)])


def answered(result: EvaluationResult) -> str:
    """Return a sentence about coverage and accuracy at the model's confidence threshold."""
    metrics = wording.key_metrics(result)
    return (
        f"At its confidence threshold of {metrics['Confidence threshold']}, the model answers {metrics['Coverage']} of "
        f"the faces of the {result.data.split} split, with an accuracy of {metrics['Accuracy when sure']}. For the "
        "others it says 'not sure'."
    )


def _corruptions(rows: tuple[RobustnessRow, ...] | None) -> list[str]:
    if not rows:
        return []
    ordered = sorted(rows, key=lambda row: -row.lost)
    harmful = [f"{row.label} {100 * row.lost:.1f}" for row in ordered if row.lost >= _HARMLESS]
    harmless = [row.label for row in ordered if row.lost < _HARMLESS]
    texts = []
    if harmful:
        texts.append(f"Percentage points of accuracy that image corruptions cost: {', '.join(harmful)}.")
    if harmless:
        texts.append(f"Less than two points: {', '.join(harmless)}.")
    return [*texts, "The corruptions are simulated on web photos of 48 x 48 pixels, not taken with a webcam."]


def _selection(bundle: Bundle, split: str) -> str:
    calibrated_on = bundle.metrics.get("calibrated_on")
    text = f"The best epoch was chosen on the {split} split, so its accuracy is slightly optimistic."
    if calibrated_on == split:
        text += " Temperature and threshold were fitted on it too, so its calibration is optimistic as well."
    elif calibrated_on in bundle.metrics:
        apart = bundle.metrics[calibrated_on]
        text += (
            f" Temperature and threshold were fitted on {apart['n']:,} images of train that were not used for training "
            f"(accuracy {apart['accuracy']:.3f}, calibration error {apart['ece']:.3f})."
        )
    if "test" in bundle.metrics:
        return f"{text} On the test split its accuracy is {bundle.metrics['test']['accuracy']:.3f}."
    return f"{text} The test split has not been used at all, so there is no unbiased estimate yet."
