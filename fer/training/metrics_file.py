"""Write `metrics.csv` and `best.json` of a run from its state."""

import math

from fer.runs import layout
from fer.runs.curves import METRICS_COLUMNS
from fer.runs.session import RunSession
from fer.storage import files
from fer.training.checkpoints import TrainingState


def write_metrics(session: RunSession, state: TrainingState) -> None:
    """Replace metrics.csv and best.json by the state's content. Writing whole files can't double or lose a row."""
    lines = [",".join(METRICS_COLUMNS)]
    lines += [",".join(_text(name, row.get(name, math.nan)) for name in METRICS_COLUMNS) for row in state.history]
    files.write_text(session.folder / layout.METRICS, "\n".join(lines) + "\n")
    if state.best is not None:
        best = {"epoch": state.best.epoch, "accuracy": state.best.accuracy, "confusion": state.best.confusion}
        files.write_json(session.folder / layout.BEST, best)


def _text(name: str, value: float) -> str:
    if name == "epoch":
        return f"{value:.0f}"
    return "" if math.isnan(value) else f"{value:.8g}"
