"""Faces that keep their number and their expression from frame to frame.

Boxes of a detection are assigned to the tracks at hand by overlap (Hungarian method, scipy); a track survives a few
detections that miss it, as they do when a head turns, and is forgotten afterwards. Where looks are compared, whoever
comes back gets the old track again.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from fer.arrays import Boxes, Floats, Probabilities
from fer.emotions import N_EMOTIONS
from fer.results import Pose
from fer.vision.quality import Objections

# Less overlap than this is another face.
MIN_IOU: Final = 0.25
# A track is forgotten when more detections than this in a row have missed it and it was not seen for so long.
MAX_MISSED: Final = 3
KEEP_S: Final = 0.6
# A detector's boxes differ by 15 to 19 % in size from frame to frame: a new size counts for half.
_SIZE_WEIGHT: Final = 0.5
# Likeness of looks, -1..1. From the first on, a face may belong to a track that was just missed, or to a person who
# was last seen within `_HIDDEN_S`; from the second on, to anyone who has left.
_ALIKE: Final = 0.5
_SAME: Final = 0.7
_HIDDEN_S: Final = 5.0
_LOOK_WEIGHT: Final = 0.1
# People who have left and are still known.
_MOST_GONE: Final = 50


def iou(boxes_xywh: npt.ArrayLike, others_xywh: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return the intersection over union of every pair of boxes.

    Args:
        boxes_xywh: (N, 4) left, top, width, height.
        others_xywh: (M, 4) likewise.

    Returns:
        (N, M) float32 in 0..1.
    """
    one = np.asarray(boxes_xywh, dtype=np.float32).reshape(-1, 1, 4)
    two = np.asarray(others_xywh, dtype=np.float32).reshape(1, -1, 4)
    left_top = np.maximum(one[..., :2], two[..., :2])
    right_bottom = np.minimum(one[..., :2] + one[..., 2:], two[..., :2] + two[..., 2:])
    common = np.clip(right_bottom - left_top, 0, None).prod(axis=-1)
    union = one[..., 2:].prod(axis=-1) + two[..., 2:].prod(axis=-1) - common
    ratio: npt.NDArray[np.float32] = np.where(union > 0, common / np.maximum(union, 1e-9), 0).astype(np.float32)
    return ratio


@dataclass(eq=False)
class Track:
    """One face over time.

    Attributes:
        track_id: from 1, never given twice by one tracker.
        box_xywh: (4,) float32, where the face is now.
        seen_s: when a detection last confirmed it, in seconds of the caller's clock.
        hits: detections that found it.
        missed: detections in a row that did not.
        raw: (7,) float32, the last frame's probabilities; None before the first.
        smoothed: (7,) float32, the same smoothed over time; None before the first.
        classified_s: when it was last classified.
        roll: degrees by which the head is turned clockwise.
        pose: where the head is turned; None if the detector finds no landmarks.
        looked_s: when a closer look last measured both.
        against: what spoke against an answer about it then.
        look: (D,) what the head looks like, averaged; None if nobody compares.
        velocity: (2,) pixels per second between the last two detections.
        moved: whether optical flow has moved the box since the last detection.
        returned_s: when someone who was forgotten last came back.
    """

    track_id: int
    box_xywh: Boxes
    seen_s: float
    hits: int = 1
    missed: int = 0
    raw: Probabilities | None = None
    smoothed: Probabilities | None = None
    classified_s: float = -math.inf
    roll: float = 0.0
    pose: Pose | None = None
    looked_s: float = -math.inf
    against: Objections = field(default_factory=Objections)
    look: Floats | None = None
    velocity: Floats = field(default_factory=lambda: np.zeros(2, np.float32))
    moved: bool = False
    returned_s: float = -math.inf

    def confirm(self, box_xywh: Boxes, now_s: float, look: Floats | None = None) -> None:
        """Note that a detection found the face."""
        size = _SIZE_WEIGHT * box_xywh[2:] + (1 - _SIZE_WEIGHT) * self.box_xywh[2:]
        center, before = box_xywh[:2] + box_xywh[2:] / 2, self.box_xywh[:2] + self.box_xywh[2:] / 2
        if now_s > self.seen_s and self.missed == 0 and not self.moved:
            self.velocity = np.asarray((center - before) / (now_s - self.seen_s), np.float32)
        self.box_xywh = np.concatenate([center - size / 2, size]).astype(np.float32)
        self.seen_s = now_s
        self.hits += 1
        self.missed = 0
        self.moved = False
        if look is not None:
            mixed = look if self.look is None else (1 - _LOOK_WEIGHT) * self.look + _LOOK_WEIGHT * look
            self.look = np.asarray(mixed / max(float(np.linalg.norm(mixed)), 1e-6), np.float32)

    def ahead(self, now_s: float) -> Boxes:
        """Return the box where the face was heading, unless optical flow has moved it or it was missed."""
        if self.moved or self.missed:
            return self.box_xywh
        box = self.box_xywh.copy()
        box[:2] += self.velocity * np.float32(now_s - self.seen_s)
        return box

    def return_at(self, box_xywh: Boxes, now_s: float) -> None:
        """Note that someone who was forgotten is back."""
        self.box_xywh, self.seen_s, self.missed, self.moved = box_xywh.copy(), now_s, 0, False
        self.velocity = np.zeros(2, np.float32)
        # The frames before may not be classified yet, so what was smoothed stays until this one is.
        self.returned_s = now_s
        self.looked_s = -math.inf

    def forget_answers(self) -> None:
        """Forget the probabilities: those of someone who was away say nothing about now."""
        self.raw = self.smoothed = None

    def smooth(self, probabilities: npt.ArrayLike, now_s: float, smoothing_s: float) -> None:
        """Add a frame's probabilities.

        The smoothed ones follow exponentially with the time constant `smoothing_s`, whatever the frame rate: after a
        change they have come 63 % of the way in that time. They sum to one as the raw ones do.

        Args:
            probabilities: (7,) summing to 1.
            now_s: the frame's time in seconds.
            smoothing_s: 0 takes every frame as it is.

        Raises:
            ValueError: the shape does not fit.
        """
        raw = np.array(probabilities, dtype=np.float32)
        if raw.shape != (N_EMOTIONS,):
            raise ValueError(f"probabilities: expected shape ({N_EMOTIONS},). Received: {raw.shape}")
        if self.smoothed is None or smoothing_s <= 0:
            self.smoothed = raw.copy()
        else:
            elapsed = max(0.0, now_s - self.classified_s)
            self.smoothed = self.smoothed + np.float32(1 - math.exp(-elapsed / smoothing_s)) * (raw - self.smoothed)
        self.raw, self.classified_s = raw, now_s


class FaceTracker:
    """Keeps the tracks of one stream. Not thread-safe: it belongs to the thread that processes the frames.

    Args:
        min_iou: overlap under which a box is not the track's next one.
        max_missed: detections in a row that may miss a track.
        keep_s: seconds for which a track lives on at least, however many detections miss it in that time.
    """

    def __init__(self, min_iou: float = MIN_IOU, max_missed: int = MAX_MISSED, keep_s: float = KEEP_S) -> None:
        # Late: a process that analyses only photos imports this module, but never a third of a second of scipy.
        from scipy.optimize import linear_sum_assignment

        self._assign = linear_sum_assignment
        self._min_iou = min_iou
        self._max_missed = max_missed
        self._keep_s = keep_s
        self._tracks: list[Track] = []
        # Those that were forgotten and have looks, the last one last.
        self._gone: deque[Track] = deque(maxlen=_MOST_GONE)
        self._next_id = 1

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Return the current tracks, oldest first, including those that the last detection missed."""
        return tuple(self._tracks)

    def clear(self) -> None:
        """Forget every track; numbering continues."""
        self._tracks = []

    def boxes(self, tracks: Sequence[Track] | None = None) -> Boxes:
        """Return the boxes of `tracks`, or of all: (N, 4) float32."""
        chosen = self._tracks if tracks is None else tracks
        return np.array([track.box_xywh for track in chosen], dtype=np.float32).reshape(-1, 4)

    def move(self, tracks: Sequence[Track], boxes_xywh: npt.ArrayLike) -> None:
        """Put `tracks` where optical flow saw them go; this confirms nothing.

        Args:
            tracks: of this tracker.
            boxes_xywh: (N, 4), a box a track, in the same order.
        """
        for track, box in zip(tracks, np.asarray(boxes_xywh, dtype=np.float32).reshape(-1, 4), strict=True):
            track.box_xywh = box.copy()
            track.moved = True

    def update(self, boxes_xywh: npt.ArrayLike, now_s: float, looks: Floats | None = None) -> None:
        """Add a detection: assign its boxes, begin tracks for the rest, forget those that were missed for long.

        A track that only one detection has seen is forgotten at its first miss: mistakes of a detector come singly.

        Args:
            boxes_xywh: (N, 4) left, top, width, height, of all faces found in this frame.
            now_s: the frame's time in seconds.
            looks: (N, D) from `fer.vision.looks.looks_of`. With them, people who cross keep their tracks, and someone
                who comes back gets the old track again.
        """
        boxes = np.asarray(boxes_xywh, dtype=np.float32).reshape(-1, 4)
        matched = self._matches(boxes, now_s, looks)
        for index, one in enumerate(self._tracks):
            if index in matched:
                column = matched[index]
                one.confirm(boxes[column], now_s, None if looks is None else looks[column])
            else:
                one.missed += 1
        alive = [track for track in self._tracks if self._alive(track, now_s)]
        self._gone += [track for track in self._tracks if track not in alive and track.look is not None]
        self._tracks = alive
        new = sorted(set(range(len(boxes))) - set(matched.values()))
        known = {} if looks is None else self._known(looks, new, now_s)
        for column in new:
            look = None if looks is None else looks[column]
            track = known.get(column)
            if track is None:
                self._tracks.append(Track(self._next_id, boxes[column].copy(), now_s, look=look))
                self._next_id += 1
            else:
                self._gone.remove(track)
                track.return_at(boxes[column], now_s)
                self._tracks.append(track)

    def _matches(self, boxes: Boxes, now_s: float, looks: Floats | None) -> dict[int, int]:
        """Return which box is whose: index of the track to index of the box."""
        # A fast face is where it was heading, one that stops is where it was.
        ahead = np.array([track.ahead(now_s) for track in self._tracks], np.float32).reshape(-1, 4)
        overlap = np.maximum(iou(self.boxes(), boxes), iou(ahead, boxes))
        possible = overlap >= self._min_iou
        score = overlap
        if looks is not None:
            alike = _likeness(self._tracks, looks)
            score = overlap + alike
            missed = np.array([track.missed > 0 for track in self._tracks], np.bool_)
            # Whoever appears where someone was hidden may be another one.
            possible &= (alike >= _ALIKE) | ~missed[:, None]
        score = np.where(possible, score, 0)
        rows, columns = self._assign(score, maximize=True)
        return {int(row): int(column) for row, column in zip(rows, columns, strict=True) if possible[row, column]}

    def _known(self, looks: Floats, new: Sequence[int], now_s: float) -> dict[int, Track]:
        """Return who of the forgotten ones has come back: index of the box to track."""
        if not new or not self._gone:
            return {}
        gone = list(self._gone)
        alike = _likeness(gone, looks[new])
        rows, columns = self._assign(alike, maximize=True)
        return {
            new[int(column)]: gone[int(row)]
            for row, column in zip(rows, columns, strict=True)
            if alike[row, column] >= (_ALIKE if now_s - gone[row].seen_s <= _HIDDEN_S else _SAME)
        }

    def _alive(self, track: Track, now_s: float) -> bool:
        if track.missed == 0:
            return True
        if track.hits == 1:
            return False
        return track.missed <= self._max_missed or now_s - track.seen_s <= self._keep_s


def _likeness(tracks: Sequence[Track], looks: Floats) -> Floats:
    """Return (N, M) in -1..1: how alike each track and each look are."""
    known = [np.zeros(looks.shape[1], np.float32) if track.look is None else track.look for track in tracks]
    return np.array(known, np.float32).reshape(-1, looks.shape[1]) @ looks.T
