"""Use a run's model on all pages: check it, copy it, and make it the model in use.

Pages use the copy, so resuming or deleting the run doesn't change their results.
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
from fer.runs.store import RunSummary
from fer.storage import files

PARITY_FILE: Final = "parity.json"
# Largest difference between a logit of the trained network and of the exported model.
PARITY: Final = 1e-4
_PARITY_FACES: Final = 16
_MODELS: Final = "models"


def parity_batch() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the fixed images, (16, 48, 48, 1) uint8, to compare a network with its exported model on."""
    return np.random.default_rng(0).integers(0, 256, (_PARITY_FACES, SIDE, SIDE, 1), dtype=np.uint8)


def use_run(run_id: str) -> Bundle:
    """Use a run's best model on every page, and return the copy in use.

    Raises:
        RunError: there is no such run, it has no model yet, or the disk is full.
        BundleError: the model is damaged, or differs from the trained network; the model in use stays.
    """
    run = store.read_run(run_id)
    require_model(run)
    bundle = load_bundle(run.folder / layout.BUNDLE)
    check_parity(bundle)
    copy = _copy(bundle, slug(run.name) or run_id, run_id)
    _put_to_use(copy)
    return copy


def require_model(run: RunSummary) -> None:
    """Check that a run has a model.

    Raises:
        RunError: it has none yet.
    """
    if not run.has_bundle:
        raise RunError(f"The run {run.id} has no model yet; it gets one when it ends or is stopped.")


def use_shipped() -> None:
    """Use the shipped model again."""
    current.use_shipped()
    _prune(keep=set())


def run_in_use() -> str | None:
    """Return the id of the run whose model is in use; None for the shipped or an imported model."""
    run_id = files.read_json(current.current_bundle_path().parent / layout.ORIGIN).get("run")
    return run_id if isinstance(run_id, str) else None


def shipped_in_use() -> bool:
    """Return whether the shipped model is in use."""
    return current.current_bundle_path() == paths.SHIPPED_BUNDLE


def check_parity(bundle: Bundle) -> None:
    """Check that the exported model computes the same on this computer as the trained network did.

    Raises:
        BundleError: it doesn't, or the network's outputs are missing.
    """
    try:
        expected = np.asarray(files.read_json(bundle.path / PARITY_FILE).get("logits", []), np.float64)
    except (ValueError, TypeError):  # rows of different lengths, text
        expected = np.empty(0)
    if expected.ndim != 2:
        raise BundleError(
            f"The model in '{bundle.path}' can't be checked, because its {PARITY_FILE} is missing; resume the run, or "
            "train it again."
        )
    logits = EmotionClassifier(bundle).logits(parity_batch())
    if logits.shape != expected.shape or not np.abs(logits - expected).max() <= PARITY:
        raise BundleError(
            f"The exported model in '{bundle.path}' differs from the trained network, so it isn't used; train it "
            "again, and report it with the run's log."
        )


def _copy(bundle: Bundle, name: str, run_id: str) -> Bundle:
    """Copy a bundle to a folder with the name that pages show, by hard links if possible.

    The model in use is never touched, even if it is the same one under another name.
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
        files.write_json(target / layout.ORIGIN, {"run": run_id})
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise RunError(f"The model can't be copied ({error.strerror}); free some disk space and try again.") from error
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
    # A page may still be loading the previous one.
    _prune(keep={before, bundle.path})


def _prune(keep: set[Path]) -> None:
    kept = {path.resolve() for path in keep}
    models = paths.runs_dir() / _MODELS
    for folder in (*models.glob("*/*"), *models.glob("*")):
        if not any(path.is_relative_to(folder.resolve()) for path in kept):
            shutil.rmtree(folder, ignore_errors=True)


def slug(name: str) -> str:
    """Return a folder name for a name: letters, digits, dots and dashes, at most 60 characters."""
    return re.sub(r"[^\w.]+", "-", name, flags=re.ASCII).strip("-.")[:60]
