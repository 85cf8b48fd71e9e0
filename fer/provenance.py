"""What made a result: the program, its model, the detector and the settings. Every file of results says it."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from fer import __version__
from fer.text import spreadsheet_safe

PROGRAM: Final = "fer-dashboard"
# What a table says in every row, so that it is still known after tables were joined or cut.
PROVENANCE_COLUMNS: Final = (
    *("model", "model_hash", "detector", "confidence_threshold", "settings", "version", "date"),
)

Setting = int | float | str | bool | None


def now() -> str:
    """Return the present moment in ISO 8601, in UTC and whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Accuracy:
    """The share of correct predictions of a model, 0..1, and the split, dataset and number of faces it is from."""

    value: float
    split: str
    dataset: str
    n_faces: int | None = None

    @property
    def where(self) -> str:
        """Return what it was measured on, such as 'the validation split of fer2013.csv (n = 3,589)'."""
        n_faces = "" if self.n_faces is None else f" (n = {self.n_faces:,})"
        return f"the {self.split} split of {self.dataset}{n_faces}"


@dataclass(frozen=True)
class Provenance:
    """What made an analysis.

    Attributes:
        model: the name of the model for people.
        model_hash: sixteen hexadecimal digits that change with the model and its calibration.
        detector: 'yunet' or 'haar', or 'none' if the faces came cropped.
        confidence_threshold: confidence in 0..1 under which a face is 'not sure'.
        crop_scale: side of the square that the network sees, in sides of the detector's box; None if they came
            cropped.
        candidate_coverage: share of faces whose candidates contain the right class; None if there are no candidates.
        accuracy: how often the model was right; None if that is unknown.
        settings: what else was set, by name, such as 'smoothing_seconds'; empty if there was nothing else to set.
        weights: the type of the weights that answered, 'float32' or 'int8'; '' if that is unknown.
        date: when the analysis was made, ISO 8601.
        version: the version of this program.
    """

    model: str
    model_hash: str
    detector: str
    confidence_threshold: float
    crop_scale: float | None
    candidate_coverage: float | None = None
    accuracy: Accuracy | None = None
    settings: dict[str, Setting] = field(default_factory=dict)
    weights: str = ""
    date: str = field(default_factory=now)
    version: str = __version__

    def to_dict(self) -> dict[str, Any]:
        """Return the provenance as plain JSON values."""
        values = asdict(self)
        values["confidence_threshold"] = round(self.confidence_threshold, 6)
        return {"program": PROGRAM, **values}

    def columns(self) -> dict[str, str | float]:
        """Return what a table says in every row, in the order of `PROVENANCE_COLUMNS`.

        The settings are one text, such as 'crop_scale=1.1; weights=float32; smoothing_seconds=0.4'. A spreadsheet may
        open all of them.
        """
        settings = {"crop_scale": self.crop_scale, "weights": self.weights or None, **self.settings}
        values = self.to_dict() | {
            "model": spreadsheet_safe(self.model),
            "settings": "; ".join(f"{name}={value}" for name, value in settings.items() if value is not None),
        }
        return {name: values[name] for name in PROVENANCE_COLUMNS}

    @property
    def text(self) -> str:
        """Return the same in one line, for files that hold no table, such as pictures and subtitles."""
        values = "; ".join(f"{name}={value}" for name, value in self.columns().items())
        return f"Made by {PROGRAM}: {values}"
