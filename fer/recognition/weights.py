"""Choose the copy of a model that is served on this computer: float32, or int8 where that is as good and faster.

The choice is made once, from a measurement of at most a second, and kept in `FER_HOME/runs/weights.json`. The
environment variable FER_WEIGHTS overrules it.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

import onnxruntime
from filelock import FileLock

from fer import paths
from fer.errors import BundleError, shortened
from fer.recognition.bundle import ONNX_FILE, Bundle, load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.recognition.processor import processor
from fer.recognition.speed import Speeds, compare_speeds
from fer.storage.files import write_json
from fer.storage.schema import fitting, read_object
from fer.storage.values import ValuesError

VARIABLE: Final = "FER_WEIGHTS"
AUTO, FLOAT32, INT8 = "auto", "float32", "int8"
CHOICES: Final = (AUTO, FLOAT32, INT8)
# Of accuracy on the validation split, in 0..1.
MOST_LOST: Final = 0.003
_KEPT: Final = 50

_LOCK: Final = ".weights.lock"
# A measurement takes a second; a process that hangs must not stop the others.
_LOCK_SECONDS: Final = 10.0

_measuring: Final = Lock()
# What this process has measured and couldn't write to the file.
_measured: Final[dict[str, Speeds]] = {}


@dataclass(frozen=True)
class _Known:
    """The content of the file: speeds by processor, model and version of ONNX Runtime."""

    speeds: dict[str, Speeds] = field(default_factory=dict)


def bundle_to_serve(folder: str | Path, *, measure: bool = True, weights: str = "") -> Bundle:
    """Load a bundle as it is served on this computer.

    Args:
        folder: the bundle's folder.
        measure: whether to measure if that wasn't done before. Otherwise float32 is served until someone does.
        weights: 'float32' or 'int8' if the choice was made already; FER_WEIGHTS and measurements then don't count.
            A bundle without an int8 copy has no choice.

    Raises:
        BundleError: as for `load_bundle`, or FER_WEIGHTS has another value than 'auto', 'float32' or 'int8'.
    """
    bundle, wanted = load_bundle(folder), weights or wanted_weights()
    if bundle.int8 is None or wanted == FLOAT32 or bundle.served != ONNX_FILE:
        return bundle
    if wanted == INT8:
        return bundle.with_int8_served()
    if not loses_little(bundle):
        return bundle
    speeds = known_speeds(bundle) or (_measure(bundle) if measure else None)
    return bundle.with_int8_served() if speeds is not None and speeds.int8_is_faster else bundle


def wanted_weights() -> str:
    """Return FER_WEIGHTS, or 'auto' if it isn't set.

    Raises:
        BundleError: it has another value than 'auto', 'float32' or 'int8'; pages show it in the model's place.
    """
    wanted = os.environ.get(VARIABLE, "").strip().lower() or AUTO
    if wanted not in CHOICES:
        raise BundleError(f"{VARIABLE}: choose {AUTO}, {FLOAT32} or {INT8}. Received: {shortened(ascii(wanted))}.")
    return wanted


def loses_little(bundle: Bundle) -> bool:
    """Return whether the int8 copy is at most 0.3 points less accurate on the validation split, as the bundle says."""
    if bundle.int8 is None:
        return False
    exact, copy = (metrics.get("validation", {}).get("accuracy") for metrics in (bundle.metrics, bundle.int8.metrics))
    # Accuracies are stored with their rounding errors.
    return exact is not None and copy is not None and exact - copy <= MOST_LOST + 1e-9


def known_speeds(bundle: Bundle) -> Speeds | None:
    """Return what was measured for a bundle on this computer, or None."""
    key = _key(bundle)
    return _read().speeds.get(key) or _measured.get(key)


def _measure(bundle: Bundle) -> Speeds | None:
    """Measure and keep the speeds of both copies; None if the int8 copy can't be run."""
    with _measuring, _no_other_process():
        # Another thread or process may have measured while this one waited.
        speeds = known_speeds(bundle)
        if speeds is not None:
            return speeds
        try:
            float32, int8 = (EmotionClassifier(one, threads=1) for one in (bundle, bundle.with_int8_served()))
            speeds = compare_speeds(float32, int8)
        except BundleError:
            return None
        _keep(_key(bundle), speeds)
        return speeds


@contextmanager
def _no_other_process() -> Iterator[None]:
    """Let one process measure at a time, as two could find different copies faster."""
    with ExitStack() as stack:
        # Where FER_HOME can't be written, or has no locks, each process measures for itself.
        with suppress(OSError, NotImplementedError):
            _file().parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(_file().with_name(_LOCK), timeout=_LOCK_SECONDS, is_singleton=False)
            stack.enter_context(lock)
        yield


def _keep(key: str, speeds: Speeds) -> None:
    """Store a measurement, in this process if the file can't be written: the next process then measures again."""
    known = {**_read().speeds, key: speeds}
    try:
        write_json(_file(), asdict(_Known(dict(list(known.items())[-_KEPT:]))))
    except OSError:
        _measured[key] = speeds


def _read() -> _Known:
    """Return what the file says; nothing if it is missing or damaged."""
    try:
        return fitting(read_object(_file()), _Known)
    except (ValuesError, OSError):
        return _Known()


def _file() -> Path:
    return paths.runs_dir() / "weights.json"


def _key(bundle: Bundle) -> str:
    hashes = f"{bundle.hash} {bundle.with_int8_served().hash}"
    return f"{processor()}; {hashes}; ONNX Runtime {onnxruntime.__version__}"
