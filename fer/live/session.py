"""A live session: frames in, annotated frames out, figures for whoever asks. Threads and locks stay in here."""

import logging
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from fer.live.overlay import Person, draw, hide_all
from fer.live.pipeline import Classifier, FacePipeline, SeenFace, live_detector
from fer.live.record import OUTCOMES, Observation, SessionRecord
from fer.live.settings import LiveSettings
from fer.live.timeline import Timeline, timeline_of
from fer.results import Face
from fer.vision.detection import FaceDetector

LOGGER = logging.getLogger(__name__)
Image = npt.NDArray[np.uint8]

# The page's figures are of the last few seconds.
_RECENT_FRAMES: Final = 90
_FPS_WINDOW_S: Final = 3.0
# A pause longer than this (a covered camera, a sleeping computer) is nobody's expression.
_LONGEST_STEP_S: Final = 1.0
# A stream whose viewer vanished without a word holds its place no longer than this.
_SILENT_AFTER_S: Final = 5.0
_CONNECTING_S: Final = 30.0
_LOG_EVERY: Final = 100


@dataclass(frozen=True, eq=False)
class LiveSnapshot:
    """The session at one moment.

    Attributes:
        people: everyone in the last frame, by number.
        n_frames: frames processed, failed ones included.
        n_dropped: frames that came while another was being processed.
        n_failed: frames that were passed through because processing raised.
        last_failure: what it raised, in one line; None where nothing did.
        fps: frames processed a second, over the last three seconds.
        processing_ms: median time of a frame, over the last 90.
        age_s: seconds since the session began.
        silent_s: seconds since the last frame, or since the beginning where there was none.
        shares: (8,) share of time for each of `fer.live.record.OUTCOMES`, summing to 1, or all 0 without a face.
        n_rows: rows of the record.
        ended: whether `stop` was called.
    """

    people: tuple[Person, ...]
    n_frames: int
    n_dropped: int
    n_failed: int
    last_failure: str | None
    fps: float
    processing_ms: float | None
    age_s: float
    silent_s: float
    shares: npt.NDArray[np.float64]
    n_rows: int
    ended: bool


class LiveSession:
    """One stream from START to STOP.

    `submit` is called by the thread that receives the frames; everything else by any thread.

    Args:
        classifier: shared with other sessions.
        settings: what to begin with.
        unsure_below: confidence in 0..1 under which the model is not sure.
        model: the model's name, for the exported record.
        make_detector: makes the detector that settings ask for.
        clock: seconds that never go back.

    Raises:
        DetectorError: the detector's file is missing.
    """

    def __init__(
        self,
        classifier: Classifier,
        settings: LiveSettings,
        *,
        unsure_below: float = 0.0,
        model: str = "",
        make_detector: Callable[[LiveSettings], FaceDetector] = live_detector,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # OpenCV's own threads would let one stream take every core; it works on small images here.
        cv2.setNumThreads(1)
        self._make_detector = make_detector
        self._clock = clock
        self._unsure_below = unsure_below
        self._model = model
        self._pipeline = FacePipeline(classifier)
        self._lock = threading.Lock()
        # Below: guarded by the lock.
        self._settings = settings
        self._detector = make_detector(settings)
        self._record = SessionRecord(datetime.now().astimezone(), unsure_below)
        self._began_s = clock()
        self._ended_s: float | None = None
        self._last_frame_s: float | None = None
        self._people: tuple[Person, ...] = ()
        self._picture: Image | None = None
        self._n_frames = self._n_dropped = self._n_failed = 0
        self._last_failure: str | None = None
        self._frame_times: deque[float] = deque(maxlen=_RECENT_FRAMES)
        self._costs_ms: deque[float] = deque(maxlen=_RECENT_FRAMES)

    @property
    def settings(self) -> LiveSettings:
        """What acts now."""
        with self._lock:
            return self._settings

    def change(self, settings: LiveSettings) -> None:
        """Let other settings act from the next frame on.

        Raises:
            DetectorError: the detector's file is missing; the settings before stay in force.
        """
        with self._lock:
            unchanged = settings.detector_key == self._settings.detector_key
            detector = self._detector
        if not unchanged:
            # Reading a cascade takes tens of milliseconds, in which frames go on with the detector before.
            detector = self._make_detector(settings)
        with self._lock:
            self._settings = settings
            self._detector = detector

    def submit(self, image_bgr: Image) -> Image:
        """Process a frame.

        Whatever goes wrong is counted and the frame comes back as it was (or hidden altogether where faces are to be
        blurred): an exception would end the stream for good.

        Args:
            image_bgr: (H, W, 3) uint8; it is not changed.

        Returns:
            (H, W, 3) uint8, annotated; the frame itself after `stop`.
        """
        with self._lock:
            if self._ended_s is not None:
                return image_bgr
            settings, detector = self._settings, self._detector
        now_s = self._clock()
        started = time.perf_counter()
        failure: str | None = None
        people: tuple[Person, ...] = ()
        try:
            seen = self._pipeline.run(image_bgr, now_s, detector, settings)
            people = tuple(self._people_of(seen))
            picture = draw(image_bgr, seen, people, settings, datetime.now())
        except Exception as error:
            failure = _in_one_line(error)
            picture = hide_all(image_bgr) if settings.blur else image_bgr
            if self._n_failed % _LOG_EVERY == 0:
                LOGGER.exception("A frame failed and is passed through (%d so far)", self._n_failed + 1)
            seen = ()
        self._publish(picture, seen, people, failure, now_s, (time.perf_counter() - started) * 1000)
        return picture

    def count_dropped(self, n_frames: int) -> None:
        """Count frames that came while another was being processed and were never submitted."""
        with self._lock:
            self._n_dropped += n_frames

    def count_failed(self, error: Exception) -> None:
        """Count a frame that could not even be submitted."""
        with self._lock:
            self._n_frames += 1
            self._n_failed += 1
            self._last_failure = _in_one_line(error)

    def _people_of(self, seen: tuple[SeenFace, ...]) -> list[Person]:
        people = []
        for face in seen:
            if face.confirmed and face.raw is not None and face.smoothed is not None:
                left, top, width, height = (round(float(value)) for value in face.box_xywh)
                box = (left, top, max(1, width), max(1, height))
                # Hundreds of float32 steps leave the sum a little off one.
                smoothed = face.smoothed / face.smoothed.sum()
                people.append(Person(face.track_id, Face(box, smoothed, self._unsure_below), face.raw))
        return people

    def _publish(
        self,
        picture: Image,
        seen: tuple[SeenFace, ...],
        people: tuple[Person, ...],
        failure: str | None,
        now_s: float,
        cost_ms: float,
    ) -> None:
        present = {face.track_id: face for face in seen if face.present}
        observations = [
            Observation(person.track_id, present[person.track_id].box_xywh, person.raw, person.face.probabilities)
            for person in people
            if person.track_id in present
        ]
        with self._lock:
            if self._ended_s is not None:
                return
            step_s = 0.0 if self._last_frame_s is None else min(_LONGEST_STEP_S, now_s - self._last_frame_s)
            self._record.add(self._n_frames, now_s - self._began_s, step_s, observations)
            self._last_frame_s = now_s
            self._n_frames += 1
            self._frame_times.append(now_s)
            self._costs_ms.append(cost_ms)
            self._picture = picture
            if failure is None:
                self._people = people
            else:
                self._n_failed += 1
                self._last_failure = failure

    def stop(self) -> None:
        """End the session; the record and the last picture stay. Calling it again does nothing."""
        with self._lock:
            if self._ended_s is None:
                self._ended_s = self._clock()
                self._people = ()

    @property
    def active(self) -> bool:
        """Whether a viewer is behind it: not stopped, and frames come or are about to."""
        with self._lock:
            if self._ended_s is not None:
                return False
            if self._last_frame_s is None:
                return self._clock() - self._began_s < _CONNECTING_S
            return self._clock() - self._last_frame_s < _SILENT_AFTER_S

    def snapshot(self) -> LiveSnapshot:
        """Everything a page shows, at one moment."""
        with self._lock:
            now_s = self._clock() if self._ended_s is None else self._ended_s
            recent = [moment for moment in self._frame_times if now_s - moment <= _FPS_WINDOW_S]
            span_s = recent[-1] - recent[0] if len(recent) > 1 else 0.0
            total_s = float(self._record.seconds_by_outcome.sum())
            return LiveSnapshot(
                people=self._people,
                n_frames=self._n_frames,
                n_dropped=self._n_dropped,
                n_failed=self._n_failed,
                last_failure=self._last_failure,
                fps=(len(recent) - 1) / span_s if span_s > 0 else 0.0,
                processing_ms=statistics.median(self._costs_ms) if self._costs_ms else None,
                age_s=now_s - self._began_s,
                silent_s=now_s - (self._began_s if self._last_frame_s is None else self._last_frame_s),
                shares=self._record.seconds_by_outcome / total_s if total_s else np.zeros(len(OUTCOMES)),
                n_rows=len(self._record),
                ended=self._ended_s is not None,
            )

    def timeline(self, last_s: float | None = 60.0) -> Timeline:
        """The smoothed probabilities of the last seconds, or of the whole session, a few points a second a person."""
        with self._lock:
            now_s = (self._clock() if self._ended_s is None else self._ended_s) - self._began_s
            first_s = 0.0 if last_s is None else max(0.0, now_s - last_s)
            rows = self._record.rows(first_s)
        return timeline_of(rows, first_s, now_s)

    def record(self) -> SessionRecord:
        """A copy of the record that no frame changes any more."""
        with self._lock:
            return self._record.copy()

    def picture(self) -> Image | None:
        """The last annotated frame, (H, W, 3) uint8 BGR; None before the first. It is not to be changed."""
        with self._lock:
            return self._picture

    def about(self) -> dict[str, Any]:
        """What the record's JSON says of the session besides its rows."""
        snapshot, settings = self.snapshot(), self.settings
        return {
            "model": self._model,
            "detector": settings.detector,
            "detect_every": settings.detect_every,
            "smoothing_seconds": settings.smoothing_s,
            "seconds": round(snapshot.age_s, 3),
            "frames": snapshot.n_frames,
            "frames_dropped": snapshot.n_dropped,
            "frames_failed": snapshot.n_failed,
        }


def _in_one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
