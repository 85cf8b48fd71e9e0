"""The int8 copy of a bundle's network: smaller, and on some processors faster, with a calibration of its own."""

from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from fer.recognition.candidates import ClassSets
from fer.recognition.face_temperature import FaceTemperature
from fer.recognition.reported_metrics import reported_metrics
from fer.storage.values import is_number, with_fields_of

INT8_FILE: Final = "model.int8.onnx"
# A network that is ten times too sure, or too timid, is broken; what is fitted stays within that.
RANGES: Final = {"temperature": (0.05, 20.0), "confidence_threshold": (0.0, 1.0)}


@dataclass(frozen=True)
class Int8Copy:
    """What differs from the bundle if the file `INT8_FILE` in it is served.

    Attributes:
        temperature: the number that logits are divided by before softmax, 0.05 to 20.
        confidence_threshold: confidence in 0..1 under which the copy is 'not sure'.
        quality: how a face's own temperature follows from its picture and logits; None if one temperature serves all.
        sets: which classes may be the right one; None if they aren't calibrated.
        metrics: results, by the split they were measured on.

    Raises:
        ValueError: a number is out of range.
    """

    temperature: float = 1.0
    confidence_threshold: float = 0.0
    quality: FaceTemperature | None = None
    sets: ClassSets | None = None
    metrics: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            if not is_number(getattr(self, name), low, high):
                raise ValueError(f"{name}: expected a number from {low:g} to {high:g}")
        if not isinstance(self.metrics, dict):
            raise ValueError("metrics: expected an object")

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Return the copy that a `bundle.json` describes.

        Raises:
            ValueError: a value is missing, of another form or out of range.
        """
        fields = with_fields_of(values, cls)
        parts: dict[str, Any] = {"quality": FaceTemperature, "sets": ClassSets}
        read = {name: kind.from_dict(fields[name]) for name, kind in parts.items() if fields.get(name) is not None}
        given = cls(**{**fields, **read})
        return replace(given, metrics=reported_metrics(given.metrics))
