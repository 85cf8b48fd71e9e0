"""What a session leaves: a row a face and moment, in bounded memory, as CSV and JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from fer.emotions import EMOTIONS, N_EMOTIONS, NOT_SURE

# One face at 30 frames a second fills this in 22 minutes; as CSV it is 8 MB, as JSON 20.
MAX_ROWS: Final = 40_000
# Columns of shares and seconds: the seven classes, then 'not sure'.
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
    ]
)


@dataclass(frozen=True, eq=False)
class Observation:
    """One face in one frame.

    Attributes:
        person: the track's number.
        box_xywh: (4,) float32 in pixels of the frame.
        raw, smoothed: (7,) float32, probabilities of this frame alone and smoothed over time.
        sure: whether the model was sure by the smoothed ones.
    """

    person: int
    box_xywh: npt.NDArray[np.float32]
    raw: npt.NDArray[np.float32]
    smoothed: npt.NDArray[np.float32]
    sure: bool

    @property
    def outcome(self) -> int:
        """Index into `OUTCOMES`."""
        return int(self.smoothed.argmax()) if self.sure else N_EMOTIONS


@dataclass(frozen=True)
class PersonSummary:
    """What a session saw of one person.

    Attributes:
        person: the track's number.
        first_s, last_s: when it was first and last seen, in seconds of the session.
        shares: share of the time it was seen for each of `OUTCOMES`, summing to 1, or all 0 where that was no time.
    """

    person: int
    first_s: float
    last_s: float
    shares: tuple[float, ...]

    @property
    def most(self) -> str:
        """The most frequent of `OUTCOMES`."""
        return OUTCOMES[int(np.argmax(self.shares))]


@dataclass(frozen=True)
class RecordFiles:
    """A record to download: CSV and JSON, UTF-8."""

    csv: bytes
    json: bytes


@dataclass
class _Seen:
    """When somebody was first and last seen, and (8,) seconds with each of `OUTCOMES`."""

    first_s: float
    last_s: float
    seconds: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(OUTCOMES)))


class SessionRecord:
    """Rows of a session. When they are full, every second moment goes and from then on every second is kept.

    So a long session stays whole, only coarser; shares of time are counted apart from the rows and stay exact. Not
    thread-safe: the session's lock guards it.

    Args:
        started: when the session began, with its time zone.
        max_rows: rows that are kept at most.
    """

    def __init__(self, started: datetime, max_rows: int = MAX_ROWS) -> None:
        self.started = started
        self._rows = np.zeros(max_rows, dtype=_ROW)
        self._n_rows = 0
        self._stride = 1
        self._seen: dict[int, _Seen] = {}
        self.seconds_by_outcome = np.zeros(len(OUTCOMES))

    def __len__(self) -> int:
        return self._n_rows

    @property
    def every(self) -> int:
        """1 while every frame is kept, 2 where every second is, and so on."""
        return self._stride

    def add(self, frame: int, seconds: float, elapsed_s: float, observations: Sequence[Observation]) -> None:
        """Take a frame's faces in.

        Args:
            frame: number of the frame.
            seconds: the frame's time since the session began.
            elapsed_s: time since the frame before, which counts for the expressions seen now.
            observations: a face each.
        """
        for face in observations:
            person = self._seen.setdefault(face.person, _Seen(seconds, seconds))
            person.last_s = seconds
            person.seconds[face.outcome] += elapsed_s
            self.seconds_by_outcome[face.outcome] += elapsed_s
        if frame % self._stride == 0 and not self._fits(observations):
            self._thin_out()
        # A crowd that does not even fit now is left out.
        if frame % self._stride == 0 and self._fits(observations):
            for face in observations:
                row = (seconds, frame, face.person, face.box_xywh, face.raw, face.smoothed, face.sure)
                self._rows[self._n_rows] = row
                self._n_rows += 1

    def copy(self) -> Self:
        """A record with the same rows, for another thread to read; it takes no further ones."""
        twin = type(self)(self.started, max_rows=0)
        twin._rows = self._rows[: self._n_rows].copy()
        twin._n_rows = self._n_rows
        twin._stride = self._stride
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
        """A copy of the rows from `since_s` on, as a structured array."""
        kept = self._rows[: self._n_rows]
        return kept[np.searchsorted(kept["seconds"], since_s) :].copy()

    def people(self) -> tuple[PersonSummary, ...]:
        """Everyone seen, in the order of their numbers."""
        return tuple(
            PersonSummary(number, seen.first_s, seen.last_s, tuple(shares_of(seen.seconds).tolist()))
            for number, seen in sorted(self._seen.items())
        )

    def to_frame(self) -> pd.DataFrame:
        """A row a face and moment.

        Columns: time (ISO 8601, local), seconds, frame, person, x, y, width, height (pixels of the camera's frame),
        emotion, confidence and sure (of the smoothed probabilities), a column a class (smoothed), raw_ and one a class.
        """
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
        table["emotion"] = [EMOTIONS[index] for index in smoothed.argmax(axis=1)] if len(rows) else []
        table["confidence"] = smoothed.max(axis=1).round(4) if len(rows) else []
        table["sure"] = rows["sure"]
        for index, name in enumerate(EMOTIONS):
            table[name] = smoothed[:, index].round(4)
        for index, name in enumerate(EMOTIONS):
            table[f"raw_{name}"] = raw[:, index].round(4)
        return pd.DataFrame(table)

    def files(self, about: dict[str, Any]) -> RecordFiles:
        """The record to download.

        Args:
            about: what the caller knows of the session; in the JSON it stands before the shares of time, everyone seen
                and the rows.
        """
        table = self.to_frame()
        document = {
            **about,
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
        # pandas writes the rows ten times as fast as the json module.
        rows = table.to_json(orient="records", double_precision=4)
        text = f'{json.dumps(document, ensure_ascii=False)[:-1]}, "rows": {rows}}}'
        return RecordFiles(csv=table.to_csv(index=False).encode(), json=text.encode())


def shares_of(seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Seconds as shares summing to 1; all 0 where there are none."""
    total = float(seconds.sum())
    return seconds / total if total else np.zeros_like(seconds)


def _named(shares: Iterable[float]) -> dict[str, float]:
    return {name: round(float(share), 4) for name, share in zip(OUTCOMES, shares, strict=True)}
