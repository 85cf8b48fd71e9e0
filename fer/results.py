"""What an analysis gives back: frozen, checked when made, and easy to turn into a table or JSON."""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from fer.emotions import EMOTIONS, N_EMOTIONS, looks

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Face:
    """One face of an image and its expression.

    Attributes:
        box_xywh: left, top, width, height in pixels of the upright image; width and height are positive. The box may
            reach over the image's edge, as detectors give it.
        probabilities: (7,) float32 in the order of `EMOTIONS`, each in 0..1, summing to 1. A read-only copy is kept.
        unsure_below: confidence in 0..1 under which the model is 'not sure'.

    Raises:
        ValueError: a shape or a range does not fit.
    """

    box_xywh: tuple[int, int, int, int]
    probabilities: Probabilities
    unsure_below: float = 0.0

    def __post_init__(self) -> None:
        probabilities = np.array(self.probabilities, dtype=np.float32)
        if probabilities.shape != (N_EMOTIONS,):
            raise ValueError(f"probabilities: expected shape ({N_EMOTIONS},). Received: {probabilities.shape}")
        if not (np.all(probabilities >= 0) and abs(float(probabilities.sum()) - 1) < 1e-3):
            raise ValueError(f"probabilities: expected values of 0 or more that sum to 1. Received: {probabilities}")
        if len(self.box_xywh) != 4 or self.box_xywh[2] <= 0 or self.box_xywh[3] <= 0:
            raise ValueError(f"box_xywh: expected (left, top, width > 0, height > 0). Received: {self.box_xywh}")
        probabilities.setflags(write=False)
        object.__setattr__(self, "probabilities", probabilities)
        object.__setattr__(self, "box_xywh", tuple(int(value) for value in self.box_xywh))

    @property
    def emotion(self) -> str:
        """The most probable of `EMOTIONS`."""
        return EMOTIONS[int(self.probabilities.argmax())]

    @property
    def confidence(self) -> float:
        """The probability of `emotion`, 1/7..1."""
        return float(self.probabilities.max())

    @property
    def sure(self) -> bool:
        """Whether `confidence` reaches the model's threshold."""
        return self.confidence >= self.unsure_below

    @property
    def looks(self) -> str:
        """The wording for people: 'looks happy', or 'not sure'."""
        return looks(self.emotion, sure=self.sure)

    def to_dict(self) -> dict[str, Any]:
        """The face as plain JSON values: box, emotion, confidence, sure, probabilities by class."""
        return {
            "box": list(self.box_xywh),
            "emotion": self.emotion,
            "confidence": round(self.confidence, 6),
            "sure": self.sure,
            "probabilities": {
                name: round(float(value), 6) for name, value in zip(EMOTIONS, self.probabilities, strict=True)
            },
        }


@dataclass(frozen=True)
class ImageAnalysis:
    """One image: its size and its faces, or the reason why it could not be analysed.

    Attributes:
        file: the name by which the user knows the image.
        width, height: pixels of the upright image; None where the file could not be read.
        faces: from left to right; empty where none was found and where the file could not be read.
        error: None, or one sentence that says why the file could not be analysed.
    """

    file: str
    width: int | None = None
    height: int | None = None
    faces: tuple[Face, ...] = field(default=())
    error: str | None = None

    def __post_init__(self) -> None:
        # A path may hold bytes that are no text, which neither a table nor JSON can take.
        object.__setattr__(self, "file", self.file.encode("utf-8", "backslashreplace").decode())
        if self.error is None and not (self.width and self.height):
            raise ValueError(
                f"{self.file}: expected a size where there is no error. Received: {self.width, self.height}"
            )
        if self.error is not None and self.faces:
            raise ValueError(f"{self.file}: expected no faces beside an error. Received: {len(self.faces)}")

    @classmethod
    def failed(cls, file: str, reason: str) -> Self:
        """The result of a file that could not be analysed, with the one sentence that says why."""
        return cls(file=file, error=reason)

    def to_dict(self) -> dict[str, Any]:
        """The analysis as plain JSON values."""
        return {
            "file": self.file,
            "width": self.width,
            "height": self.height,
            "faces": [face.to_dict() for face in self.faces],
            "error": self.error,
        }

    def to_frame(self) -> pd.DataFrame:
        """A row a face: file, face (from 1), x, y, width, height, emotion, confidence, sure, one column a class."""
        return faces_frame([self])


FRAME_COLUMNS = ("file", "face", "x", "y", "width", "height", "emotion", "confidence", "sure", *EMOTIONS)


def faces_frame(analyses: list[ImageAnalysis]) -> pd.DataFrame:
    """One table over many images, a row a face, with the columns of `ImageAnalysis.to_frame`."""
    rows = [
        (
            analysis.file,
            number,
            *face.box_xywh,
            face.emotion,
            face.confidence,
            face.sure,
            *(float(value) for value in face.probabilities),
        )
        for analysis in analyses
        for number, face in enumerate(analysis.faces, start=1)
    ]
    return pd.DataFrame(rows, columns=list(FRAME_COLUMNS))
