"""Models from elsewhere: checked and tried in a process of its own before they can be used.

A file of a stranger is opened by two large C++ libraries; what they do with it must not happen to the dashboard. Keras
files can hold code and are never opened.
"""

import json
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
from fer.errors import BundleError, RunError
from fer.recognition import current
from fer.recognition.bundle import BUNDLE_FILE, ONNX_FILE, Bundle, load_bundle, with_current_names
from fer.runs import layout
from fer.runs.serving import slug
from fer.storage import files

MAX_ONNX_BYTES: Final = 100_000_000
MAX_JSON_BYTES: Final = 1_000_000
_IMPORTED: Final = "imported"
_CHECK_SECONDS: Final = 120
_LOCK: Final = ".importing.lock"
_MAX_TEXT: Final = 200
# Beyond, a number is none that a page could show.
_MAX_NUMBER: Final = 1e15


@dataclass(frozen=True)
class ImportedModel:
    """A model from elsewhere: its name, and its folder with `model.onnx` and `bundle.json`."""

    name: str
    path: Path


def import_model(onnx_data: bytes, bundle_json: bytes, name: str) -> ImportedModel:
    """Take a model from elsewhere, if it passes every check.

    Args:
        onnx_data: the ONNX file.
        bundle_json: its bundle.json.
        name: what it will be called.

    Raises:
        BundleError: it is too large, not what it says, or not a network for this program; nothing is kept.
        RunError: it cannot be written, or the name is taken.
    """
    for size, limit, what in (
        (len(onnx_data), MAX_ONNX_BYTES, ONNX_FILE),
        (len(bundle_json), MAX_JSON_BYTES, BUNDLE_FILE),
    ):
        if size > limit:
            raise BundleError(f"{what} has {size / 1e6:.0f} MB; at most {limit / 1e6:.0f} MB are taken.")
    called = slug(name)
    if not called:
        raise BundleError("The model needs a name with a letter or a digit; give it one.")
    target = paths.runs_dir() / _IMPORTED / called
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # One at a time, so that what lies half written is of one that was killed.
        with FileLock(paths.runs_dir() / _LOCK, timeout=_CHECK_SECONDS, is_singleton=False):
            files.remove_parts(target.parent)
            if (target / layout.BUNDLE).exists():
                raise RunError(f"There is a model called '{called}' already; choose another name, or delete it first.")
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=".", suffix=files.PART) as place:
                folder = Path(place) / called / layout.BUNDLE
                folder.mkdir(parents=True)
                (folder / ONNX_FILE).write_bytes(onnx_data)
                files.write_json(folder / BUNDLE_FILE, _cleaned(bundle_json), durable=True)
                _check_apart(folder, called)
                shutil.rmtree(target, ignore_errors=True)
                folder.parent.rename(target)
    except Timeout as error:
        raise RunError("Another model is being brought in; try again when that is done.") from error
    except OSError as error:
        raise RunError(f"The model cannot be written ({error.strerror}); make room and try again.") from error
    return ImportedModel(called, target / layout.BUNDLE)


def list_imported() -> list[ImportedModel]:
    """The models from elsewhere, by name."""
    folders = sorted((paths.runs_dir() / _IMPORTED).glob(f"[!.]*/{layout.BUNDLE}"))
    return [ImportedModel(folder.parent.name, folder) for folder in folders]


def use_imported(name: str) -> Bundle:
    """Serve a model from elsewhere on every page.

    Raises:
        RunError: there is none of this name.
        BundleError: it was damaged since it was taken.
    """
    model = _find(name)
    current.use_bundle(model.path)
    return load_bundle(model.path)


def delete_imported(name: str) -> None:
    """Delete a model from elsewhere.

    Raises:
        RunError: there is none of this name, or it is in use.
    """
    model = _find(name)
    if current.current_bundle_path().resolve() == model.path.resolve():
        raise RunError(f"The model '{name}' is in use; put another one to use before deleting it.")
    shutil.rmtree(model.path.parent, ignore_errors=True)


def _find(name: str) -> ImportedModel:
    for model in list_imported():
        if model.name == name:
            return model
    raise RunError(f"There is no model called '{name}' from elsewhere.")


def _cleaned(bundle_json: bytes) -> dict[str, Any]:
    """The description with what this program reads, of the types it reads, and one file: the ONNX that came with it."""
    try:
        values = with_current_names(json.loads(bundle_json))
        served = values["files"][values["served"]]["sha256"]
        cleaned: dict[str, Any] = {
            "labels": [str(label)[:_MAX_TEXT] for label in values["labels"]],
            "temperature": float(values["temperature"]),
            "confidence_threshold": float(values["confidence_threshold"]),
        }
        # Input and crop are compared with what this program does; anything else is refused there.
        cleaned |= {name: dict(values[name]) for name in ("input", "crop")}
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise BundleError(
            f"{BUNDLE_FILE} is not that of a model bundle ({type(error).__name__}: {error}); "
            "take both files from the same bundle."
        ) from error
    if not isinstance(served, str) or not re.fullmatch(r"[0-9a-f]{64}", served):
        raise BundleError(f"{BUNDLE_FILE} does not say the SHA-256 of the served file; export the bundle again.")
    for name in ("data", "network", "versions"):
        cleaned[name] = _scalars(values.get(name))
    metrics = values.get("metrics")
    cleaned["metrics"] = (
        {split: _figures(metrics.get(split)) for split in ("train", "validation", "test")}
        if isinstance(metrics, dict)
        else {}
    )
    return {**cleaned, "served": ONNX_FILE, "files": {ONNX_FILE: {"sha256": served}}}


def _scalars(values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        return {}
    return {str(key)[:_MAX_TEXT]: _scalar(value) for key, value in values.items() if _is_scalar(value)}


def _is_scalar(value: Any) -> bool:
    # A whole number has no largest, and NaN compares as False.
    return isinstance(value, str) or (isinstance(value, (int, float)) and abs(value) <= _MAX_NUMBER)


def _scalar(value: Any) -> Any:
    return value[:_MAX_TEXT] if isinstance(value, str) else value


def _figures(values: Any) -> dict[str, float]:
    return {key: value for key, value in _scalars(values).items() if isinstance(value, float) and 0 <= value <= 1}


def _check_apart(folder: Path, name: str) -> None:
    """Check a bundle in a process of its own.

    Raises:
        BundleError: what that process says, or that it died of it.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "fer.runs.bundle_check", str(folder)],
            cwd=paths.PROGRAM,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_CHECK_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"Checking the model took more than {_CHECK_SECONDS} s; it is not used.") from error
    if done.returncode == 0:
        return
    said = done.stdout.strip().splitlines()
    if done.returncode != 1 or not said:
        raise BundleError("The program that tried the model died of it; it is not used.")
    # The folder of the check means nothing to the user, and is gone.
    raise BundleError(said[-1].replace(str(folder), name))
