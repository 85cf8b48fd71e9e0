"""Import models: each is checked and tried in its own process before it can be used.

An untrusted file is opened by two large C++ libraries. If one of them crashes, the dashboard must survive. Keras
files can contain code, so they are never opened.
"""

import math
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from fer import paths
from fer.errors import BundleError, RunError, shortened
from fer.recognition import current
from fer.recognition.bundle import BUNDLE_FILE, ONNX_FILE, Bundle, load_bundle, with_current_names
from fer.recognition.reported_metrics import SPLITS
from fer.runs import layout
from fer.runs.serving import slug
from fer.storage import files
from fer.storage.processes import run_to_end
from fer.storage.values import ValuesError, cleaned, is_number, parse_object
from fer.text import MB

MAX_ONNX_BYTES: Final = 100 * MB
MAX_JSON_BYTES: Final = MB
_IMPORTED: Final = "imported"
_CHECK_SECONDS: Final = 120
_LOCK: Final = ".importing.lock"
_MAX_TEXT: Final = 200


@dataclass(frozen=True)
class ImportedModel:
    """An imported model: its name, and its folder with `model.onnx` and `bundle.json`."""

    name: str
    path: Path


def import_model(onnx_data: bytes, bundle_json: bytes, name: str) -> ImportedModel:
    """Import a model, if it passes every check.

    Args:
        onnx_data: the ONNX file.
        bundle_json: its bundle.json.
        name: the model's name.

    Raises:
        BundleError: it is too large, invalid, or not a network for this program; nothing is kept.
        RunError: it can't be written, or the name is taken.
    """
    for size, limit, what in (
        (len(onnx_data), MAX_ONNX_BYTES, ONNX_FILE),
        (len(bundle_json), MAX_JSON_BYTES, BUNDLE_FILE),
    ):
        if size > limit:
            raise BundleError(
                f"{what} has {math.ceil(10 * size / MB) / 10:.1f} MB; at most {limit // MB} MB are accepted."
            )
    called = slug(name)
    if not called:
        raise BundleError("The model needs a name with a letter or a digit; give it one.")
    target = paths.runs_dir() / _IMPORTED / called
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # One import at a time, so that any partial folder belongs to an import that was killed.
        with FileLock(paths.runs_dir() / _LOCK, timeout=_CHECK_SECONDS, is_singleton=False):
            files.remove_parts(target.parent)
            if (target / layout.BUNDLE).exists():
                raise RunError(f"A model called '{called}' exists already; choose another name, or delete it first.")
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=".", suffix=files.PART) as place:
                folder = Path(place) / called / layout.BUNDLE
                folder.mkdir(parents=True)
                (folder / ONNX_FILE).write_bytes(onnx_data)
                files.write_json(folder / BUNDLE_FILE, _cleaned(bundle_json), durable=True)
                _check(folder, called)
                shutil.rmtree(target, ignore_errors=True)
                files.rename(folder.parent, target)
    except Timeout as error:
        raise RunError("Another model is being imported; try again when that is done.") from error
    except OSError as error:
        raise RunError(f"The model can't be written ({error.strerror}); make room and try again.") from error
    return ImportedModel(called, target / layout.BUNDLE)


def list_imported() -> list[ImportedModel]:
    """Return the imported models, by name."""
    folders = sorted((paths.runs_dir() / _IMPORTED).glob(f"[!.]*/{layout.BUNDLE}"))
    return [ImportedModel(folder.parent.name, folder) for folder in folders]


def use_imported(name: str) -> Bundle:
    """Use an imported model on every page.

    Raises:
        RunError: there is no model of this name.
        BundleError: it was damaged since its import.
    """
    model = _find(name)
    current.use_bundle(model.path)
    return load_bundle(model.path)


def delete_imported(name: str) -> None:
    """Delete an imported model.

    Raises:
        RunError: there is no model of this name, or it is in use.
    """
    model = _find(name)
    if current.current_bundle_path().resolve() == model.path.resolve():
        raise RunError(f"The model '{name}' is in use; put another one to use before deleting it.")
    shutil.rmtree(model.path.parent, ignore_errors=True)


def _find(name: str) -> ImportedModel:
    for model in list_imported():
        if model.name == name:
            return model
    raise RunError(f"There is no imported model called '{name}'.")


def _cleaned(bundle_json: bytes) -> dict[str, Any]:
    """Return the bundle.json with only the fields that this program reads and one file, the imported ONNX model."""
    try:
        values = with_current_names(cleaned(parse_object(bundle_json)))
        served = values["files"][values["served"]]["sha256"]
        # Loading the bundle compares these with what this program does, and refuses anything else.
        description: dict[str, Any] = {
            name: values[name] for name in ("labels", "input", "crop", "temperature", "confidence_threshold")
        }
    except (ValuesError, KeyError, TypeError) as error:
        raise BundleError(
            f"{BUNDLE_FILE} isn't that of a model bundle ({shortened(str(error))}); take both files from the same "
            "bundle."
        ) from error
    if not isinstance(served, str) or not re.fullmatch(r"[0-9a-f]{64}", served):
        raise BundleError(f"{BUNDLE_FILE} doesn't say the SHA-256 of the served file; export the bundle again.")
    # Without them the model would be too confident of poor images and have no sets of classes.
    description |= {name: values[name] for name in ("quality", "sets") if values.get(name) is not None}
    for name in ("data", "network", "versions"):
        description[name] = _scalars(values.get(name))
    description["metrics"] = _metrics(values.get("metrics"))
    return {**description, "served": ONNX_FILE, "files": {ONNX_FILE: {"sha256": served}}}


def _scalars(values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        return {}
    short = {key[:_MAX_TEXT]: value[:_MAX_TEXT] if isinstance(value, str) else value for key, value in values.items()}
    return {key: value for key, value in short.items() if isinstance(value, (str, int, float))}


def _metrics(values: Any) -> dict[str, Any]:
    """Return the metrics of each split, and the split that the model was calibrated on."""
    given = values if isinstance(values, dict) else {}
    metrics: dict[str, Any] = {
        split: {key: value for key, value in _scalars(given[split]).items() if is_number(value, 0, 1)}
        for split in SPLITS
        if split in given
    }
    calibrated_on = given.get("calibrated_on")
    return metrics | ({"calibrated_on": calibrated_on} if calibrated_on in SPLITS else {})


def _check(folder: Path, name: str) -> None:
    """Check a bundle: what it says of itself here, which starts no process, and then its network in a process.

    Raises:
        BundleError: the check failed, or its process crashed.
    """
    try:
        load_bundle(folder)
        _check_apart(folder)
    except BundleError as error:
        # The folder of the check is temporary, so its path means nothing to the user.
        raise BundleError(str(error).replace(str(folder), name)) from error


def _check_apart(folder: Path) -> None:
    try:
        command = [sys.executable, "-m", "fer.runs.bundle_check", str(folder)]
        done = run_to_end(command, cwd=paths.PROGRAM, seconds=_CHECK_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"Checking the model took more than {_CHECK_SECONDS} s; it isn't used.") from error
    if done.returncode == 0:
        return
    said = done.stdout.strip().splitlines()
    if done.returncode != 1 or not said:
        raise BundleError("The model crashed the process that checked it, so it isn't used.")
    raise BundleError(said[-1])
