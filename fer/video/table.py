"""The table of a video: one row per face and frame, and one row for a frame without a face."""

from collections.abc import Iterator, Mapping
from typing import Final

from fer.emotions import EMOTIONS
from fer.results import QUALITY
from fer.streams.people import Person
from fer.video.analysis import AnalysedFrame

SMOOTHED: Final = tuple(f"smooth_{name}" for name in EMOTIONS)
COLUMNS: Final = (
    *("file", "frame", "time_s", "status", "person", "x", "y", "width", "height"),
    *("label", "emotion", "confidence", "sure"),
    *EMOTIONS,
    *SMOOTHED,
    *("yaw", "pitch", "roll"),
    *QUALITY,
    *("reasons", "candidates"),
)
Value = str | int | float | bool | None
Row = tuple[Value, ...]
_BLANK: Final = (None,) * (len(COLUMNS) - 4)


def columns_with(groups: Mapping[str, str] | None) -> tuple[str, ...]:
    """Return the columns of a table: `COLUMNS`, with 'group' next to 'file' if the files are in groups."""
    return COLUMNS if groups is None else (COLUMNS[0], "group", *COLUMNS[1:])


def row_with(row: Row, groups: Mapping[str, str] | None) -> Row:
    """Return a row with the columns of `columns_with`; a file without a group has None."""
    return row if groups is None else (row[0], groups.get(str(row[0])), *row[1:])


def rows_of(file: str, frame: AnalysedFrame) -> Iterator[Row]:
    """Yield the rows of a frame with the columns `COLUMNS`; None where a column doesn't apply.

    Label, emotion, confidence and sure follow from the smoothed probabilities. Numbers are rounded so that CSV, Parquet
    and JSON have the same ones.
    """
    where = (file, frame.number, round(frame.time_s, 6), frame.status)
    if not frame.people:
        yield (*where, *_BLANK)
    for person in frame.people:
        yield (*where, *_person(person))


def _person(person: Person) -> Row:
    face = person.face
    pose = (face.pose.yaw, face.pose.pitch, face.pose.roll) if face.pose else (None, None, None)
    return (
        person.number,
        *face.box_xywh,
        face.label,
        face.emotion,
        round(face.confidence, 6),
        face.sure,
        *(round(float(value), 6) for value in person.raw),
        *(round(float(value), 6) for value in face.probabilities),
        *(None if angle is None else round(float(angle), 1) for angle in pose),
        *(None if value is None else round(float(value), 3) for value in face.quality or (None,) * len(QUALITY)),
        "; ".join(face.reasons),
        " or ".join(face.candidates),
    )
