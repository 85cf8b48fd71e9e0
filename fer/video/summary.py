"""What a video shows in short: who was seen how long, their shares of time, strongest moments and changes."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fer.arrays import Image
from fer.emotions import N_EMOTIONS
from fer.streams.people import Person
from fer.streams.record import OUTCOMES, Observation, PersonSummary, SessionRecord, shares_of
from fer.streams.timeline import Timeline, timeline_of
from fer.summary.video_numbers import VideoNumbers
from fer.video.analysis import SKIPPED, AnalysedFrame
from fer.vision.crops import cut_square

# A longer gap between two frames doesn't count for anyone's expression.
_LONGEST_STEP_S: Final = 1.0
# An expression that lasts less isn't a change.
_SHORTEST_S: Final = 0.3
# Further people and changes are counted, but not listed, so that memory doesn't grow with the video.
MOST_PEOPLE: Final = 200
MOST_CHANGES: Final = 2_000
MOMENT_SIDE: Final = 96
# The face's box with a margin.
_MOMENT_SCALE: Final = 1.4


@dataclass(frozen=True, eq=False)
class Moment:
    """The moment in which a person's expression was most confident.

    Attributes:
        person: the number of the person.
        emotion: the expression.
        time_s: when, in seconds from the start of the stream.
        confidence: the smoothed confidence in 0..1.
        picture_bgr: (96, 96, 3) uint8; None if faces are blurred.
    """

    person: int
    emotion: str
    time_s: float
    confidence: float
    picture_bgr: Image | None


@dataclass(frozen=True)
class Change:
    """One person's expression changed: two of `OUTCOMES`, and when, in seconds from the start of the stream."""

    person: int
    before: str
    after: str
    time_s: float


@dataclass
class _Running:
    """What a person has looked like, and since when. `outcome` is what lasted, `candidate` what may replace it."""

    outcome: int
    candidate: int
    since_s: float


@dataclass
class VideoSummary:
    """The summary of a video, frame by frame, in bounded memory.

    Attributes:
        blur: whether faces must not be recognisable.
    """

    blur: bool = False
    n_frames: int = 0
    n_analysed: int = 0
    n_without_face: int = 0
    n_rows: int = 0
    last_s: float = 0.0
    changes: list[Change] = field(default_factory=list)
    n_changes: int = 0
    _moments: dict[tuple[int, int], Moment] = field(default_factory=dict)
    _running: dict[int, _Running] = field(default_factory=dict)
    _record: SessionRecord = field(default_factory=lambda: SessionRecord(datetime.fromtimestamp(0, UTC)))
    _analysed_s: float | None = None
    # Sums over the time in which faces were seen.
    _probabilities: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(N_EMOTIONS))
    _valence: float = 0.0

    def add(self, frame: AnalysedFrame) -> None:
        """Add the next frame."""
        self.n_frames += 1
        self.n_rows += max(1, len(frame.people))
        self.last_s = frame.time_s
        if frame.status == SKIPPED:
            return
        step_s = 0.0 if self._analysed_s is None else min(_LONGEST_STEP_S, frame.time_s - self._analysed_s)
        self._analysed_s = frame.time_s
        observations = frame.observations
        self._record.add(self.n_analysed, frame.time_s, step_s, observations)
        self.n_analysed += 1
        self.n_without_face += not frame.people
        for person, observation in zip(frame.people, observations, strict=True):
            self._probabilities += step_s * person.face.probabilities
            self._valence += step_s * person.face.valence
            if person.number <= MOST_PEOPLE:
                self._note_change(observation, frame.time_s)
                self._note_moment(person, frame)

    def _note_change(self, seen: Observation, now_s: float) -> None:
        running = self._running.get(seen.person)
        if running is None:
            self._running[seen.person] = _Running(seen.outcome, seen.outcome, now_s)
            return
        if seen.outcome != running.candidate:
            running.candidate, running.since_s = seen.outcome, now_s
        if running.candidate != running.outcome and now_s - running.since_s >= _SHORTEST_S:
            self.n_changes += 1
            if len(self.changes) < MOST_CHANGES:
                names = OUTCOMES[running.outcome], OUTCOMES[running.candidate]
                self.changes.append(Change(seen.person, *names, running.since_s))
            running.outcome = running.candidate

    def _note_moment(self, person: Person, frame: AnalysedFrame) -> None:
        face = person.face
        key = person.number, int(face.probabilities.argmax())
        best = self._moments.get(key)
        if not face.sure or (best is not None and best.confidence >= face.confidence):
            return
        picture = None
        if not self.blur and frame.image_bgr is not None:
            left, top, width, height = face.box_xywh
            side = _MOMENT_SCALE * max(width, height)
            picture = cut_square(frame.image_bgr, (left + width / 2, top + height / 2), side, MOMENT_SIDE, 0.0).pixels
        self._moments[key] = Moment(person.number, face.emotion, frame.time_s, face.confidence, picture)

    def people(self) -> tuple[PersonSummary, ...]:
        """Return everyone who was seen, by number."""
        return self._record.people()

    def shares(self) -> dict[str, float]:
        """Return the share of each of `OUTCOMES` in the time that faces were seen; all 0 without a face."""
        return dict(zip(OUTCOMES, shares_of(self._record.seconds_by_outcome).tolist(), strict=True))

    def moments(self, person: int | None = None) -> list[Moment]:
        """Return the strongest moments, of one person or of each, by person and in the order of `EMOTIONS`."""
        return [self._moments[key] for key in sorted(self._moments) if person in (None, key[0])]

    def numbers(self, file: str, error: str | None = None) -> VideoNumbers:
        """Return what the summary of many videos needs of this one.

        Args:
            file: the name by which the user knows the video.
            error: why it could not be analysed; None if it was.
        """
        seconds = self._record.seconds_by_outcome
        total = float(seconds.sum())
        return VideoNumbers(
            file,
            self.n_analysed,
            self.n_without_face,
            tuple(seconds.tolist()),
            tuple((self._probabilities / total).clip(0, 1).tolist()) if total else (),
            min(1.0, max(-1.0, self._valence / total)) if total else None,
            error,
        )

    def timeline(self) -> Timeline:
        """Return a line per person, with a few hundred points however long the video is."""
        spacing_s = self._record.every * self.last_s / max(self.n_analysed, 1)
        return timeline_of(self._record.rows(), 0.0, self.last_s, spacing_s=spacing_s)

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain JSON values, without pictures."""
        return {
            "frames": self.n_frames,
            "frames_analysed": self.n_analysed,
            "share_of_time": {name: round(share, 4) for name, share in self.shares().items()},
            "people": [
                {
                    "person": person.person,
                    "first_s": round(person.first_s, 6),
                    "last_s": round(person.last_s, 6),
                    "share_of_time": {
                        name: round(share, 4) for name, share in zip(OUTCOMES, person.shares, strict=True)
                    },
                }
                for person in self.people()
            ],
            "strongest": [
                {
                    "person": moment.person,
                    "emotion": moment.emotion,
                    "time_s": round(moment.time_s, 6),
                    "confidence": round(moment.confidence, 6),
                }
                for moment in self.moments()
            ],
            "changes": [
                {"person": one.person, "from": one.before, "to": one.after, "time_s": round(one.time_s, 6)}
                for one in self.changes
            ],
        }
