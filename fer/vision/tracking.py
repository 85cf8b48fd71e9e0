"""Faces that keep their number and their expression from frame to frame.

Boxes of a detection are assigned to the tracks at hand by overlap (Hungarian method, scipy); a track survives a few
detections that miss it, as they do when a head turns, and is forgotten afterwards.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from fer.arrays import Boxes, Probabilities
from fer.emotions import N_EMOTIONS
from fer.vision.quality import Objections

# Less overlap than this is another face.
MIN_IOU: Final = 0.25
# A track is forgotten when more detections than this in a row have missed it and it was not seen for so long.
MAX_MISSED: Final = 3
KEEP_S: Final = 0.6
# A detector's boxes differ by 15 to 19 % in size from frame to frame: a new size counts for half.
_SIZE_WEIGHT: Final = 0.5


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
        rolled_s: when the roll was last measured.
        against: what spoke against an answer about it then.
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
    rolled_s: float = -math.inf
    against: Objections = field(default_factory=Objections)

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
        self._min_iou = min_iou
        self._max_missed = max_missed
        self._keep_s = keep_s
        self._tracks: list[Track] = []
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

    def update(self, boxes_xywh: npt.ArrayLike, now_s: float) -> None:
        """Add a detection: assign its boxes, begin tracks for the rest, forget those that were missed for long.

        A track that only one detection has seen is forgotten at its first miss: mistakes of a detector come singly.

        Args:
            boxes_xywh: (N, 4) left, top, width, height, of all faces found in this frame.
            now_s: the frame's time in seconds.
        """
        boxes = np.asarray(boxes_xywh, dtype=np.float32).reshape(-1, 4)
        overlap = iou(self.boxes(), boxes)
        rows, columns = linear_sum_assignment(overlap, maximize=True)
        matched = {
            int(row): int(column)
            for row, column in zip(rows, columns, strict=True)
            if overlap[row, column] >= self._min_iou
        }
        for index, track in enumerate(self._tracks):
            if index in matched:
                self._confirm(track, boxes[matched[index]], now_s)
            else:
                track.missed += 1
        self._tracks = [track for track in self._tracks if self._alive(track, now_s)]
        for column in sorted(set(range(len(boxes))) - set(matched.values())):
            self._tracks.append(Track(self._next_id, boxes[column].copy(), now_s))
            self._next_id += 1

    def _confirm(self, track: Track, box: Boxes, now_s: float) -> None:
        size = _SIZE_WEIGHT * box[2:] + (1 - _SIZE_WEIGHT) * track.box_xywh[2:]
        centre = box[:2] + box[2:] / 2
        track.box_xywh = np.concatenate([centre - size / 2, size]).astype(np.float32)
        track.seen_s = now_s
        track.hits += 1
        track.missed = 0

    def _alive(self, track: Track, now_s: float) -> bool:
        if track.missed == 0:
            return True
        if track.hits == 1:
            return False
        return track.missed <= self._max_missed or now_s - track.seen_s <= self._keep_s
