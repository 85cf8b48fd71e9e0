"""A live session: frames in, annotated frames out, figures for whoever asks. Threads and locks stay in here."""

import logging
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from fer.arrays import Image
from fer.live.overlay import Person, draw, hide_all, people_of
from fer.live.pipeline import FacePipeline, LiveModel, SeenFace, live_detector
from fer.live.record import Observation, SessionRecord, shares_of
from fer.live.settings import LiveSettings
from fer.live.snapshot import STALLED_AFTER_S, LiveSnapshot
from fer.live.timeline import Timeline, timeline_of
from fer.vision.detection import FaceDetector

LOGGER = logging.getLogger(__name__)

# The page's figures are of the last few seconds.
_RECENT_FRAMES: Final = 90
_FPS_WINDOW_S: Final = 3.0
# A pause longer than this (a covered camera, a sleeping computer) is nobody's expression.
_LONGEST_STEP_S: Final = 1.0
# A stream whose viewer vanished without a word holds its place no longer than this.
_SILENT_AFTER_S: Final = 5.0
_CONNECTING_S: Final = 30.0
_LOG_EVERY: Final = 100


class LiveSession:
    """One stream from START to STOP.

    `submit` is called by the thread that receives the frames; everything else by any thread.

    Args:
        model: what to begin with.
        settings: likewise.
        make_detector: makes the detector that settings ask for.
        clock: seconds that never go back.

    Raises:
        DetectorError: the detector's file is missing.
    """

    def __init__(
        self,
        model: LiveModel,
        settings: LiveSettings,
        *,
        make_detector: Callable[[LiveSettings], FaceDetector] = live_detector,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make_detector = make_detector
        self._clock = clock
        self._pipeline = FacePipeline()
        self._lock = threading.Lock()
        # Below: guarded by the lock.
        self._settings = settings
        self._detector = make_detector(settings)
        self._model = model
        self._model_names = [model.name]
        self._record = SessionRecord(datetime.now().astimezone())
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

    @property
    def model(self) -> LiveModel:
        """What judges the faces now."""
        with self._lock:
            return self._model

    def change_model(self, model: LiveModel) -> None:
        """Let another model judge from the next frame on; the record names both."""
        with self._lock:
            self._model = model
            self._model_names.append(model.name)

    def submit(self, image_bgr: Image) -> Image:
        """Process a frame.

        Whatever goes wrong is counted and the frame comes back as it was (or hidden altogether where faces are to be
        blurred): an exception would end the stream for good.

        Args:
            image_bgr: (H, W, 3) uint8; it is not changed.

        Returns:
            (H, W, 3) uint8, annotated; after `stop` the frame itself, or hidden altogether likewise.
        """
        with self._lock:
            settings, detector, model = self._settings, self._detector, self._model
            ended = self._ended_s is not None
        if ended:
            return _unprocessed(image_bgr, settings)
        now_s = self._clock()
        started = time.perf_counter()
        try:
            seen = self._pipeline.run(image_bgr, now_s, detector, model.classifier, settings)
            people = people_of(seen, model.confidence_threshold)
            picture = draw(image_bgr, seen, people, settings, datetime.now())
        except Exception as error:
            picture = _unprocessed(image_bgr, settings)
            self._fail(error, picture)
        else:
            self._publish(picture, seen, people, now_s, (time.perf_counter() - started) * 1000)
        return picture

    def count_dropped(self, n_frames: int) -> None:
        """Count frames that came while another was being processed and were never submitted."""
        with self._lock:
            self._n_dropped += n_frames

    def count_failed(self, error: Exception) -> None:
        """Count a frame that could not even be submitted."""
        self._fail(error, None)

    def _publish(
        self,
        picture: Image,
        seen: tuple[SeenFace, ...],
        people: tuple[Person, ...],
        now_s: float,
        cost_ms: float,
    ) -> None:
        present = {face.track_id: face for face in seen if face.present}
        observations = [
            Observation(
                person.track_id,
                present[person.track_id].box_xywh,
                person.raw,
                person.face.probabilities,
                person.face.sure,
            )
            for person in people
            if person.track_id in present
        ]
        with self._lock:
            if self._ended_s is not None:
                return
            step_s = 0.0 if self._last_frame_s is None else min(_LONGEST_STEP_S, now_s - self._last_frame_s)
            self._record.add(self._n_frames, now_s - self._began_s, step_s, observations)
            self._arrived(now_s)
            self._costs_ms.append(cost_ms)
            self._picture = picture
            self._people = people

    def _fail(self, error: Exception, picture: Image | None) -> None:
        """Count a frame that failed, with what was shown instead where that is known; people stay as they were."""
        with self._lock:
            if self._ended_s is not None:
                return
            self._arrived(self._clock())
            self._n_failed += 1
            n_failed = self._n_failed
            self._last_failure = _in_one_line(error)
            if picture is not None:
                self._picture = picture
        if n_failed % _LOG_EVERY == 1:
            LOGGER.error("A frame failed (%d so far)", n_failed, exc_info=error)

    def _arrived(self, now_s: float) -> None:
        self._last_frame_s = now_s
        self._n_frames += 1
        self._frame_times.append(now_s)

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
            silent_s = now_s - (self._began_s if self._last_frame_s is None else self._last_frame_s)
            stalled = silent_s > STALLED_AFTER_S
            return LiveSnapshot(
                people=() if stalled else self._people,
                n_frames=self._n_frames,
                n_dropped=self._n_dropped,
                n_failed=self._n_failed,
                last_failure=self._last_failure,
                fps=(len(recent) - 1) / span_s if span_s > 0 and not stalled else 0.0,
                processing_ms=statistics.median(self._costs_ms) if self._costs_ms else None,
                age_s=now_s - self._began_s,
                silent_s=silent_s,
                shares=shares_of(self._record.seconds_by_outcome),
                n_rows=len(self._record),
                ended=self._ended_s is not None,
            )

    def timeline(self, last_s: float | None = 60.0) -> Timeline:
        """The smoothed probabilities of the last seconds, or of the whole session, a few points a second a person."""
        with self._lock:
            now_s = (self._clock() if self._ended_s is None else self._ended_s) - self._began_s
            first_s = 0.0 if last_s is None else max(0.0, now_s - last_s)
            rows = self._record.rows(first_s)
            spacing_s = self._record.every * now_s / max(self._n_frames, 1)
        return timeline_of(rows, first_s, now_s, spacing_s=spacing_s)

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
        with self._lock:
            model, names = self._model, ", then ".join(self._model_names)
        return {
            "model": names,
            "confidence_threshold": model.confidence_threshold,
            "detector": settings.detector,
            "detect_every": settings.detect_every,
            "smoothing_seconds": settings.smoothing_s,
            "seconds": round(snapshot.age_s, 3),
            "frames": snapshot.n_frames,
            "frames_dropped": snapshot.n_dropped,
            "frames_failed": snapshot.n_failed,
        }


def _unprocessed(image_bgr: Image, settings: LiveSettings) -> Image:
    """A frame in which no face was looked for: nobody is to be seen on it where faces are blurred."""
    return hide_all(image_bgr) if settings.blur else image_bgr


def _in_one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
