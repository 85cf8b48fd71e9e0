"""Folders of runs, made in milliseconds, and helpers for tests of running processes."""

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from fer import paths
from fer.comparing.predictions import Answers, RunPredictions
from fer.emotions import EMOTIONS
from fer.recognition.bundle import load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.runs import curves, layout, process, serving
from fer.runs.config import TrainConfig
from fer.runs.progress import Progress
from fer.storage import files
from tests.support.builders import make_bundle

FAKE_RUN = [sys.executable, "-m", "tests.support.fake_run"]


def write_run(
    number: int,
    config: TrainConfig | None = None,
    *,
    name: str = "a run",
    epochs_done: int = 0,
    bundle: bool | dict[str, Any] = False,
    **progress: Any,
) -> str:
    """Write the folder of a run that has ended, and return its id.

    Accuracy grows by a hundredth per epoch from 0.30, so the best epoch is the last. `bundle` may be values of
    the bundle.
    """
    config = config or TrainConfig(epochs=5)
    run_id = f"20260101-{number // 60:04d}{number % 60:02d}-{number:04x}"
    folder = paths.runs_dir() / run_id
    folder.mkdir(parents=True)
    (folder / layout.CONFIG).write_text(config.to_json())
    files.write_json(folder / layout.NOTES, {"name": name, "notes": ""})
    (folder / layout.LOG).write_text("the log of the run\n")
    if epochs_done:
        write_curves(folder, epochs_done)
        progress = {"epoch": epochs_done, "best_epoch": epochs_done, "best_accuracy": accuracy(epochs_done)} | progress
    if bundle:
        write_bundle(folder, **(bundle if isinstance(bundle, dict) else {}))
    values = {
        **{"state": "finished", "epochs": config.epochs, "started": 1_700_000_000.0 + number, "ended": 1.8e9},
        **{"network": config.network, "data": Path(config.data).name},
    }
    Progress(**(values | progress)).write(folder)
    return run_id


def accuracy(epoch: int) -> float:
    return 0.29 + 0.01 * epoch


def write_curves(folder: Path, epochs: int) -> None:
    lines = [",".join(curves.METRICS_COLUMNS)]
    for epoch in range(1, epochs + 1):
        values = [epoch, 2 / epoch, accuracy(epoch) + 0.1, 2.5 / epoch, accuracy(epoch), 0.001, 2.5]
        lines.append(",".join(str(value) for value in [*values, *(0.1 * (i + 1) for i in range(len(EMOTIONS)))]))
    files.write_text(folder / layout.METRICS, "\n".join(lines) + "\n")
    confusion = [[10 if row == column else 1 for column in range(7)] for row in range(7)]
    best = {"epoch": epochs, "accuracy": accuracy(epochs), "confusion": confusion}
    files.write_json(folder / layout.BEST, best)


def write_bundle(folder: Path, **values: Any) -> None:
    """Write a run's bundle with the network's logits for the fixed faces."""
    make_bundle(folder / layout.BUNDLE, **values)
    write_parity(folder)


def write_parity(folder: Path) -> None:
    """Write what the network of a run's bundle computed on the fixed faces."""
    bundle = load_bundle(folder / layout.BUNDLE)
    logits = EmotionClassifier(bundle).logits(serving.parity_batch())
    files.write_json(bundle.path / serving.PARITY_FILE, {"logits": logits.astype(float).tolist()})


def write_answers(
    run_id: str,
    right: Sequence[bool],
    *,
    confidence: float = 0.9,
    faces: str = "faces",
    in_use: tuple[str, Sequence[bool]] | None = None,
    n_sure: int | None = None,
    labels: Sequence[int] | None = None,
) -> None:
    """Write the predictions of a run: the true class where it is right, else the next one. By default, all are angry.

    `in_use` is the hash of another model, and where that is right. The run's model is sure of the first `n_sure` faces.
    """
    run = paths.runs_dir() / run_id
    bundle = load_bundle(run / layout.BUNDLE)
    labels = labels or [0] * len(right)
    models = [_answers(bundle.hash, right, labels, confidence, bundle.confidence_threshold)]
    if n_sure is not None:
        models[0].confidence[n_sure:] = [0.0] * (len(right) - n_sure)
    if in_use:
        models.append(_answers(*in_use, labels, confidence, 0.5))
    found = RunPredictions(faces, "greys", "test", list(labels), models)
    files.write_json(run / layout.PREDICTIONS, dataclasses.asdict(found))


def _answers(
    model_hash: str, right: Sequence[bool], labels: Sequence[int], confidence: float, threshold: float
) -> Answers:
    predicted = [label if one else (label + 1) % len(EMOTIONS) for label, one in zip(labels, right, strict=True)]
    return Answers(model_hash, predicted, [confidence] * len(right), threshold)


def wait_until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def stamp(folder: Path, owner: psutil.Process, **changes: Any) -> None:
    """Record a process as the run of a folder."""
    files.write_json(folder / layout.PROCESS, process.stamp_of(owner) | changes)


def change_progress(folder: Path, **changes: Any) -> None:
    dataclasses.replace(Progress.read(folder), **changes).write(folder)
