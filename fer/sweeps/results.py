"""The results of a sweep: mean and spread over seeds of each combination of values, and its curves."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import pandas as pd

from fer.comparing.runs import results_of
from fer.runs import curves
from fer.runs.progress import FINISHED
from fer.runs.store import RunSummary
from fer.storage.schema import Seconds, fitting
from fer.storage.values import ValuesError
from fer.sweeps.attendance import runs_by_training
from fer.sweeps.job import PlannedPoint, SweepJob
from fer.text import counted, duration, percent

# What a table has for each combination of values, with its heading.
METRICS: Final = {"accuracy": "Accuracy", "macro_f1": "Macro F1", "log_loss": "Log loss", "seconds": "Time"}


@dataclass(frozen=True)
class Spread:
    """Values of one metric over seeds.

    Attributes:
        values: one per seed, at least one.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Return their mean."""
        return statistics.fmean(self.values)

    @property
    def sd(self) -> float | None:
        """Return their sample standard deviation (n - 1), or None for a single value."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    def to_dict(self) -> dict[str, Any]:
        """Return the spread as plain JSON values."""
        return {"mean": self.mean, "sd": self.sd, "values": list(self.values)}


@dataclass(frozen=True)
class PointResult:
    """What came of a combination of values.

    Attributes:
        words: the values in words; '' if nothing varies.
        planned: number of trainings.
        done: the runs that have finished.
        others: the runs that haven't.
        failures: why trainings failed, by seed.
        split: the split that the metrics were measured on; '' if nothing is done.
        metrics: by the names of `METRICS`; only those that all finished runs have.
    """

    words: str
    planned: int
    done: tuple[RunSummary, ...]
    others: tuple[RunSummary, ...]
    failures: dict[int, str]
    split: str
    metrics: dict[str, Spread]

    @property
    def best(self) -> float:
        """Return the mean accuracy for sorting; -1 without one."""
        return self.metrics["accuracy"].mean if "accuracy" in self.metrics else -1.0

    def to_dict(self) -> dict[str, Any]:
        """Return what `fer sweep --json` prints of it: rates are fractions of 1, the time is in seconds."""
        return {
            "settings": self.words,
            "trainings": self.planned,
            "done": len(self.done),
            "split": self.split or None,
            **{name: self.metrics[name].to_dict() if name in self.metrics else None for name in METRICS},
            "runs": [run.id for run in self.done],
            "failures": [{"seed": seed, "reason": reason} for seed, reason in self.failures.items()],
        }


def results_of_sweep(job: SweepJob, found: Mapping[str, RunSummary] | None = None) -> list[PointResult]:
    """Return the results of each combination of values, in their order; [] before the trainings are known.

    Args:
        job: the sweep.
        found: runs by training, if they were read already.
    """
    plan = job.plan()
    runs = runs_by_training() if found is None else found
    failures = job.failures()
    return [] if plan is None else [_point(point, runs, failures) for point in plan.points]


def _point(point: PlannedPoint, runs: Mapping[str, RunSummary], failures: Mapping[str, str]) -> PointResult:
    own = [runs[one.identity] for one in point.trainings if one.identity in runs]
    done = tuple(run for run in own if run.state == FINISHED)
    finished = {run.origin.training for run in done}
    measured = [_measured(run) for run in done]
    splits = {str(values["split"]) for values in measured if values}
    return PointResult(
        words=point.words,
        planned=len(point.trainings),
        done=done,
        others=tuple(run for run in own if run.state != FINISHED),
        failures={
            one.seed: failures[one.identity]
            for one in point.trainings
            if one.identity in failures and one.identity not in finished
        },
        split=splits.pop() if len(splits) == 1 else "",
        metrics=_spreads(measured) if not splits else {},
    )


class _Report(msgspec.Struct):
    """What a run's report says that isn't among its results."""

    seconds: Seconds


class _Split(msgspec.Struct):
    log_loss: float


def _measured(run: RunSummary) -> dict[str, Any]:
    results = results_of(run)
    if results is None:
        return {}
    report = curves.read_report(run.id)
    values: dict[str, Any] = {"split": results.split, "accuracy": results.accuracy, "macro_f1": results.macro_f1}
    values["log_loss"] = _field(report.get("metrics", {}).get(results.split), _Split, lambda found: found.log_loss)
    values["seconds"] = _field(report, _Report, lambda found: found.seconds)
    return values


def _field(values: Any, kind: Any, get: Callable[[Any], float]) -> float | None:
    try:
        return get(fitting(values, kind))
    except ValuesError:
        return None


def _spreads(measured: Sequence[Mapping[str, Any]]) -> dict[str, Spread]:
    found = {}
    for name in METRICS:
        values = [one.get(name) for one in measured]
        if values and None not in values:
            found[name] = Spread(tuple(float(value) for value in values if value is not None))
    return found


def cells(point: PointResult) -> dict[str, str]:
    """Return the row of a combination of values in a table, by heading: mean ± SD over its seeds."""
    show: dict[str, Callable[[Spread], str]] = {
        "accuracy": lambda spread: _with_sd(spread, lambda value: percent(value).removesuffix(" %"), " %"),
        "macro_f1": lambda spread: _with_sd(spread, "{:.3f}".format),
        "log_loss": lambda spread: _with_sd(spread, "{:.3f}".format),
        "seconds": lambda spread: duration(spread.mean),
    }
    row = {"Settings": point.words or "the same"}
    for name, heading in METRICS.items():
        row[heading] = show[name](point.metrics[name]) if name in point.metrics else ""
    row["Done"] = f"{len(point.done)} of {point.planned}"
    if point.failures:
        row["Done"] += f", {len(point.failures)} failed"
    return row


def _with_sd(spread: Spread, show: Callable[[float], str], unit: str = "") -> str:
    sd = "" if spread.sd is None else f" ± {show(spread.sd)}"
    return f"{show(spread.mean)}{sd}{unit}"


def caption(points: Sequence[PointResult]) -> str:
    """Return what the numbers of a table are, in one sentence; '' if there are none."""
    splits = sorted({point.split for point in points if point.split})
    if not splits:
        return ""
    most = max(len(point.done) for point in points)
    what = f"mean ± standard deviation over {most} seeds" if most > 1 else "one seed, so no spread is known"
    return f"On the {splits[0]} split: {what}. Time: mean of the training alone, without loading and export."


def curve(point: PointResult, column: str) -> pd.DataFrame:
    """Return a metric by epoch over the seeds of a combination: columns epoch, mean, sd (NaN for one seed) and n.

    Finished runs count, or all if none has finished, up to the epoch that each of them has reached.

    Args:
        point: the combination.
        column: a column of `fer.runs.curves.METRICS_COLUMNS`.
    """
    found = [curves.read_metrics(run.id) for run in point.done or point.others]
    tables = [table.set_index("epoch")[column] for table in found if len(table)]
    if not tables:
        return pd.DataFrame(columns=["epoch", "mean", "sd", "n"])
    together = pd.concat(tables, axis=1, join="inner").sort_index()
    return pd.DataFrame(
        {
            "epoch": together.index,
            "mean": together.mean(axis=1).to_numpy(),
            "sd": together.std(axis=1, ddof=1).to_numpy(),
            "n": len(tables),
        }
    )


def to_dict(job: SweepJob, points: Sequence[PointResult]) -> dict[str, Any]:
    """Return what `fer sweep --json` prints."""
    request, progress = job.find_request(), job.progress()
    return {
        "sweep": job.id,
        "name": None if request is None else request.name,
        "state": None if progress is None else progress.state,
        "error": None if progress is None else progress.error,
        "settings": [point.to_dict() for point in points],
    }


def in_words(points: Sequence[PointResult]) -> str:
    """Return how many trainings are done and failed: '5 of 6 trainings done, 1 failed'."""
    done, failed = sum(len(point.done) for point in points), sum(len(point.failures) for point in points)
    total = sum(point.planned for point in points)
    text = f"{done} of {counted(total, 'training')} done"
    return f"{text}, {failed} failed" if failed else text
