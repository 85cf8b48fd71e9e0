"""The figures of an evaluation in words: one wording for the page, the report and the command line."""

from collections.abc import Sequence
from typing import Final

from fer.evaluation.calibration import answered_at
from fer.evaluation.comparison import Comparison
from fer.evaluation.evaluation_result import EvaluationResult
from fer.text import counted

_SMALLEST_P: Final = 0.0001
DERIVED: Final = "the tenth of train that training validates on"
DRAWN: Final = "These faces are drawn: the figures say nothing about real ones."


def key_figures(result: EvaluationResult) -> dict[str, str]:
    """The figures that come first, by name, ready to be read."""
    metrics, predictions, model = result.metrics, result.predictions, result.model
    low, high = metrics.accuracy_interval
    answered = answered_at(predictions.probabilities, predictions.labels, model.confidence_threshold)
    sure = "not defined" if answered.accuracy is None else f"{answered.accuracy:.3f}"
    return {
        "Faces": f"{metrics.n:,}",
        "Accuracy": f"{metrics.accuracy:.3f}",
        "95 % interval": f"{low:.3f} to {high:.3f}",
        "Macro F1": f"{metrics.macro_f1:.3f}",
        "Balanced accuracy": f"{metrics.balanced_accuracy:.3f}",
        "Top-2 accuracy": f"{metrics.top2_accuracy:.3f}",
        "Calibration error": f"{metrics.ece:.3f}",
        "'Not sure' below": f"{model.confidence_threshold:.2f}",
        "Share answered": f"{answered.coverage:.3f}",
        "Accuracy of those": sure,
        "Faces per second": f"{predictions.faces_per_second:,.0f}",
    }


def about(results: Sequence[EvaluationResult]) -> str:
    """What was evaluated on what, in a line."""
    data = results[0].data
    names = " and ".join(result.model.name for result in results)
    left_out = f", {counted(data.left_out, 'image')} left out" if data.left_out else ""
    part = f" ({DERIVED})" if data.derived else ""
    n_faces = counted(results[0].metrics.n, "face")
    return f"{names} on the {data.split} split{part} of {data.name}: {n_faces}{left_out}"


def verdict(comparison: Comparison, first: str, second: str) -> str:
    """Whether one of two models is better, in a sentence or two."""
    only = (
        f"{counted(comparison.only_first, 'face')} only {first} has right, {comparison.only_second:,} only {second}, "
        f"{comparison.both_right:,} both and {comparison.both_wrong:,} neither."
    )
    p_value = f"p = {comparison.p_value:.2g}" if comparison.p_value >= _SMALLEST_P else f"p < {_SMALLEST_P}"
    chance = f"(McNemar's exact test, {p_value})"
    if not comparison.significant:
        return f"{only} The difference is no more than chance would do {chance}."
    better = first if comparison.only_first > comparison.only_second else second
    return f"{only} {better} is better by more than chance {chance}."


def crowd(result: EvaluationResult) -> str | None:
    """How the model goes with the FER+ crowd, in words; None where there are no votes to compare with."""
    found = result.agreement
    if found is None:
        return None
    rank = found.correlation
    together = "" if rank is None else f" How sure it is and how sure they are: rank correlation {rank:.2f}."
    return (
        f"Of the {found.n:,} faces for which the crowd has one favourite of the seven, {result.model.name} sees "
        f"{found.accuracy:.3f} as the crowd does, and {found.label_accuracy:.3f} as the labels say; labels and crowd "
        f"agree on {found.labels_agree:.3f}.{together}"
    )
