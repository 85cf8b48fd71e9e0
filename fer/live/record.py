"""What a session leaves: a row a face and moment, in bounded memory, as CSV and JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
    ]
)


@dataclass(frozen=True, eq=False)
class Observation:
    """One face in one frame: its number, its box in pixels of the frame, (7,) raw and smoothed probabilities."""

    person: int
    box_xywh: npt.NDArray[np.float32]
    raw: npt.NDArray[np.float32]
    smoothed: npt.NDArray[np.float32]


@dataclass(frozen=True)
class PersonSummary:
    """What a session saw of one person.

    Attributes:
        person: the track's number.
        first_s, last_s: when it was first and last seen, in seconds of the session.
        shares: share of its moments for each of `OUTCOMES`, summing to 1.
    """

    person: int
    first_s: float
    last_s: float
    shares: tuple[float, ...]

    @property
    def most(self) -> str:
        """The most frequent of `OUTCOMES`."""
        return OUTCOMES[int(np.argmax(self.shares))]


class SessionRecord:
    """Rows of a session. When they are full, every second moment goes and from then on every second is kept.

    So a long session stays whole, only coarser. Not thread-safe: the session's lock guards it.

    Args:
        started: when the session began, with its time zone.
        unsure_below: confidence in 0..1 under which the model is not sure.
        max_rows: rows that are kept at most.
    """

    def __init__(self, started: datetime, unsure_below: float, max_rows: int = MAX_ROWS) -> None:
        self.started = started
        self.unsure_below = unsure_below
        self._rows = np.zeros(max_rows, dtype=_ROW)
        self._n_rows = 0
        self._stride = 1
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
        for seen in observations:
            self.seconds_by_outcome[self._outcomes(seen.smoothed[None])[0]] += elapsed_s
        if frame % self._stride or not observations:
            return
        while self._n_rows + len(observations) > len(self._rows):
            if not self._thin_out():
                return
            if frame % self._stride:
                return
        for seen in observations:
            self._rows[self._n_rows] = (seconds, frame, seen.person, seen.box_xywh, seen.raw, seen.smoothed)
            self._n_rows += 1

    def copy(self) -> Self:
        """A record with the same rows, for another thread to read; it takes no further ones."""
        twin = type(self)(self.started, self.unsure_below, max_rows=0)
        twin._rows = self._rows[: self._n_rows].copy()
        twin._n_rows = self._n_rows
        twin._stride = self._stride
        twin.seconds_by_outcome = self.seconds_by_outcome.copy()
        return twin

    def _thin_out(self) -> bool:
        self._stride *= 2
        kept = self._rows[: self._n_rows]
        kept = kept[kept["frame"] % self._stride == 0]
        freed = self._n_rows - len(kept)
        self._rows[: len(kept)] = kept
        self._n_rows = len(kept)
        return freed > 0

    def _outcomes(self, smoothed: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
        """Index into `OUTCOMES` of (N, 7) probabilities."""
        return np.where(smoothed.max(axis=1) >= self.unsure_below, smoothed.argmax(axis=1), N_EMOTIONS)

    def rows(self, since_s: float = 0.0) -> npt.NDArray[Any]:
        """A copy of the rows from `since_s` on, as a structured array."""
        kept = self._rows[: self._n_rows]
        return kept[np.searchsorted(kept["seconds"], since_s) :].copy()

    def people(self) -> tuple[PersonSummary, ...]:
        """Everyone seen, in the order of their numbers."""
        rows = self._rows[: self._n_rows]
        outcomes = self._outcomes(rows["smoothed"]) if len(rows) else np.zeros(0, np.intp)
        people = []
        for person in np.unique(rows["person"]):
            of_person = rows["person"] == person
            counts = np.bincount(outcomes[of_person], minlength=len(OUTCOMES))
            seconds = rows["seconds"][of_person]
            shares = tuple(float(share) for share in counts / counts.sum())
            people.append(PersonSummary(int(person), float(seconds[0]), float(seconds[-1]), shares))
        return tuple(people)

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
        table["sure"] = smoothed.max(axis=1) >= self.unsure_below if len(rows) else []
        for index, name in enumerate(EMOTIONS):
            table[name] = smoothed[:, index].round(4)
        for index, name in enumerate(EMOTIONS):
            table[f"raw_{name}"] = raw[:, index].round(4)
        return pd.DataFrame(table)

    def to_csv(self) -> bytes:
        """`to_frame` as CSV, UTF-8."""
        return self.to_frame().to_csv(index=False).encode()

    def to_json(self, about: dict[str, Any]) -> bytes:
        """The session as JSON, UTF-8: `about` (what the caller knows), the shares of time, everyone seen, the rows."""
        total = float(self.seconds_by_outcome.sum())
        shares = self.seconds_by_outcome / total if total else self.seconds_by_outcome
        document = {
            **about,
            "started": self.started.isoformat(timespec="milliseconds"),
            "kept_every_nth_frame": self._stride,
            "unsure_below": self.unsure_below,
            "share_of_time": _named(shares),
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
        rows = self.to_frame().to_json(orient="records", double_precision=4)
        return f'{json.dumps(document, ensure_ascii=False)[:-1]}, "rows": {rows}}}'.encode()


def _named(shares: Iterable[float]) -> dict[str, float]:
    return {name: round(float(share), 4) for name, share in zip(OUTCOMES, shares, strict=True)}
