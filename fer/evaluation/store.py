"""What was evaluated stays under `FER_HOME/evaluations`, so that nothing is computed twice.

    choices/KEY.json     a source as its files are now: the key of its faces, and where each came from
    faces/KEY.npz        the faces themselves, so that a result is shown without reading a large CSV again
    results/KEY/         one model on them: evaluation.json, probabilities.npy, robustness.json where it was measured
    locks/KEY            held by the process that reads a source's faces or computes a result
    jobs/                see `fer.evaluation.job`

Every file appears whole or not at all. A changed file of the source makes another choice, a changed model or other
faces another result; what belongs to none any more can be deleted by hand at any time.
"""

import hashlib
import json
import os
import shutil
import stat
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from filelock import FileLock, Timeout

from fer.datasets.faces import VOTE_COLUMNS, FaceDataset
from fer.datasets.readers.votes import is_votes_name
from fer.datasets.readings import Rejection
from fer.datasets.store.corrections import corrections_file
from fer.datasets.store.loading import SYNTHETIC
from fer.datasets.store.storage import is_stored
from fer.errors import EvaluationError
from fer.evaluation.evaluation_result import EvaluationResult, ModelInfo
from fer.evaluation.evaluation_set import EvaluationSet, Source
from fer.evaluation.job import running_jobs
from fer.evaluation.latest import evaluations_dir
from fer.evaluation.metrics import Predictions
from fer.evaluation.robustness import TRANSFORMS, RobustnessRow
from fer.storage.files import PART, Signature, disk_use, read_json, replacing, signature, write_json

# Part of every key: a change of what is stored or how it is computed makes old results unknown, not wrong.
_FORMAT: Final = 3
# What is being written changes more often than this; an older part belongs to a process that was ended.
_ORPHAN_SECONDS: Final = 10
Stamp = tuple[Signature, Signature | None]


class StoreError(EvaluationError):
    """Nothing can be kept under `FER_HOME/evaluations`."""


def choice_key(source: Source) -> str:
    """Names a source as its files are now: their names, sizes and times of change. It reads no image."""
    stamps = _stamps(source.path)
    if source.votes:
        stamps += _stamps(source.votes)
    return _key("choice", {**source.to_dict(), "files": stamps})


def _stamps(path: str) -> list[list[Any]]:
    if path == SYNTHETIC:
        return []
    root = Path(path).resolve()
    if root.is_dir():
        files = sorted(Path(folder) / name for folder, _, names in os.walk(root) for name in names)
        if is_stored(root):
            # A set is read with its own labels. What is to replace the corrections begins with their name.
            files = [file for file in files if not file.name.startswith(corrections_file(root).name)]
    else:
        files = [root, *sorted(file for file in root.parent.glob("*") if is_votes_name(file.name))]
    stamps = []
    for file in files:
        try:
            status = file.stat()
        except OSError:
            # There is none, or no longer.
            continue
        if stat.S_ISREG(status.st_mode):
            stamps.append([str(file), status.st_size, status.st_mtime_ns])
    return stamps


def result_key(model_hash: str, data_key: str) -> str:
    """Names one model's results on some faces."""
    return _key("result", [model_hash, data_key])


def _key(kind: str, content: Any) -> str:
    text = json.dumps([_FORMAT, kind, content], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


@contextmanager
def alone(key: str, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold what one process at a time may do, such as computing a result; whoever ends, ends holding it too.

    Args:
        key: names what is done.
        on_wait: called once where another process is at it.

    Raises:
        StoreError: the folder of evaluations cannot be written.
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
    """Keep the faces that a choice means; the same faces from another file are kept once.

    Raises:
        StoreError: the folder of evaluations cannot be written.
    """
    faces = evaluation_set.faces
    votes = np.empty((0, len(VOTE_COLUMNS)), np.uint8) if faces.votes is None else faces.votes
    about = {
        "faces": evaluation_set.key,
        "name": faces.name,
        "synthetic": faces.synthetic,
        "split": evaluation_set.split,
        "derived": evaluation_set.derived,
        "origins": evaluation_set.origins,
        "left_out": [[item.where, item.reason] for item in evaluation_set.left_out],
    }
    with _writing():
        # Whole or damaged, what is there is replaced: only who did not find the faces comes here.
        _faces_file(evaluation_set.key).parent.mkdir(parents=True, exist_ok=True)
        with replacing(_faces_file(evaluation_set.key)) as stream:
            np.savez(stream, images=faces.images, labels=faces.labels, splits=faces.splits, votes=votes)
        _choice_file(choice).parent.mkdir(parents=True, exist_ok=True)
        write_json(_choice_file(choice), about)


def known_faces(choice: str) -> str | None:
    """The key of the faces that a choice means; None where they are not kept."""
    key = read_json(_choice_file(choice)).get("faces")
    return key if isinstance(key, str) and _faces_file(key).is_file() else None


def find_evaluation_set(choice: str) -> EvaluationSet | None:
    """The faces that a choice means; None where they are not kept, or damaged."""
    about = read_json(_choice_file(choice))
    try:
        with np.load(_faces_file(about["faces"]), allow_pickle=False) as stored:
            faces = FaceDataset(
                name=about["name"],
                images=stored["images"],
                labels=stored["labels"],
                splits=stored["splits"],
                votes=stored["votes"] if len(stored["votes"]) else None,
                synthetic=about["synthetic"],
            )
        left_out = tuple(Rejection(where, reason) for where, reason in about["left_out"])
        evaluation_set = EvaluationSet(faces, about["split"], tuple(about["origins"]), left_out, about["derived"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
    # The file is named by the key, which takes a while to compute over many faces.
    evaluation_set.__dict__["key"] = about["faces"]
    return evaluation_set


def save_result(result: EvaluationResult) -> None:
    """Keep one model's results; the table of transforms too, where it is there.

    Raises:
        StoreError: the folder of evaluations cannot be written.
    """
    folder = _result_dir(result.model.hash, result.data.key)
    about = {
        "model": asdict(result.model),
        "data": asdict(result.data),
        "n": result.metrics.n,
        "accuracy": result.metrics.accuracy,
        "seconds": result.predictions.seconds,
        "made": result.made,
    }
    with _writing():
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / "probabilities.npy") as stream:
            np.save(stream, result.predictions.probabilities)
        # Written last: a folder without it is not yet a result.
        write_json(folder / "evaluation.json", about)
        if result.robustness is not None:
            write_json(folder / "robustness.json", {"rows": [asdict(row) for row in result.robustness]})


def load_result(model_hash: str, evaluation_set: EvaluationSet) -> EvaluationResult | None:
    """One model's results on these faces; None where there are none, or damaged ones."""
    folder = _result_dir(model_hash, evaluation_set.key)
    about = read_json(folder / "evaluation.json")
    try:
        probabilities = np.load(folder / "probabilities.npy", allow_pickle=False)
        predictions = Predictions(evaluation_set.faces.labels, probabilities, float(about["seconds"]))
        model = ModelInfo.from_dict(about["model"])
        made = str(about["made"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError):
        return None
    result = EvaluationResult.of(model, evaluation_set, predictions, made=made)
    rows = _robustness(folder)
    return result if rows is None else result.with_robustness(rows)


def result_stamp(model_hash: str, data_key: str) -> Stamp | None:
    """Tells one model's figures on these faces from those that replace them; None where there are none.

    The signatures of the figures and of the table of transforms, the second None where there is no table. It reads
    nothing.
    """
    folder = _result_dir(model_hash, data_key)
    figures = signature(folder / "evaluation.json")
    return (figures, signature(folder / "robustness.json")) if figures else None


def disk_bytes() -> int:
    """What all evaluations take on the disk."""
    return disk_use(evaluations_dir())


def delete_all() -> None:
    """Delete every kept evaluation; a job that runs meanwhile keeps its folder, and its results come anew."""
    # A lock that is deleted while it is held would let two processes do the same; they are empty files.
    spared = [evaluations_dir() / "locks", *(job.folder for job in running_jobs())]
    for path in [*evaluations_dir().glob("jobs/*"), *evaluations_dir().glob("*")]:
        if not any(one.is_relative_to(path) for one in spared):
            shutil.rmtree(path, ignore_errors=True)


def sweep() -> None:
    """Remove what a process that was ended had half written."""
    for part in evaluations_dir().rglob(f".*{PART}"):
        # It may have become whole meanwhile.
        with suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > _ORPHAN_SECONDS:
                part.unlink()


def _robustness(folder: Path) -> tuple[RobustnessRow, ...] | None:
    values = read_json(folder / "robustness.json")
    try:
        rows = tuple(RobustnessRow.from_dict(value) for value in values["rows"])
    except (KeyError, TypeError):
        return None
    # A table of other transforms was measured by another version.
    return rows if [row.label for row in rows] == [transform.label for transform in TRANSFORMS] else None


def _choice_file(choice: str) -> Path:
    return evaluations_dir() / "choices" / f"{choice}.json"


def _faces_file(key: str) -> Path:
    return evaluations_dir() / "faces" / f"{key}.npz"


def _result_dir(model_hash: str, data_key: str) -> Path:
    return evaluations_dir() / "results" / result_key(model_hash, data_key)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{evaluations_dir()} cannot be written ({error.strerror or error}); make room, or set FER_HOME to "
            "another folder."
        ) from error
