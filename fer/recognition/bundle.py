"""Read and write model bundles: folders with `model.onnx`, `model.keras` and `bundle.json`."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NoReturn, Self

from fer.arrays import SIDE
from fer.emotions import EMOTIONS
from fer.errors import BundleError, shortened
from fer.recognition.candidates import ClassSets
from fer.recognition.face_temperature import FaceTemperature
from fer.recognition.int8_copy import INT8_FILE, RANGES, Int8Copy
from fer.recognition.reported_metrics import reported_metrics
from fer.storage.files import sha256_of, write_text
from fer.storage.open_files import read_plain
from fer.storage.values import ValuesError, cleaned, is_number, parse_object

BUNDLE_FILE: Final = "bundle.json"
ONNX_FILE: Final = "model.onnx"
KERAS_FILE: Final = "model.keras"
INPUT: Final = {"name": "images", "shape": [None, SIDE, SIDE, 1], "dtype": "uint8", "range": [0, 255]}
# The square round a detector's box whose side is this share of the box's: see `fer.vision.crops`.
CROP: Final = {"side": SIDE, "scale": {"haar": 1.0, "yunet": 1.1}, "border": "replicate", "color": "gray"}

_FITTING: Final[dict[str, Any]] = {"labels": list(EMOTIONS), "input": INPUT, "crop": CROP}
# The key of the threshold in bundles written before the present one.
_OLD_THRESHOLD: Final = "unsure_below"
# What a bundle says of itself, for people.
_ABOUT: Final = ("data", "metrics", "versions", "network")
# What a model may lack, and what checks it.
_OPTIONAL: Final[dict[str, Any]] = {"quality": FaceTemperature, "sets": ClassSets, "int8": Int8Copy}
_REQUIRED: Final = (*_FITTING, "temperature", "confidence_threshold", "served", "files")


@dataclass(frozen=True)
class Bundle:
    """The content of a `bundle.json`, and the folder it is in.

    Attributes:
        path: the folder.
        labels: the classes in the order of the logits; always `EMOTIONS`.
        input: name, shape, dtype and range of the network's input.
        crop: how a face is cut out for it.
        temperature: the number that logits are divided by before softmax, 0.05 to 20.
        confidence_threshold: confidence in 0..1 under which the model is 'not sure'.
        quality: how a face's own temperature follows from its picture and logits; None if one temperature serves all.
        sets: which classes may be the right one; None if they aren't calibrated.
        served: the name of the ONNX file in use.
        files: by file name, {'sha256': hexadecimal digest}.
        data: the training data: name, fingerprint, splits, and whether it is synthetic.
        metrics: results, by the split they were measured on.
        versions: the libraries that trained and exported it.
        network: name, parameters and multiply-adds of the network.
        int8: the calibration of the int8 copy in `INT8_FILE`; None if there is no copy.
    """

    path: Path
    labels: tuple[str, ...] = EMOTIONS
    input: dict[str, Any] = field(default_factory=lambda: dict(INPUT))
    crop: dict[str, Any] = field(default_factory=lambda: dict(CROP))
    temperature: float = 1.0
    confidence_threshold: float = 0.0
    quality: FaceTemperature | None = None
    sets: ClassSets | None = None
    served: str = ONNX_FILE
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)
    int8: Int8Copy | None = None

    @property
    def weights(self) -> str:
        """Return the type of the served weights, 'float32' or 'int8'."""
        return "int8" if self.served == INT8_FILE else "float32"

    @property
    def served_file(self) -> Path:
        """Return the path of the ONNX file in use."""
        return self.path / self.served

    @cached_property
    def hash(self) -> str:
        """Return sixteen hexadecimal digits that change with the weights and with what is calibrated."""
        served = self.files[self.served]["sha256"]
        text = f"{served} {self.temperature} {self.confidence_threshold} {self.crop}"
        # Only if there are any, so that other models keep their hash and the results that are stored under it.
        text += "".join(f" {part.to_dict()}" for part in (self.quality, self.sets) if part)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def never_sure(self) -> bool:
        """Return whether the model answers 'not sure' for every face: no threshold made it right often enough."""
        return self.confidence_threshold >= 1

    @property
    def name(self) -> str:
        """Return the name to show: the shipped model's folder, or the run it came from."""
        return bundle_name(self.path)

    def with_int8_served(self) -> Self:
        """Return the bundle as it is if its int8 copy is served. It isn't meant to be written.

        Raises:
            ValueError: there is no copy.
        """
        if self.int8 is None:
            raise ValueError(f"The bundle in '{self.path}' has no int8 copy.")
        own = {item.name: getattr(self.int8, item.name) for item in fields(self.int8)}
        return replace(self, served=INT8_FILE, int8=None, **own)

    @property
    def copies(self) -> tuple[Self, ...]:
        """Return the bundle and, if it has an int8 copy, the bundle with that copy served. Their hashes differ."""
        return (self,) if self.int8 is None else (self, self.with_int8_served())

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `bundle.json`; a part that isn't calibrated is left out."""
        values = {name: value for name, value in asdict(self).items() if value is not None}
        del values["path"]
        values["labels"] = list(self.labels)
        return values

    @classmethod
    def from_dict(cls, path: Path, values: dict[str, Any]) -> Self:
        """Return the bundle that `to_dict` wrote, without checking it."""
        known = {name: values[name] for name in cls.__dataclass_fields__ if name != "path" and name in values}
        for name, kind in _OPTIONAL.items():
            known[name] = kind.from_dict(values[name]) if values.get(name) is not None else None
        return cls(path=path, **{**known, **_about(values), "labels": tuple(values["labels"])})


def bundle_name(folder: Path) -> str:
    """Return the name of the model in a folder: the folder's, or its run's if it is that run's bundle."""
    return folder.parent.name if folder.name == "bundle" else folder.name


def write_bundle(bundle: Bundle) -> Bundle:
    """Write `bundle.json` next to the models, with the digests of all model files, whole or not at all.

    Returns:
        The bundle as `load_bundle` returns it.
    """
    files = {
        file.name: {"sha256": sha256_of(file)}
        for file in sorted(bundle.path.iterdir())
        if file.suffix in (".onnx", ".keras")
    }
    values = {**bundle.to_dict(), "files": files}
    write_text(bundle.path / BUNDLE_FILE, json.dumps(values, indent=2) + "\n", durable=True)
    return load_bundle(bundle.path)


def load_bundle(path: str | Path) -> Bundle:
    """Read a bundle and check that it is complete and fits this program.

    Raises:
        BundleError: it is missing or damaged, or its labels, input, crop or a file's hash don't fit; the message says
            which.
    """
    folder = Path(path)
    file = folder / BUNDLE_FILE
    if not file.is_file():
        raise BundleError(f"There is no model in '{folder}': expected a folder with {BUNDLE_FILE}; choose another one.")
    try:
        values = with_current_names(parse_object(read_plain(file)))
    except (ValuesError, OSError) as error:
        raise BundleError(f"{file} can't be read ({error}); copy the bundle again or choose another model.") from error
    _check_form(folder, values)
    bundle = Bundle.from_dict(folder, values)
    _check_files(bundle)
    return bundle


def with_current_names(values: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a `bundle.json` with the keys of this version."""
    if _OLD_THRESHOLD not in values:
        return values
    renamed = dict(values)
    old = renamed.pop(_OLD_THRESHOLD)
    return {"confidence_threshold": old, **renamed}


def _check_form(folder: Path, values: dict[str, Any]) -> None:
    """Refuse, by name, what this program can't use."""

    def refuse(what: str, expected: str) -> NoReturn:
        raise BundleError(f"The model in '{folder}' has {what}; expected {expected}. Choose another model.")

    missing = [name for name in _REQUIRED if name not in values]
    if missing:
        refuse(f"no {', '.join(missing)} in its {BUNDLE_FILE}", "all of " + ", ".join(_REQUIRED))
    for name in ("labels", "input", "crop"):
        # As text, where 1 isn't true and 48 isn't 48.0.
        received, expected = (json.dumps(value, sort_keys=True) for value in (values[name], _FITTING[name]))
        if received != expected:
            refuse(f"the {name} {shortened(received)}", expected)
    for name, (low, high) in RANGES.items():
        if not is_number(values[name], low, high):
            refuse(f"the {name} {shortened(json.dumps(values[name]))}", f"a number from {low:g} to {high:g}")
    for name, kind in _OPTIONAL.items():
        try:
            if values.get(name) is not None:
                kind.from_dict(values[name])
        except ValueError as error:
            refuse(f"a part '{name}' that doesn't fit ({shortened(str(error))})", "one that this program wrote")
    for name in ("files", *_ABOUT):
        if not isinstance(values.get(name, {}), dict):
            refuse(f"{name} that aren't an object", "an object")
    served = values["served"]
    if not isinstance(served, str) or served not in values["files"]:
        refuse(f"the served file {shortened(ascii(served))}, which its list of files does not name", f"{ONNX_FILE}")
    if values.get("int8") is not None and INT8_FILE not in values["files"]:
        refuse(f"a part 'int8' without {INT8_FILE} in its list of files", "both or neither")
    for file_name, entry in values["files"].items():
        # A name and no path: a bundle may be untrusted.
        if file_name in ("", ".", "..") or set(file_name) & set("/\\\0"):
            refuse(f"the file name {shortened(ascii(file_name))}", "a file in its own folder")
        if not isinstance(entry, dict) or not isinstance(entry.get("sha256"), str):
            refuse(f"no hash for '{shortened(file_name)}'", "a sha256 for each file")


def _about(values: dict[str, Any]) -> dict[str, Any]:
    """Return what a bundle says of itself, without what pages can't show: it is no reason not to use a model."""
    about = {name: cleaned(values.get(name, {})) for name in _ABOUT}
    about["metrics"] = reported_metrics(about["metrics"])
    for name, kind in (("name", str), ("synthetic", bool)):
        if not isinstance(about["data"].get(name), kind):
            about["data"].pop(name, None)
    return about


def _check_files(bundle: Bundle) -> None:
    name = f"The model in '{bundle.path}'"
    for file_name, expected in bundle.files.items():
        file = bundle.path / file_name
        if not file.is_file():
            raise BundleError(f"{name} lacks its file '{file_name}'; copy the bundle again.")
        try:
            digest = sha256_of(file)
        except OSError as error:
            raise BundleError(
                f"{name} has a '{file_name}' that can't be read ({error.strerror}); check your rights to it."
            ) from error
        if digest != expected["sha256"]:
            raise BundleError(f"{name} has a changed '{file_name}': its hash doesn't match; copy the bundle again.")
