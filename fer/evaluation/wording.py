"""Put the results of an evaluation into words, the same on the page, in the report and on the command line."""

from collections.abc import Sequence
from typing import Final

from fer.evaluation.comparison import McNemar
from fer.evaluation.evaluation_result import DataInfo, EvaluationResult
from fer.evaluation.metrics import ClassMetrics
from fer.evaluation.sets import SetMetrics
from fer.text import counted, percent

_SMALLEST_P: Final = 0.0001
DERIVED: Final = "the 10 % of train that training validates on"
PHOTOS: Final = "The images are whole photos, so their faces were detected first."
SYNTHETIC: Final = "These faces are synthetic. The results say nothing about real faces."


def key_metrics(result: EvaluationResult) -> dict[str, str]:
    """Return the main metrics by name, formatted for people."""
    metrics, predictions, model = result.metrics, result.predictions, result.model
    low, high = metrics.accuracy_interval
    answered = result.answered
    sure = "none" if answered.accuracy is None else percent(answered.accuracy)
    return {
        "Faces": f"{metrics.n:,}",
        "Accuracy": percent(metrics.accuracy),
        "95 % interval": f"{percent(low)} to {percent(high)}",
        "Macro F1": f"{metrics.macro_f1:.3f}",
        "Balanced accuracy": percent(metrics.balanced_accuracy),
        "Top-2 accuracy": percent(metrics.top2_accuracy),
        "Calibration error": f"{metrics.ece:.3f}",
        "Confidence threshold": f"{model.confidence_threshold:.2f}",
        "Coverage": percent(answered.coverage),
        "Accuracy when sure": sure,
        "Faces per second": f"{predictions.faces_per_second:,.0f}",
    }


def class_scores(scores: ClassMetrics) -> tuple[str, str, str]:
    """Return precision, recall and F1 of a class, formatted for people; 'none' if no face belongs to the class."""
    if not scores.support:
        return ("none",) * 3
    return f"{scores.precision:.3f}", f"{scores.recall:.3f}", f"{scores.f1:.3f}"


def sets_in_words(sets: SetMetrics) -> str:
    """Return the metrics of a model's sets of classes as a sentence."""
    return (
        f"Sets of classes contain the right one for {percent(sets.coverage)} of the faces ({percent(sets.target, 0)} "
        f"intended); they have {sets.mean_size:.2f} classes on average, {percent(sets.singles, 0)} only one."
    )


def about(results: Sequence[EvaluationResult]) -> str:
    """Return one line that names the models, the split and the data."""
    data = results[0].data
    names = " and ".join(f"'{result.model.name}'" for result in results)
    left_out = f", {counted(data.left_out, 'image')} left out" if data.left_out else ""
    n_faces = counted(results[0].metrics.n, "face")
    found = " detected in whole photos" if data.photos else ""
    return f"{names} on {part_of(data, data.name)}: {n_faces}{found}{left_out}"


def part_of(data: DataInfo, name: str) -> str:
    """Return which part of the data was evaluated, such as 'the test split of fer2013', with the data's name."""
    if data.undivided:
        return f"all of {name} (no validation or test split)"
    return f"the {data.split} split{f' ({DERIVED})' if data.derived else ''} of {name}"


def crops_and_weights(results: Sequence[EvaluationResult]) -> str:
    """Return a sentence that says what was classified, and which weights of the models did it."""
    known = [result.model.weights for result in results]
    weights = f", {' and '.join(dict.fromkeys(known))} weights" if all(known) else ""
    return f"One crop per face{weights}."


def verdict(comparison: McNemar, first: str, second: str) -> str:
    """Return two sentences that say whether one of two models is better."""
    only = (
        f"Only '{first}' is right on {counted(comparison.only_first, 'face')}, only '{second}' on "
        f"{comparison.only_second:,}. Both are right on {comparison.both_right:,} and wrong on "
        f"{comparison.both_wrong:,}."
    )
    test = f"(McNemar's exact test, {p_in_words(comparison.p_value)})"
    if not comparison.significant:
        return f"{only} The difference is not statistically significant {test}."
    better = first if comparison.only_first > comparison.only_second else second
    return f"{only} '{better}' is significantly better {test}."


def p_in_words(p_value: float) -> str:
    """Return a p-value for people: 'p = 0.031', 'p < 0.0001'."""
    return f"p = {p_value:.2g}" if p_value >= _SMALLEST_P else f"p < {_SMALLEST_P}"


def crowd(result: EvaluationResult) -> str | None:
    """Return how far the model agrees with the FER+ votes, in words; None if there are no votes."""
    found = result.agreement
    if found is None:
        return None
    rank = found.correlation
    correlation = (
        ""
        if rank is None
        else f" Rank correlation of the model's confidence with the share of votes for that expression: {rank:.2f}."
    )
    return (
        f"On {counted(found.n, 'face')} the FER+ votes have one clear favourite. '{result.model.name}' agrees with the "
        f"votes on {percent(found.accuracy)} of these faces and with the labels on "
        f"{percent(found.label_accuracy)}. Votes and labels agree on {percent(found.labels_agree)}.{correlation}"
    )
