"""What travels between the machine of a sweep and its workers: faces and models there, runs back."""

import dataclasses
import io
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock

from fer import paths
from fer.datasets.faces import FaceDataset
from fer.datasets.readings import Reading
from fer.datasets.store.storage import describe, write_stored
from fer.errors import SweepError
from fer.recognition.bundle import BUNDLE_FILE, load_bundle
from fer.runs import control, layout, making
from fer.runs.progress import FINISHED, Progress
from fer.runs.serving import slug
from fer.runs.small_files import SweepOrigin
from fer.storage import files
from fer.sweeps.attendance import has_checkpoints, runs_of
from fer.sweeps.identity import Training
from fer.sweeps.job import sweeps_dir

# Large, and of use on the machine that trains only.
_STAYS: Final = (
    layout.CHECKPOINTS,
    layout.LOCK,
    layout.PROCESS,
    layout.STOP,
    layout.AWAITED,
    "distillation_targets.npz",
)
_CARGO: Final = "received"


@dataclass(frozen=True)
class Package:
    """A folder to send: what identifies it, its name, and its files by name."""

    key: str
    name: str
    files: Mapping[str, bytes]


def package_faces(key: str, faces: FaceDataset) -> Package:
    """Return faces as a stored dataset to send."""
    # A run is named after the last part of the path.
    name = slug(faces.name) or "faces"
    reading = Reading(faces, ("",) * len(faces), form="sweep")
    with tempfile.TemporaryDirectory(prefix="fer-sweep-") as folder:
        write_stored(Path(folder), reading, describe(reading, name, faces.name))
        return Package(key, name, {file.name: file.read_bytes() for file in Path(folder).iterdir()})


def package_model(key: str, folder: Path) -> Package:
    """Return a model to send.

    Raises:
        BundleError: it is missing or damaged.
    """
    bundle = load_bundle(folder)
    names = (BUNDLE_FILE, *bundle.files)
    return Package(key, slug(bundle.name) or "model", {name: (folder / name).read_bytes() for name in names})


def received(key: str) -> Path | None:
    """Return the folder of a package that this machine has, or None."""
    found = [folder for folder in (sweeps_dir() / _CARGO / key).glob("*/") if not folder.name.startswith(".")]
    return found[0] if found else None


def receive(package: Package) -> None:
    """Store a package on this machine, unless it has it.

    Raises:
        SweepError: the disk is full, or the folder can't be written.
    """
    target = sweeps_dir() / _CARGO / package.key / package.name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Several workers may share this folder.
        with FileLock(target.parent / layout.LOCK, is_singleton=False):
            if received(package.key) is not None:
                return
            part = target.with_name(f".{package.name}{files.PART}")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            for name, data in package.files.items():
                (part / name).write_bytes(data)
            files.rename(part, target)
    except OSError as error:
        raise SweepError(
            f"The data can't be stored in {target.parent} of a worker ({error.strerror}); make room there."
        ) from error


def pack_run(folder: Path) -> bytes:
    """Return the files of a run without its checkpoints, as an uncompressed tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for item in sorted(folder.iterdir()):
            if item.name not in _STAYS and not item.name.startswith("."):
                archive.add(item, item.name)
    return buffer.getvalue()


def unpack_run(data: bytes, run_id: str, training: Training, sweep: str) -> str:
    """Put a run that a worker has sent among the runs of this machine, and return its id.

    It replaces an earlier run of the same training that isn't finished. One that can continue here is replaced only if
    the new one has finished.

    Args:
        data: what `pack_run` returned.
        run_id: its id on the worker.
        training: the training, with the paths of this machine.
        sweep: the id of the sweep.

    Raises:
        SweepError: it can't be written.
        RunError: another run is being started, which takes too long.
    """
    runs = paths.runs_dir()
    part = runs / f".{run_id}{files.PART}"
    # Whoever starts or deletes a run removes incomplete folders, and may resume the one to replace.
    with control.changing_runs():
        try:
            part.mkdir()
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                archive.extractall(part, filter="data")
            files.write_text(part / layout.CONFIG, training.config.to_json() + "\n")
            files.write_json(part / layout.NOTES, {"name": training.name, "notes": ""})
            files.write_json(part / layout.SWEEP, dataclasses.asdict(SweepOrigin(training.identity, sweep)))
            run_id = _id_here(run_id, training, has_finished=Progress.read(part).state == FINISHED)
            files.replace_folder(part, runs / run_id)
        except (OSError, tarfile.TarError) as error:
            shutil.rmtree(part, ignore_errors=True)
            why = getattr(error, "strerror", None) or error
            raise SweepError(
                f"The run of '{training.name}' can't be written to {runs} ({why}). Make room and run the sweep again: "
                "the worker still has it."
            ) from error
    return run_id


def _id_here(run_id: str, training: Training, *, has_finished: bool) -> str:
    """Return the id of the run that one from a worker replaces, else its own, or a new one if that is taken."""
    for before in runs_of(training.identity):
        is_open = not before.active and before.state != FINISHED
        if is_open and (has_finished or not has_checkpoints(before)):
            return before.id
    return making.new_run_id() if (paths.runs_dir() / run_id).exists() else run_id
