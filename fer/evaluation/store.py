"""Store evaluations under `FER_HOME/evaluations`, so that nothing is computed twice.

    choices/KEY.json     a source with its files as they are now: the key of its faces and the origin of each face
    faces/KEY.npz        the faces, so that a result can be shown without reading a large CSV again
    results/KEY/         one model on these faces: evaluation.json, probabilities.npy and, if measured, robustness.json
    locks/KEY            held by the process that reads the faces of a source or computes a result
    jobs/                see `fer.evaluation.job`

Every file is replaced atomically. If a file of the source changes, its choice gets another key; another model or other
faces give another result. Entries that are no longer used can be deleted by hand at any time.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np
from filelock import FileLock, Timeout
from msgspec import Meta

from fer.datasets.faces import VOTE_COLUMNS, FaceDataset
from fer.datasets.readings import Rejection
from fer.errors import EvaluationError
from fer.evaluation import keys
from fer.evaluation.evaluation_result import EvaluationResult, ModelInfo
from fer.evaluation.evaluation_set import EvaluationSet
from fer.evaluation.job import running_jobs
from fer.evaluation.latest import evaluations_dir
from fer.evaluation.metrics import Predictions
from fer.evaluation.robustness import TRANSFORMS, RobustnessRow
from fer.storage.arrays import load_array, load_arrays
from fer.storage.files import PART, Signature, disk_use, read_json, replacing, signature, write_json
from fer.storage.schema import Seconds, Text, fitting, read_object
from fer.storage.values import ValuesError, require_time

# A part file that hasn't changed for this long belongs to a process that was killed.
_ORPHAN_SECONDS: Final = 10
Stamp = tuple[Signature, Signature | None]


class _Choice(msgspec.Struct):
    """A choice as it is stored. The pattern of `faces` makes sure that it names a file in the folder of faces."""

    faces: Annotated[str, Meta(pattern="^[0-9a-f]{8,64}$")]
    name: Text
    split: Text
    origins: tuple[Text, ...]
    left_out: tuple[tuple[Text, Text], ...] = ()
    synthetic: bool = False
    derived: bool = False
    photos: bool = False
    detector: Text = ""
    undivided: bool = False


class StoreError(EvaluationError):
    """Nothing can be stored under `FER_HOME/evaluations`."""


@contextmanager
def alone(key: str, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Lock a task that only one process may do at a time. The lock of a process that ends is released.

    Args:
        key: identifies the task.
        on_wait: called once if another process holds the lock.

    Raises:
        StoreError: the evaluations folder can't be written.
    """
    file = evaluations_dir() / "locks" / key
    with _writing():
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(file, is_singleton=False)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            on_wait()
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def save_evaluation_set(choice: str, evaluation_set: EvaluationSet) -> None:
    """Store the faces of a choice. The same faces from another file are stored only once.

    Raises:
        StoreError: the evaluations folder can't be written.
    """
    faces = evaluation_set.faces
    votes = np.empty((0, len(VOTE_COLUMNS)), np.uint8) if faces.votes is None else faces.votes
    doubted = np.empty(0, np.bool_) if faces.doubted is None else faces.doubted
    about = {
        "faces": evaluation_set.key,
        "name": faces.name,
        "synthetic": faces.synthetic,
        "split": evaluation_set.split,
        "derived": evaluation_set.derived,
        "photos": evaluation_set.photos,
        "detector": evaluation_set.detector,
        "undivided": evaluation_set.undivided,
        "origins": evaluation_set.origins,
        "left_out": [[item.where, item.reason] for item in evaluation_set.left_out],
    }
    with _writing():
        # Always replace the file: the caller couldn't read it, so it is missing or damaged.
        _faces_file(evaluation_set.key).parent.mkdir(parents=True, exist_ok=True)
        with replacing(_faces_file(evaluation_set.key)) as stream:
            np.savez(
                stream, images=faces.images, labels=faces.labels, splits=faces.splits, votes=votes, doubted=doubted
            )
        _choice_file(choice).parent.mkdir(parents=True, exist_ok=True)
        write_json(_choice_file(choice), about)


def known_faces(choice: str) -> str | None:
    """Return the key of a choice's faces, or None if they aren't stored."""
    try:
        key = fitting(read_object(_choice_file(choice)), _Choice).faces
    except (FileNotFoundError, ValuesError):
        return None
    return key if _faces_file(key).is_file() else None


def find_evaluation_set(choice: str) -> EvaluationSet | None:
    """Return the faces of a choice, or None if they aren't stored or are damaged."""
    try:
        about = fitting(read_object(_choice_file(choice)), _Choice)
        stored = load_arrays(_faces_file(about.faces))
        faces = FaceDataset(
            name=about.name,
            images=stored["images"],
            labels=stored["labels"],
            splits=stored["splits"],
            votes=stored["votes"] if len(stored["votes"]) else None,
            synthetic=about.synthetic,
            doubted=stored["doubted"].astype(np.bool_) if len(stored.get("doubted", ())) else None,
        )
        left_out = tuple(Rejection(where, reason) for where, reason in about.left_out)
        evaluation_set = EvaluationSet(
            faces,
            about.split,
            about.origins,
            left_out,
            about.derived,
            about.photos,
            about.detector,
            about.undivided,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # The file name is the key already, and computing it again is slow for many faces.
    evaluation_set.__dict__["key"] = about.faces
    return evaluation_set


def save_result(result: EvaluationResult) -> None:
    """Store one model's result, with robustness if it was measured.

    Raises:
        StoreError: the evaluations folder can't be written.
    """
    folder = _result_dir(result.model.hash, result.data.key)
    about = {
        "model": asdict(result.model),
        "data": asdict(result.data),
        "n": result.metrics.n,
        "accuracy": result.metrics.accuracy,
        "seconds": result.predictions.seconds,
        "made": result.made,
        "version": result.version,
    }
    with _writing():
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / "probabilities.npy") as stream:
            np.save(stream, result.predictions.probabilities)
        # Written after the probabilities: without this file, a folder isn't a result.
        write_json(folder / "evaluation.json", about)
        if result.robustness is not None:
            write_json(folder / "robustness.json", {"rows": [asdict(row) for row in result.robustness]})


def load_result(model_hash: str, evaluation_set: EvaluationSet) -> EvaluationResult | None:
    """Return one model's result on these faces, or None if it isn't stored or is damaged."""
    folder = _result_dir(model_hash, evaluation_set.key)
    about = read_json(folder / "evaluation.json")
    try:
        probabilities = load_array(folder / "probabilities.npy")
        if not np.isfinite(probabilities).all():
            return None
        seconds, faces = fitting(about["seconds"], Seconds), evaluation_set.faces
        predictions = Predictions(faces.labels, probabilities, seconds, faces.doubted)
        model = fitting(about["model"], ModelInfo)
        made = about["made"]
        require_time("made", made)
        version = fitting(about.get("version", ""), Text)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    result = EvaluationResult.of(model, evaluation_set, predictions, made=made, version=version)
    rows = _robustness(folder)
    return result if rows is None else result.with_robustness(rows)


def result_stamp(model_hash: str, data_key: str) -> Stamp | None:
    """Return a stamp that changes when a model's result on these faces is replaced; None if there is no result.

    It consists of the signatures of the result and of its robustness (None if not measured), and reads no content.
    """
    folder = _result_dir(model_hash, data_key)
    result = signature(folder / "evaluation.json")
    return (result, signature(folder / "robustness.json")) if result else None


def disk_bytes() -> int:
    """Return the disk space of all evaluations."""
    return disk_use(evaluations_dir())


def delete_all() -> None:
    """Delete every stored evaluation, except the folder of a running job, which still writes its results."""
    # Deleting a lock while it is held would let two processes do the same task. Locks are empty files.
    spared = [evaluations_dir() / "locks", *(job.folder for job in running_jobs())]
    for path in [*evaluations_dir().glob("jobs/*"), *evaluations_dir().glob("*")]:
        if not any(one.is_relative_to(path) for one in spared):
            shutil.rmtree(path, ignore_errors=True)


def sweep() -> None:
    """Remove the half-written files of processes that were killed."""
    for part in evaluations_dir().rglob(f".*{PART}"):
        # Another process may have finished and renamed it.
        with suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > _ORPHAN_SECONDS:
                part.unlink()


def _robustness(folder: Path) -> tuple[RobustnessRow, ...] | None:
    values = read_json(folder / "robustness.json")
    try:
        rows = tuple(RobustnessRow.from_dict(value) for value in values["rows"])
    except (KeyError, TypeError, ValueError):
        return None
    # Another version measured other corruptions.
    return rows if [row.label for row in rows] == [transform.label for transform in TRANSFORMS] else None


def _choice_file(choice: str) -> Path:
    return evaluations_dir() / "choices" / f"{choice}.json"


def _faces_file(key: str) -> Path:
    return evaluations_dir() / "faces" / f"{key}.npz"


def _result_dir(model_hash: str, data_key: str) -> Path:
    return evaluations_dir() / "results" / keys.result_key(model_hash, data_key)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{evaluations_dir()} can't be written: {error.strerror or error}. Free some disk space, or set FER_HOME "
            "to another folder."
        ) from error
