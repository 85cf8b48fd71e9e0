"""Read the results of a run: its curves, its best epoch, its report."""

import io
import math
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
import pandas as pd
from msgspec import Meta

from fer.emotions import EMOTIONS, N_EMOTIONS
from fer.errors import ConfigError
from fer.runs import layout
from fer.runs.progress import Progress
from fer.runs.small_files import Notes
from fer.runs.store import read_config
from fer.storage.files import read_json
from fer.storage.open_files import read_plain
from fer.storage.schema import Count, Share, fitting, read_object
from fer.storage.values import ValuesError

# A run has a thousand epochs at most.
_MAX_EPOCHS: Final = 10_000
_Row = Annotated[list[Count], Meta(min_length=N_EMOTIONS, max_length=N_EMOTIONS)]

METRICS_COLUMNS: Final = (
    "epoch",
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "learning_rate",
    "seconds",
    *(f"accuracy_{emotion}" for emotion in EMOTIONS),
)


def read_metrics(run_id: str) -> pd.DataFrame:
    """Return the curves of a run: a row per epoch, with the columns `METRICS_COLUMNS` as numbers.

    The table is empty before the first epoch is complete. Invalid values are NaN; rows without an epoch are left out.
    """
    try:
        text = read_plain(layout.run_folder(run_id) / layout.METRICS).decode("utf-8")
        found = pd.read_csv(io.StringIO(text), dtype=str, index_col=False, nrows=_MAX_EPOCHS, on_bad_lines="skip")
    except (OSError, ValueError):  # pandas' EmptyDataError and ParserError are ValueErrors
        found = pd.DataFrame()
    columns = {name: found[name].map(_number) if name in found else pd.Series(dtype=float) for name in METRICS_COLUMNS}
    numbers = pd.DataFrame(columns).astype(float).replace([float("inf"), float("-inf")], float("nan"))
    whole = numbers[numbers["epoch"].between(1, _MAX_EPOCHS)].reset_index(drop=True)
    return whole.astype({"epoch": int})


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


@dataclass(frozen=True)
class BestEpoch:
    """The best epoch: its number from 1, its validation accuracy, and its confusion matrix.

    Attributes:
        confusion: (7, 7) counts. Rows: true class. Columns: predicted class.
    """

    epoch: Count
    accuracy: Share
    confusion: Annotated[list[_Row], Meta(min_length=N_EMOTIONS, max_length=N_EMOTIONS)]


def read_best(run_id: str) -> BestEpoch | None:
    """Return the best epoch so far; None before the first epoch is complete, or if its file is damaged."""
    try:
        return fitting(read_object(layout.run_folder(run_id) / layout.BEST), BestEpoch)
    except (FileNotFoundError, ValuesError):
        return None


def read_report(run_id: str) -> dict[str, Any]:
    """Return the report of an ended run, described in docs/training.md; {} before that.

    Splits whose numbers are damaged are left out.
    """
    report = read_json(layout.run_folder(run_id) / layout.REPORT)
    metrics = report.get("metrics")
    if not isinstance(metrics, dict) or not isinstance(report.get("data", {}), dict):
        return {}
    return report | {"metrics": {name: value for name, value in metrics.items() if _is_shown(value)}}


class _SplitReport(msgspec.Struct):
    """The metrics of a split that pages show."""

    accuracy: Share
    n: Count
    macro_f1: Share
    ece: Share
    accuracy_interval: tuple[Share, Share] | None = None


def _is_shown(value: Any) -> bool:
    if not isinstance(value, dict):
        return isinstance(value, str)
    try:
        fitting(value, _SplitReport)
    except ValuesError:
        return False
    return value.get("accuracy_interval", ()) is not None


def damaged_files(run_id: str) -> list[str]:
    """Return a sentence for each damaged file of a run."""
    folder = layout.run_folder(run_id)
    kinds: dict[str, type[Any]] = {
        layout.PROGRESS: Progress,
        layout.NOTES: Notes,
        layout.BEST: BestEpoch,
        layout.REPORT: _Report,
    }
    found = []
    for name, kind in kinds.items():
        try:
            fitting(read_object(folder / name), kind)
        except FileNotFoundError:
            continue
        except ValuesError as error:
            found.append(f"{name} is damaged ({error}), and isn't shown.")
    try:
        read_config(run_id)
    except ConfigError as error:
        found.append(str(error))
    return found


class _Report(msgspec.Struct):
    """The parts of a report that are checked."""

    metrics: dict[str, _SplitReport | str]
    data: dict[str, Any] = {}
