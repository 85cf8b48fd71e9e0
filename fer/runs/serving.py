"""Putting a run's model to use: checked, copied, then named as the model in use.

What serves is a copy. Neither resuming a run, which writes its model anew, nor deleting it changes what people see.
"""

import re
import shutil
from pathlib import Path
from typing import Final

import numpy as np

from fer import paths
from fer.arrays import SIDE
from fer.errors import BundleError, RunError
from fer.recognition import current
from fer.recognition.bundle import Bundle, load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.runs import layout, store
from fer.storage import files

PARITY_FILE: Final = "parity.json"
# Largest difference of a logit between the network that was trained and the file that is served.
PARITY: Final = 1e-4
_PARITY_FACES: Final = 16
_MODELS: Final = "models"
_ORIGIN: Final = "origin.json"


def parity_batch() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The fixed faces, (16, 48, 48, 1) uint8, on which a trained network and its exported file are compared."""
    return np.random.default_rng(0).integers(0, 256, (_PARITY_FACES, SIDE, SIDE, 1), dtype=np.uint8)


def use_run(run_id: str) -> Bundle:
    """Serve a run's best model on every page, and return it as it is served.

    Raises:
        RunError: there is no such run, it has no model yet, or the disk has no room for its copy.
        BundleError: the model is damaged, or does not compute what was trained; the model in use stays.
    """
    run = store.read_run(run_id)
    if not run.has_bundle:
        raise RunError(f"The run {run_id} has no model yet; it is written when the run ends or is stopped.")
    bundle = load_bundle(run.folder / layout.BUNDLE)
    check_parity(bundle)
    copy = _copy(bundle, slug(run.name) or run_id, run_id)
    _put_to_use(copy)
    return copy


def use_shipped() -> None:
    """Go back to the shipped model."""
    current.use_shipped()
    _prune(keep=set())


def run_in_use() -> str | None:
    """The id of the run whose model is in use; None for the shipped one, or one from elsewhere."""
    run_id = files.read_json(current.current_bundle_path().parent / _ORIGIN).get("run")
    return run_id if isinstance(run_id, str) else None


def shipped_in_use() -> bool:
    """Whether the model in use is the shipped one."""
    return current.current_bundle_path() == paths.SHIPPED_BUNDLE


def check_parity(bundle: Bundle) -> None:
    """See that the served file computes what the trained network did, on this machine.

    Raises:
        BundleError: it does not, or nothing tells what the network computed.
    """
    try:
        expected = np.asarray(files.read_json(bundle.path / PARITY_FILE).get("logits", []), np.float64)
    except (ValueError, TypeError):  # rows of different lengths, text
        expected = np.empty(0)
    if expected.ndim != 2:
        raise BundleError(
            f"Nothing tells what the network in '{bundle.path}' computed before its export, so that it cannot be "
            "checked; resume the run, or train it again."
        )
    logits = EmotionClassifier(bundle).logits(parity_batch())
    if logits.shape != expected.shape or not np.abs(logits - expected).max() <= PARITY:
        raise BundleError(
            f"The served file in '{bundle.path}' computes something else than the network that was trained, and is "
            "not used; train it again, and report it with the run's log."
        )


def _copy(bundle: Bundle, name: str, run_id: str) -> Bundle:
    """A copy of a bundle under the name that pages will show, sharing its bytes where the disk can.

    It is made beside: whatever happens meanwhile, the model in use is there, this one under another name as well.
    """
    target = paths.runs_dir() / _MODELS / bundle.hash / name
    part = target.with_name(f".{name}{files.PART}")
    try:
        if not _is_whole(target / layout.BUNDLE):
            shutil.rmtree(part, ignore_errors=True)
            (part / layout.BUNDLE).mkdir(parents=True)
            for file in sorted(bundle.path.iterdir()):
                if file.is_file():
                    files.link_or_copy(file, part / layout.BUNDLE / file.name)
            files.replace_folder(part, target)
        files.write_json(target / _ORIGIN, {"run": run_id})
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise RunError(f"The model cannot be copied ({error.strerror}); make room and try again.") from error
    return load_bundle(target / layout.BUNDLE)


def _is_whole(folder: Path) -> bool:
    try:
        load_bundle(folder)
    except BundleError:
        return False
    return True


def _put_to_use(bundle: Bundle) -> None:
    before = current.current_bundle_path()
    current.use_bundle(bundle.path)
    # A page may still be loading the one before.
    _prune(keep={before, bundle.path})


def _prune(keep: set[Path]) -> None:
    kept = {path.resolve() for path in keep}
    models = paths.runs_dir() / _MODELS
    for folder in (*models.glob("*/*"), *models.glob("*")):
        if not any(path.is_relative_to(folder.resolve()) for path in kept):
            shutil.rmtree(folder, ignore_errors=True)


def slug(name: str) -> str:
    """A name as a folder's name: letters, digits, dots and dashes, of at most 60 characters."""
    return re.sub(r"[^\w.]+", "-", name, flags=re.ASCII).strip("-.")[:60]
