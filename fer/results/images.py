"""What was found in an image: frozen, validated when created, and easy to turn into a table or JSON."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from fer.emotions import EMOTIONS, NOT_SURE
from fer.results.faces import QUALITY, Face
from fer.text import encodable

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ImageAnalysis:
    """One image: its size and its faces, or the reason why it could not be analysed.

    Attributes:
        file: the name by which the user knows the image.
        width, height: pixels of the image as it is shown; None if the file could not be read.
        faces: in reading order; empty if none was found or the file could not be read.
        error: None, or one sentence that says why the file could not be analysed.
        note: None, or one sentence about what had to be assumed to read the file.
    """

    file: str
    width: int | None = None
    height: int | None = None
    faces: tuple[Face, ...] = field(default=())
    error: str | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        # A path may contain bytes that are not valid text; neither a table nor JSON can hold them.
        object.__setattr__(self, "file", encodable(self.file))
        if self.error is None and not (self.width and self.height):
            raise ValueError(f"{self.file}: expected a size, as there is no error. Received: {self.width, self.height}")
        if self.error is not None and self.faces:
            raise ValueError(f"{self.file}: expected no faces together with an error. Received: {len(self.faces)}")

    @classmethod
    def failed(cls, file: str, reason: str) -> Self:
        """Return the result of a file that could not be analysed, with one sentence that says why."""
        return cls(file=file, error=reason)

    def to_dict(self) -> dict[str, Any]:
        """Return the analysis as plain JSON values."""
        return {
            "file": self.file,
            "width": self.width,
            "height": self.height,
            "faces": [face.to_dict() for face in self.faces],
            "error": self.error,
            "note": self.note,
        }

    def to_frame(self) -> "pd.DataFrame":
        """Return a table with one row per face and the columns `FRAME_COLUMNS`.

        `face` counts from 1. `label` is the expression or 'not sure'; `emotion` is the most probable class either way.
        `valence` is FaceReader's, as `Face.valence`. `yaw`, `pitch` and `roll` are degrees as in `Pose`, NaN if
        unknown. `reasons` speak against an answer, also where the face is sure; they are joined by '; ', and
        `candidates` by ' or '.
        """
        return faces_frame([self])


FRAME_COLUMNS = (
    *("file", "face", "x", "y", "width", "height", "label", "emotion", "confidence", "sure"),
    *EMOTIONS,
    *("valence", "yaw", "pitch", "roll"),
    *QUALITY,
    *("reasons", "candidates"),
)
LABELS = (*EMOTIONS, NOT_SURE)
FILE_COLUMNS = ("file", "width", "height", "faces", *LABELS, "error", "note")


def faces_frame(analyses: Iterable[ImageAnalysis]) -> "pd.DataFrame":
    """Return one table for many images, with one row per face and the columns of `ImageAnalysis.to_frame`."""
    # Late: it takes half of the time in which a process that needs no table starts.
    import pandas as pd

    rows = [
        (analysis.file, number, *face_row(face))
        for analysis in analyses
        for number, face in enumerate(analysis.faces, start=1)
    ]
    return pd.DataFrame(rows, columns=list(FRAME_COLUMNS))


def files_frame(analyses: Iterable[ImageAnalysis]) -> "pd.DataFrame":
    """Return a table with one row per file and the columns `FILE_COLUMNS`, files without a face included.

    `faces` is their number; a column for each of `LABELS` says how many of them have it. `width` and `height` are those
    of the image. A file that couldn't be analysed has its reason in `error`; its other cells are empty.
    """
    import pandas as pd

    rows = [
        (
            analysis.file,
            analysis.width,
            analysis.height,
            *_counts(analysis),
            analysis.error or "",
            analysis.note or "",
        )
        for analysis in analyses
    ]
    whole_numbers = dict.fromkeys(("width", "height", "faces", *LABELS), "Int64")
    return pd.DataFrame(rows, columns=list(FILE_COLUMNS)).astype(whole_numbers)


def _counts(analysis: ImageAnalysis) -> list[int | None]:
    if analysis.error is not None:
        return [None] * (1 + len(LABELS))
    found = Counter(face.label for face in analysis.faces)
    return [len(analysis.faces), *(found[label] for label in LABELS)]


def face_row(face: Face) -> tuple[Any, ...]:
    """Return the values of a face for the columns `FRAME_COLUMNS` from `x` on."""
    pose = face.pose
    return (
        *face.box_xywh,
        face.label,
        face.emotion,
        face.confidence,
        face.sure,
        *(float(value) for value in face.probabilities),
        face.valence,
        *((pose.yaw, pose.pitch, pose.roll) if pose else (math.nan,) * 3),
        *(face.quality or (math.nan,) * len(QUALITY)),
        "; ".join(face.reasons),
        " or ".join(face.candidates),
    )
