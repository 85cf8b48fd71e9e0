"""Record a session in bounded memory, with one row per face and frame, and export it as CSV and JSON."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt

from fer.emotions import EMOTIONS, N_EMOTIONS, NOT_SURE
from fer.provenance import Provenance
from fer.results import QUALITY, Pose

if TYPE_CHECKING:
    import pandas as pd

# One face at 30 frames per second fills this in 22 minutes. Full, it makes 15 MB of CSV or 24 MB of JSON.
MAX_ROWS: Final = 40_000
# Columns of shares and seconds: the seven classes and 'not sure'.
OUTCOMES: Final = (*EMOTIONS, NOT_SURE)

_ROW: Final = np.dtype(
    [
        ("seconds", np.float64),
        ("frame", np.int32),
        ("person", np.int32),
        ("box_xywh", np.float32, 4),
        ("raw", np.float32, N_EMOTIONS),
        ("smoothed", np.float32, N_EMOTIONS),
        ("sure", np.bool_),
        # A bit for each of the classes, the first the lowest.
        ("candidates", np.uint8),
        # NaN where they aren't known.
        ("pose", np.float32, 3),
        ("quality", np.float32, len(QUALITY)),
        # An index into the texts that the record has seen.
        ("reasons", np.int32),
    ]
)


@dataclass(frozen=True, eq=False)
class Observation:
    """One face in one frame.

    Attributes:
        person: the number of the person.
        box_xywh: (4,) float32 in pixels of the frame.
        raw, smoothed: probabilities (7,) float32 of this frame alone, and smoothed over time.
        sure: whether the smoothed confidence reaches the model's confidence threshold, without a doubt about the face.
        candidates: the classes that may be the right one by the smoothed ones; empty if the model has no such sets.
        pose, quality, reasons: as those of `fer.results.Face`.
    """

    person: int
    box_xywh: npt.NDArray[np.float32]
    raw: npt.NDArray[np.float32]
    smoothed: npt.NDArray[np.float32]
    sure: bool
    candidates: tuple[str, ...] = ()
    pose: Pose | None = None
    quality: tuple[float, ...] | None = None
    reasons: tuple[str, ...] = ()

    @property
    def outcome(self) -> int:
        """Return an index into `OUTCOMES`."""
        return int(self.smoothed.argmax()) if self.sure else N_EMOTIONS


@dataclass(frozen=True)
class PersonSummary:
    """The summary of one person in a session.

    Attributes:
        person: the number of the person.
        first_s, last_s: when the person was first and last seen, in seconds of the session.
        shares: for each of `OUTCOMES`, its share of the time the person was seen. They sum to 1, or are all 0 if the
            person was seen in a single frame.
    """

    person: int
    first_s: float
    last_s: float
    shares: tuple[float, ...]


@dataclass(frozen=True)
class RecordFiles:
    """A record as CSV and JSON, both UTF-8."""

    csv: bytes
    json: bytes


@dataclass
class _Seen:
    """When a person was first and last seen, and the seconds (8,) with each of `OUTCOMES`."""

    first_s: float
    last_s: float
    seconds: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(OUTCOMES)))


class SessionRecord:
    """The rows of a session. When it is full, every second frame is removed, and only every second one is added.

    A long session is thus recorded to its end, but more coarsely. Shares of time are counted separately and stay exact.
    Not thread-safe: the session's lock guards it.

    Args:
        started: when the session began, with its time zone.
        max_rows: the maximum number of rows.
    """

    def __init__(self, started: datetime, max_rows: int = MAX_ROWS) -> None:
        self.started = started
        self._rows = np.zeros(max_rows, dtype=_ROW)
        self._n_rows = 0
        self._stride = 1
        self._seen: dict[int, _Seen] = {}
        # Each text once, with its number: a few faults and their combinations, however long the session is.
        self._reasons: dict[str, int] = {}
        self.seconds_by_outcome = np.zeros(len(OUTCOMES))

    def __len__(self) -> int:
        return self._n_rows

    @property
    def every(self) -> int:
        """Return 1 if every frame is recorded, 2 if every second is, and so on."""
        return self._stride

    def add(self, frame: int, seconds: float, elapsed_s: float, observations: Sequence[Observation]) -> None:
        """Add the faces of a frame.

        Args:
            frame: the number of the frame.
            seconds: the time of the frame since the session began.
            elapsed_s: the time since the previous frame, which counts for the expressions in this frame.
            observations: one per face.
        """
        for face in observations:
            person = self._seen.setdefault(face.person, _Seen(seconds, seconds))
            person.last_s = seconds
            person.seconds[face.outcome] += elapsed_s
            self.seconds_by_outcome[face.outcome] += elapsed_s
        if frame % self._stride == 0 and not self._fits(observations):
            self._thin_out()
        # Faces that still don't fit are left out.
        if frame % self._stride == 0 and self._fits(observations):
            for face in observations:
                self._rows[self._n_rows] = self._row(frame, seconds, face)
                self._n_rows += 1

    def _row(self, frame: int, seconds: float, face: Observation) -> tuple[Any, ...]:
        pose = face.pose
        return (
            seconds,
            frame,
            face.person,
            face.box_xywh,
            face.raw,
            face.smoothed,
            face.sure,
            _bits(face.candidates),
            (pose.yaw, pose.pitch, pose.roll) if pose else (math.nan,) * 3,
            face.quality or (math.nan,) * len(QUALITY),
            self._reasons.setdefault("; ".join(face.reasons), len(self._reasons)),
        )

    def copy(self) -> Self:
        """Return a copy for another thread to read. No rows can be added to it."""
        twin = type(self)(self.started, max_rows=0)
        twin._rows = self._rows[: self._n_rows].copy()
        twin._n_rows = self._n_rows
        twin._stride = self._stride
        twin._reasons = self._reasons.copy()
        twin._seen = {
            number: _Seen(person.first_s, person.last_s, person.seconds.copy()) for number, person in self._seen.items()
        }
        twin.seconds_by_outcome = self.seconds_by_outcome.copy()
        return twin

    def _fits(self, observations: Sequence[Observation]) -> bool:
        return self._n_rows + len(observations) <= len(self._rows)

    def _thin_out(self) -> None:
        self._stride *= 2
        kept = self._rows[: self._n_rows]
        kept = kept[kept["frame"] % self._stride == 0]
        self._rows[: len(kept)] = kept
        self._n_rows = len(kept)

    def rows(self, since_s: float = 0.0) -> npt.NDArray[Any]:
        """Return a copy of the rows from `since_s` on, as a structured array."""
        kept = self._rows[: self._n_rows]
        return kept[np.searchsorted(kept["seconds"], since_s) :].copy()

    def people(self) -> tuple[PersonSummary, ...]:
        """Return a summary of everyone seen, ordered by number."""
        return tuple(
            PersonSummary(number, seen.first_s, seen.last_s, tuple(shares_of(seen.seconds).tolist()))
            for number, seen in sorted(self._seen.items())
        )

    def to_frame(self) -> "pd.DataFrame":
        """Return a table with one row per face and frame.

        Columns: time (ISO 8601, local), seconds, frame, person, x, y, width, height (pixels of the camera's frame),
        label (the expression or 'not sure'), emotion, confidence and sure (from the smoothed probabilities), one column
        per class (smoothed), one with the prefix raw_ per class; then yaw, pitch, roll (NaN if unknown), the measures
        of `fer.results.QUALITY`, reasons and candidates as in `ImageAnalysis.to_frame`.
        """
        import pandas as pd

        rows = self._rows[: self._n_rows]
        smoothed, raw = rows["smoothed"].astype(float), rows["raw"].astype(float)
        table: dict[str, Any] = {
            "time": [
                (self.started + timedelta(seconds=float(value))).isoformat(timespec="milliseconds")
                for value in rows["seconds"]
            ],
            "seconds": rows["seconds"].round(3),
            "frame": rows["frame"],
            "person": rows["person"],
        }
        for index, name in enumerate(("x", "y", "width", "height")):
            table[name] = rows["box_xywh"][:, index].round().astype(int)
        emotions = [EMOTIONS[index] for index in smoothed.argmax(axis=1)] if len(rows) else []
        table["label"] = [name if sure else NOT_SURE for name, sure in zip(emotions, rows["sure"], strict=True)]
        table["emotion"] = emotions
        table["confidence"] = smoothed.max(axis=1).round(4) if len(rows) else []
        table["sure"] = rows["sure"]
        for index, name in enumerate(EMOTIONS):
            table[name] = smoothed[:, index].round(4)
        for index, name in enumerate(EMOTIONS):
            table[f"raw_{name}"] = raw[:, index].round(4)
        for index, name in enumerate(("yaw", "pitch", "roll")):
            table[name] = rows["pose"][:, index].astype(float).round(1)
        for index, name in enumerate(QUALITY):
            table[name] = rows["quality"][:, index].astype(float).round(3)
        texts = list(self._reasons)
        table["reasons"] = [texts[index] for index in rows["reasons"]]
        table["candidates"] = [_names(int(row["candidates"]), row["smoothed"]) for row in rows]
        return pd.DataFrame(table)

    def files(self, facts: dict[str, Any], made_by: Provenance) -> RecordFiles:
        """Return the record as files.

        Args:
            facts: about the session, for the JSON.
            made_by: what made it: in the JSON under 'about', and as the last columns of the CSV.
        """
        table = self.to_frame()
        document = {
            "about": made_by.to_dict(),
            **facts,
            "started": self.started.isoformat(timespec="milliseconds"),
            "kept_every_nth_frame": self._stride,
            "share_of_time": _named(shares_of(self.seconds_by_outcome)),
            "people": [
                {
                    "person": person.person,
                    "first_seconds": round(person.first_s, 3),
                    "last_seconds": round(person.last_s, 3),
                    "share_of_time": _named(person.shares),
                }
                for person in self.people()
            ],
        }
        # pandas writes the rows ten times faster than the json module.
        rows = table.to_json(orient="records", double_precision=4)
        text = f'{json.dumps(document, ensure_ascii=False)[:-1]}, "rows": {rows}}}'
        return RecordFiles(csv=table.assign(**made_by.columns()).to_csv(index=False).encode(), json=text.encode())


def _bits(candidates: Sequence[str]) -> int:
    return sum(1 << EMOTIONS.index(name) for name in candidates)


def _names(bits: int, smoothed: npt.NDArray[np.float32]) -> str:
    return " or ".join(EMOTIONS[index] for index in np.argsort(-smoothed, kind="stable") if bits >> int(index) & 1)


def shares_of(seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return seconds as shares that sum to 1, or all 0 if there are no seconds."""
    total = float(seconds.sum())
    return seconds / total if total else np.zeros_like(seconds)


def _named(shares: Iterable[float]) -> dict[str, float]:
    return {name: round(float(share), 4) for name, share in zip(OUTCOMES, shares, strict=True)}
