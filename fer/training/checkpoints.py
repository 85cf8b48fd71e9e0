"""Checkpoints of a run: a folder each, which is there as a whole or not at all.

Keras's own BackupAndRestore writes in place and keeps neither the callbacks' state nor the best score. Here a folder is
written beside, flushed to the disk and renamed; two are kept, and one that is damaged gives way to the one before.
"""

import json
import os
import re
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import keras
import numpy as np
import numpy.typing as npt

from fer.errors import RunError
from fer.storage.files import PART, flush, remove_parts, sha256_of, sync_folder

KEPT: Final = 2
_STATE, _VARIABLES, _BEST, _SUMS = "state.json", "variables.npz", "best.npz", "sums.json"
_NAME: Final = re.compile(r"\d{5}-\d{7}")

Arrays = list[npt.NDArray[Any]]


@dataclass(frozen=True)
class Best:
    """The epoch that is kept: its number from 1, its accuracy on validation, its (7, 7) confusion matrix."""

    epoch: int
    accuracy: float
    confusion: list[list[int]]


@dataclass(frozen=True)
class TrainingState:
    """Where a run is, beside the values of its variables.

    What is random follows from (the run's seed, epoch, batch); early stopping and the schedule follow from the history
    and the optimizer's count of steps, which is one of its variables.

    Attributes:
        epoch: epochs completed.
        batch: steps done of the next one.
        history: a row an epoch, as in metrics.csv.
        best: None before the first epoch's end.
        seconds: spent on training; epoch_seconds: of these, on the steps of the next epoch.
        data: the digest of what it trains and is judged on; '' in checkpoints of versions before this one.
        models: the hashes of the models that it learns from beside the data, as `models_digest` gives them.
        n_train: images that it trains on.
        epoch_loss, epoch_accuracy: means over the steps of the next epoch.
    """

    epoch: int = 0
    batch: int = 0
    epoch_seconds: float = 0.0
    epoch_loss: float = 0.0
    epoch_accuracy: float = 0.0
    history: tuple[dict[str, float], ...] = ()
    best: Best | None = None
    seconds: float = 0.0
    data: str = ""
    models: str = ""
    n_train: int = 0

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The state that `dataclasses.asdict` made."""
        best = values["best"]
        return cls(
            epoch=int(values["epoch"]),
            batch=int(values["batch"]),
            epoch_seconds=float(values["epoch_seconds"]),
            epoch_loss=float(values["epoch_loss"]),
            epoch_accuracy=float(values["epoch_accuracy"]),
            history=tuple(values["history"]),
            best=None if best is None else Best(**best),
            seconds=float(values["seconds"]),
            data=str(values.get("data", "")),
            models=str(values.get("models", "")),
            n_train=int(values.get("n_train", 0)),
        )


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint that was read and whose digests agree.

    Attributes:
        path: its folder.
        state: where the run was.
        variables: by kind ('network', 'optimizer'), the values in Keras's order.
    """

    path: Path
    state: TrainingState
    variables: dict[str, Arrays] = field(repr=False)

    @property
    def best_file(self) -> Path | None:
        """The best epoch's weights, as `load_weights` reads them; None before the first epoch's end."""
        return self.path / _BEST if self.state.best else None

    def restore(self, network: keras.Model) -> None:
        """Give a compiled network its weights, its random state and its optimizer's state.

        Raises:
            RunError: the network is not the one that was saved.
        """
        network.optimizer.build(network.trainable_variables)
        _assign(network.variables, self.variables["network"])
        _assign(network.optimizer.variables, self.variables["optimizer"])


def _assign(variables: Sequence[Any], values: Arrays) -> None:
    if [tuple(variable.shape) for variable in variables] != [value.shape for value in values]:
        raise RunError(
            "The checkpoint was written by another version of the program and does not fit its network; start a new "
            "run with the same settings."
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def write_checkpoint(folder: Path, network: keras.Model, state: TrainingState, new_best: Arrays | None) -> Path:
    """Write a checkpoint and remove all but the newest two.

    Args:
        folder: of the checkpoints.
        network: compiled, as it trains (not the average of its weights).
        state: where the run is.
        new_best: the weights of the best epoch, where this one is it; else those of the checkpoint before stay.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    folder.mkdir(exist_ok=True)
    previous = _names(folder)
    target = folder / f"{state.epoch:05d}-{state.batch:07d}"
    part = folder / f".{target.name}{PART}"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        _fill(part, network, state, new_best, previous[-1] if previous else None)
        sync_folder(part)
        # Written again after a resume: the same place of the same run.
        shutil.rmtree(target, ignore_errors=True)
        part.rename(target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    sync_folder(folder)
    for old in _names(folder)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def _fill(
    part: Path, network: keras.Model, state: TrainingState, new_best: Arrays | None, previous: Path | None
) -> None:
    kinds = {"network": network.variables, "optimizer": network.optimizer.variables}
    values = {
        f"{kind}_{index:04d}": np.asarray(keras.ops.convert_to_numpy(variable))
        for kind, variables in kinds.items()
        for index, variable in enumerate(variables)
    }
    with (part / _VARIABLES).open("wb") as file:
        np.savez(file, **values)  # type: ignore[arg-type]  # the stubs take the names for savez's own arguments
        flush(file)
    if new_best is not None:
        with (part / _BEST).open("wb") as file:
            np.savez(file, *new_best)
            flush(file)
    elif previous is not None and (previous / _BEST).is_file():
        # The same bytes under a second name; they stay when the older checkpoint goes.
        try:
            os.link(previous / _BEST, part / _BEST)
        except OSError:
            shutil.copy2(previous / _BEST, part / _BEST)
    _write_json(part / _STATE, asdict(state))
    _write_json(part / _SUMS, {file.name: sha256_of(file) for file in sorted(part.iterdir())})


def newest_checkpoint(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint that is whole, and a sentence about each newer one that is not and was removed.

    Args:
        folder: of the checkpoints; it may not exist.
    """
    if folder.is_dir():
        remove_parts(folder)
    complaints: list[str] = []
    for path in reversed(_names(folder)):
        try:
            return _read(path), complaints
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            complaints.append(f"the checkpoint {path.name} is damaged ({error}) and was removed")
            # Left there, it would be taken for the one before the next.
            shutil.rmtree(path, ignore_errors=True)
    return None, complaints


def _read(path: Path) -> Checkpoint:
    sums = json.loads((path / _SUMS).read_text(encoding="utf-8"))
    for name, digest in sums.items():
        if sha256_of(path / name) != digest:
            raise ValueError(f"{name} has changed")
    state = TrainingState.from_dict(json.loads((path / _STATE).read_text(encoding="utf-8")))
    if state.best is not None and _BEST not in sums:
        raise ValueError(f"{_BEST} is missing")
    variables: dict[str, Arrays] = {"network": [], "optimizer": []}
    with np.load(path / _VARIABLES, allow_pickle=False) as stored:
        for name in stored.files:
            variables[name.rpartition("_")[0]].append(stored[name])
    return Checkpoint(path, state, variables)


def _names(folder: Path) -> list[Path]:
    """The checkpoints of a folder, the newest last."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def _write_json(path: Path, values: Any) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(values, file)
        flush(file)


def _flush(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
