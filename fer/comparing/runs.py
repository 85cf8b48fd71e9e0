"""Compare training runs: their results, the settings that differ, and whether one is better by more than chance."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fer.comparing.predictions import RunPredictions, read_predictions
from fer.emotions import EMOTIONS
from fer.errors import ConfigError
from fer.evaluation.comparison import McNemar, mcnemar
from fer.evaluation.wording import p_in_words
from fer.runs import curves, store
from fer.runs.config import MODELS
from fer.runs.presets import NETWORK_FACTS
from fer.runs.store import RunSummary
from fer.text import counted, duration, listed, percent


@dataclass(frozen=True)
class RunResults:
    """What the model of a run reached. Rates are fractions of 1.

    Attributes:
        split: the split of the metrics: test, or validation if there is no test or the run hasn't ended.
        accuracy: share of correct predictions.
        n: number of faces; this and what follows is None before the run has a model.
        interval: 95 % interval of the accuracy.
        macro_f1: mean F1 over the classes.
        ece: expected calibration error.
    """

    split: str
    accuracy: float
    n: int | None = None
    interval: tuple[float, float] | None = None
    macro_f1: float | None = None
    ece: float | None = None


@dataclass(frozen=True)
class Rival:
    """A run that the best one was tested against.

    Attributes:
        run_id: the run.
        accuracy: its accuracy on the common faces.
        test: the best run is first, this one second. With several rivals the p-value is corrected (Bonferroni).
    """

    run_id: str
    accuracy: float
    test: McNemar


@dataclass(frozen=True)
class RunComparison:
    """Which of several runs is the best on the same faces.

    Attributes:
        best: the id of the best run, or None if no two runs have predictions for the same faces.
        accuracy: its accuracy on these faces.
        faces: the faces in words.
        rivals: the runs it was tested against, the best first.
        most_frequent: the most frequent class of these faces, a name of `EMOTIONS`.
        most_frequent_share: the accuracy of always answering that class.
        untested: for each other run the reason why it can't be tested, by id.
    """

    best: str | None
    accuracy: float
    faces: str
    rivals: tuple[Rival, ...]
    untested: dict[str, str]
    most_frequent: str = ""
    most_frequent_share: float = 0.0


def results_of(run: RunSummary) -> RunResults | None:
    """Return a run's results, or None if it has completed no epoch."""
    metrics = curves.read_report(run.id).get("metrics", {})
    for split in ("test", "validation"):
        found = metrics.get(split)
        if isinstance(found, dict):
            interval = found.get("accuracy_interval")
            return RunResults(
                split,
                found["accuracy"],
                found["n"],
                None if interval is None else (interval[0], interval[1]),
                found["macro_f1"],
                found["ece"],
            )
    best = run.validation_accuracy
    return None if best is None else RunResults("validation", best)


def results_row(run: RunSummary) -> dict[str, str]:
    """Return a run's results in the table of a comparison, by their names; what is unknown is ''."""
    found = results_of(run)
    facts = NETWORK_FACTS.get(run.progress.network)
    row = dict.fromkeys(("Accuracy", "95 % interval", "Macro F1", "Calibration error", "Best on validation"), "")
    if found is not None:
        row["Accuracy"] = f"{percent(found.accuracy)} on {found.split}"
        row["95 % interval"] = " to ".join(map(percent, found.interval or ()))
        row["Macro F1"] = "" if found.macro_f1 is None else f"{found.macro_f1:.3f}"
        row["Calibration error"] = "" if found.ece is None else f"{found.ece:.3f}"
    if run.validation_accuracy is not None:
        # The number of the table of runs.
        row["Best on validation"] = f"{percent(run.validation_accuracy)} (epoch {run.progress.best_epoch})"
    return row | {
        "Training time": duration(run.progress.seconds) if run.progress.seconds else "",
        "Parameters": "" if facts is None else f"{facts.parameters / 1e6:.1f} M",
        "Faces": counted(found.n, "face") if found and found.n else "",
        "Data": run.progress.data,
    }


def to_dict(runs: Sequence[RunSummary], comparison: RunComparison) -> dict[str, Any]:
    """Return what `fer runs compare --json` prints: rates are fractions of 1."""
    return {
        "runs": [_run_dict(run) for run in runs],
        "best": comparison.best,
        "tests": [
            {
                "first": comparison.best,
                "second": rival.run_id,
                "accuracy_first": comparison.accuracy,
                "accuracy_second": rival.accuracy,
                "only_first": rival.test.only_first,
                "only_second": rival.test.only_second,
                "mcnemar_p": rival.test.p_value,
            }
            for rival in comparison.rivals
        ],
        "untested": comparison.untested,
        "settings": differing_settings(runs),
    }


def _run_dict(run: RunSummary) -> dict[str, Any]:
    found = results_of(run)
    facts = NETWORK_FACTS.get(run.progress.network)
    return {
        "id": run.id,
        "name": run.name,
        "data": run.progress.data,
        "seconds": run.progress.seconds,
        "parameters": None if facts is None else facts.parameters,
        "results": None if found is None else dataclasses.asdict(found),
    }


def unique_names(runs: Sequence[RunSummary]) -> dict[str, str]:
    """Return a name for each run by its id; runs with the same name get the end of their id."""
    count = Counter(run.name for run in runs)
    return {run.id: run.name if count[run.name] == 1 else f"{run.name} ({run.id[-4:]})" for run in runs}


def differing_settings(runs: Sequence[RunSummary]) -> dict[str, list[str]]:
    """Return the settings that aren't the same in all runs: their names, and a value per run ('' if unreadable)."""
    configs: list[dict[str, Any]] = []
    for run in runs:
        try:
            config = store.read_config(run.id)
        except ConfigError:
            configs.append({})
            continue
        configs.append(dataclasses.asdict(config) | {name: ", ".join(getattr(config, name)) for name in MODELS})
    names = dict.fromkeys(name for config in configs for name in config)
    rows = {name: [str(config.get(name, "")) for config in configs] for name in names}
    return {name: row for name, row in rows.items() if len(set(row)) > 1}


def compare_runs(runs: Sequence[RunSummary]) -> RunComparison:
    """Find the best of several runs and test it against the others by their stored predictions."""
    stored = {run.id: found for run in runs if (found := read_predictions(run.id)) is not None}
    common = Counter(found.faces for found in stored.values()).most_common(1)
    together = {run_id: found for run_id, found in stored.items() if found.faces == common[0][0]}
    untested = {run.id: _why_not(run, stored.get(run.id), together) for run in runs if run.id not in together}
    if len(together) < 2:
        reasons = {run_id: _measured_on(found) for run_id, found in together.items()}
        return RunComparison(None, 0.0, "", (), reasons | untested)
    right = {run_id: found.right(found.own) for run_id, found in together.items()}
    best, *others = sorted(right, key=lambda run_id: -right[run_id].sum())
    rivals = []
    for other in others:
        test = mcnemar(right[best], right[other])
        # Bonferroni: the more runs the best one is tested against, the likelier one of them looks worse by chance.
        corrected = dataclasses.replace(test, p_value=min(1.0, test.p_value * len(others)))
        rivals.append(Rival(other, float(right[other].mean()), corrected))
    (label, count), *_ = Counter(together[best].labels).most_common(1)
    return RunComparison(
        best,
        float(right[best].mean()),
        _faces(together[best]),
        tuple(rivals),
        untested,
        EMOTIONS[label],
        count / len(together[best]),
    )


def _faces(found: RunPredictions) -> str:
    return f"{counted(len(found), 'face')} of the {found.split} split of {found.data}"


def _measured_on(found: RunPredictions) -> str:
    return f"was measured on the {_faces(found)}"


def _why_not(run: RunSummary, found: RunPredictions | None, together: dict[str, RunPredictions]) -> str:
    if found is not None:
        return f"{_measured_on(found)}, which are other faces"
    if not run.has_bundle:
        return "has no model yet"
    return "ended before runs stored their predictions"


def in_words(comparison: RunComparison, names: dict[str, str]) -> list[str]:
    """Return which run is better and whether that is more than chance, a sentence for each statement.

    Args:
        comparison: the comparison.
        names: the names of the runs by id.
    """
    said = []
    if comparison.best is not None:
        said.append(
            f"'{names[comparison.best]}' is right on {percent(comparison.accuracy)} of the {comparison.faces}."
            if comparison.rivals[0].accuracy == comparison.accuracy
            else f"'{names[comparison.best]}' is right most often: on {percent(comparison.accuracy)} of the "
            f"{comparison.faces}."
        )
        said += [_against(rival, names[rival.run_id], len(comparison.rivals)) for rival in comparison.rivals]
        said += _below_most_frequent(comparison, names)
    for run_id, reason in comparison.untested.items():
        said.append(f"'{names[run_id]}' can't be tested against the others: it {reason}.")
    return said


def _below_most_frequent(comparison: RunComparison, names: dict[str, str]) -> list[str]:
    """Return a sentence if always answering the most frequent class would beat a run."""
    reached = [(comparison.best, comparison.accuracy), *((rival.run_id, rival.accuracy) for rival in comparison.rivals)]
    below = [
        f"'{names[run_id]}'" for run_id, accuracy in reached if run_id and accuracy < comparison.most_frequent_share
    ]
    if not below:
        return []
    which = "every run" if len(below) == len(reached) else listed(below)
    return [
        f"Always answering '{comparison.most_frequent}', the most frequent class, would be right on "
        f"{percent(comparison.most_frequent_share)} of these faces: more often than {which}."
    ]


def _against(rival: Rival, name: str, n_rivals: int) -> str:
    corrected = f", corrected for {n_rivals} comparisons" if n_rivals > 1 else ""
    test = f"McNemar's exact test on the same faces, {p_in_words(rival.test.p_value)}{corrected}"
    if rival.test.significant:
        return f"That is significantly better than '{name}' with {percent(rival.accuracy)} ({test})."
    return f"The difference from '{name}' with {percent(rival.accuracy)} may be chance ({test})."
