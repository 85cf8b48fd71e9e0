"""Checkpoints of a run. Each is a folder that exists completely or not at all.

Keras's own BackupAndRestore overwrites files in place and saves neither the state of callbacks nor the best score. Here
a folder is written under another name, flushed to the disk and renamed. The newest two are kept; if one is damaged, the
one before is used.
"""

import json
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
from fer.storage.files import PART, flush, link_or_copy, remove_parts, rename, sha256_of, sync_folder

KEPT: Final = 2
_STATE, _VARIABLES, _BEST, _SUMS = "state.json", "variables.npz", "best.npz", "sums.json"
_NAME: Final = re.compile(r"\d{5}-\d{7}")

Arrays = list[npt.NDArray[Any]]


@dataclass(frozen=True)
class Best:
    """The best epoch.

    Attributes:
        epoch: its number, from 1.
        accuracy: its validation accuracy, 0..1.
        confusion: its (7, 7) confusion matrix.
        log_loss: its log loss on the validation and held-out images; None in a checkpoint of an earlier version.
    """

    epoch: int
    accuracy: float
    confusion: list[list[int]]
    log_loss: float | None = None


@dataclass(frozen=True)
class TrainingState:
    """The progress of a run, without the values of its variables.

    Random numbers depend only on (seed, epoch, batch). Early stopping depends on the history, and the learning rate on
    the optimizer's step count, which is one of its variables.

    Attributes:
        epoch: completed epochs.
        batch: completed steps of the current epoch.
        epoch_seconds: seconds spent on these steps.
        epoch_loss, epoch_accuracy: means over these steps.
        history: the rows of metrics.csv.
        best: the best epoch, or None before the first epoch is complete.
        seconds: seconds spent on the whole run.
        data: the digest of the training and validation data, from `Parts.digest`.
        models: the hashes of the models that the run learns from, from `models_digest`.
        n_train: number of training images.
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
        """Return the state that `dataclasses.asdict` described."""
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
            data=str(values["data"]),
            models=str(values["models"]),
            n_train=int(values["n_train"]),
        )


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A checkpoint whose files match their digests.

    Attributes:
        path: its folder.
        state: the progress of the run.
        variables: values by kind ('network', 'optimizer'), in Keras's order.
    """

    path: Path
    state: TrainingState
    variables: dict[str, Arrays] = field(repr=False)

    @property
    def best_file(self) -> Path | None:
        """Return the file of the best epoch's weights, or None before the first epoch is complete."""
        return self.path / _BEST if self.state.best else None

    def restore(self, network: keras.Model) -> None:
        """Restore the weights, the random state and the optimizer of a compiled network.

        Raises:
            RunError: the checkpoint belongs to another network.
        """
        network.optimizer.build(network.trainable_variables)
        _assign(network.variables, self.variables["network"])
        _assign(network.optimizer.variables, self.variables["optimizer"])


def _assign(variables: Sequence[Any], values: Arrays) -> None:
    if [tuple(variable.shape) for variable in variables] != [value.shape for value in values]:
        raise RunError(
            "The checkpoint was written by another version of this program for another network; start a new run with "
            "the same settings."
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def write_checkpoint(folder: Path, network: keras.Model, state: TrainingState, new_best: Arrays | None) -> Path:
    """Write a checkpoint and remove all but the newest two.

    Args:
        folder: the folder of all checkpoints.
        network: the compiled network, with the weights it trains on (not their moving average).
        state: the progress of the run.
        new_best: the best weights if this epoch is the best; None keeps those of the previous checkpoint.

    Returns:
        The folder of the new checkpoint.

    Raises:
        OSError: the checkpoint can't be written; older ones stay.
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
        # A resumed run can write the same checkpoint again.
        shutil.rmtree(target, ignore_errors=True)
        rename(part, target)
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
        np.savez(file, **values)  # type: ignore[arg-type]  # the stubs mistake the names for savez's own arguments
        flush(file)
    if new_best is not None:
        with (part / _BEST).open("wb") as file:
            np.savez(file, *new_best)
            flush(file)
    elif previous is not None and (previous / _BEST).is_file():
        # A second name for the same bytes, which stay when the older checkpoint is removed.
        link_or_copy(previous / _BEST, part / _BEST)
    _write_json(part / _STATE, asdict(state))
    _write_json(part / _SUMS, {file.name: sha256_of(file) for file in sorted(part.iterdir())})


def newest_checkpoint(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """Return the newest intact checkpoint, and a sentence about each damaged one that was removed.

    Args:
        folder: the folder of all checkpoints; it may not exist.
    """
    if folder.is_dir():
        remove_parts(folder)
    complaints: list[str] = []
    for path in reversed(_names(folder)):
        try:
            return _read(path), complaints
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            complaints.append(f"the checkpoint {path.name} is damaged ({error}) and was removed")
            # Otherwise it would take the place of an intact one when old checkpoints are removed.
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
    """Return the checkpoints of a folder, the newest last."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def _write_json(path: Path, values: Any) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(values, file)
        flush(file)
