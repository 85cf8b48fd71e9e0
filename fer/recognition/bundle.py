"""A model bundle: a folder with `model.onnx`, `model.keras` and `bundle.json`, checked when it is opened."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

from fer.datasets.faces import SIDE
from fer.emotions import EMOTIONS
from fer.errors import BundleError

BUNDLE_FILE: Final = "bundle.json"
ONNX_FILE: Final = "model.onnx"
KERAS_FILE: Final = "model.keras"
INPUT: Final = {"name": "images", "shape": [None, SIDE, SIDE, 1], "dtype": "uint8", "range": [0, 255]}
# The square round a detector's box whose side is this share of the box's: see `fer.vision.crops`.
CROP: Final = {"side": SIDE, "scale": {"haar": 1.0, "yunet": 1.1}, "border": "replicate", "color": "gray"}


@dataclass(frozen=True)
class Bundle:
    """What `bundle.json` says of a model, and where it lies.

    Attributes:
        path: the folder.
        labels: the classes in the order of the logits; always `EMOTIONS`.
        input: name, shape, dtype and range of what the network takes.
        crop: how a face is cut out for it.
        temperature: what logits are divided by before softmax, above 0.
        unsure_below: confidence in 0..1 under which the model is 'not sure'.
        served: the name of the ONNX file that is served.
        files: by file name, {'sha256': hexadecimal digest}.
        data: what it was trained on: name, fingerprint, splits, and whether it was synthetic.
        metrics: figures, each under the split it was measured on.
        versions: the libraries that trained and exported it.
        network: name, parameters and multiply-adds of the network.
    """

    path: Path
    labels: tuple[str, ...] = EMOTIONS
    input: dict[str, Any] = field(default_factory=lambda: dict(INPUT))
    crop: dict[str, Any] = field(default_factory=lambda: dict(CROP))
    temperature: float = 1.0
    unsure_below: float = 0.0
    served: str = ONNX_FILE
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)

    @property
    def served_file(self) -> Path:
        """The ONNX file that is served."""
        return self.path / self.served

    @cached_property
    def hash(self) -> str:
        """Sixteen hexadecimal digits that change with the served weights, the temperature or the threshold."""
        served = self.files[self.served]["sha256"]
        text = f"{served} {self.temperature} {self.unsure_below} {self.crop}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """What people call it: the shipped model's folder, or the run it came from."""
        return self.path.parent.name if self.path.name == "bundle" else self.path.name

    def to_dict(self) -> dict[str, Any]:
        """The content of `bundle.json`."""
        values = asdict(self)
        del values["path"]
        values["labels"] = list(self.labels)
        return values

    @classmethod
    def from_dict(cls, path: Path, values: dict[str, Any]) -> Self:
        """The bundle that `to_dict` wrote, not yet checked against its files."""
        known = {name: values[name] for name in cls.__dataclass_fields__ if name != "path" and name in values}
        return cls(path=path, **{**known, "labels": tuple(values["labels"])})


def write_bundle(bundle: Bundle) -> Bundle:
    """Write `bundle.json` beside the models, with the digests of all model files, whole or not at all.

    Returns:
        The bundle as `load_bundle` would give it.
    """
    files = {
        file.name: {"sha256": sha256_of(file)}
        for file in sorted(bundle.path.iterdir())
        if file.suffix in (".onnx", ".keras")
    }
    values = {**bundle.to_dict(), "files": files}
    part = bundle.path / (BUNDLE_FILE + ".part")
    with part.open("w", encoding="utf-8") as file:
        file.write(json.dumps(values, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(bundle.path / BUNDLE_FILE)
    return load_bundle(bundle.path)


def load_bundle(path: str | Path) -> Bundle:
    """Open a bundle and check that it is whole and fits this program.

    Raises:
        BundleError: it is missing or damaged, or its labels, input or a file's hash do not fit; the message says which.
    """
    folder = Path(path)
    file = folder / BUNDLE_FILE
    if not file.is_file():
        raise BundleError(f"There is no model in '{folder}': expected a folder with {BUNDLE_FILE}; choose another one.")
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        bundle = Bundle.from_dict(folder, values)
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise BundleError(f"{file} cannot be read ({error}); copy the bundle again or choose another model.") from error
    _check(bundle)
    return bundle


def _check(bundle: Bundle) -> None:
    name = f"The model in '{bundle.path}'"
    if bundle.labels != EMOTIONS:
        raise BundleError(f"{name} has the labels {', '.join(bundle.labels)}; expected {', '.join(EMOTIONS)}.")
    if [bundle.input.get(key) for key in ("shape", "dtype")] != [INPUT["shape"], INPUT["dtype"]]:
        raise BundleError(f"{name} takes the input {bundle.input}; expected uint8 faces of {SIDE} x {SIDE} x 1.")
    if not (isinstance(bundle.temperature, (int, float)) and bundle.temperature > 0):
        raise BundleError(f"{name} has the temperature {bundle.temperature}; expected a number above 0.")
    if not (isinstance(bundle.unsure_below, (int, float)) and 0 <= bundle.unsure_below <= 1):
        raise BundleError(f"{name} is unsure below {bundle.unsure_below}; expected a number in 0..1.")
    if bundle.served not in bundle.files:
        raise BundleError(f"{name} serves '{bundle.served}', which its list of files does not name; export it again.")
    for file_name, expected in bundle.files.items():
        file = bundle.path / file_name
        if file.parent != bundle.path or not file.is_file():
            raise BundleError(f"{name} lacks its file '{file_name}'; copy the bundle again.")
        if sha256_of(file) != expected.get("sha256"):
            raise BundleError(f"{name} has a changed '{file_name}': its hash does not fit; copy the bundle again.")


def sha256_of(file: Path) -> str:
    """The hexadecimal SHA-256 of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
