"""A live session: takes frames, returns annotated ones, and reports statistics. Threads and locks stay inside."""

import logging
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from fer.arrays import Image
from fer.errors import FerError, SlowModelError
from fer.live.overlay import draw
from fer.live.settings import LiveSettings
from fer.live.snapshot import STALLED_AFTER_S, LiveSnapshot
from fer.provenance import Provenance
from fer.streams.overlay import hide_all
from fer.streams.people import Person, observations_of, people_of
from fer.streams.pipeline import FacePipeline, SeenFace, StreamModel, stream_detector
from fer.streams.record import SessionRecord, shares_of
from fer.streams.timeline import Timeline, timeline_of
from fer.vision.boxes import FaceDetector

LOGGER = logging.getLogger(__name__)

# Statistics cover the last few seconds.
_RECENT_FRAMES: Final = 90
_FPS_WINDOW_S: Final = 3.0
# A longer pause (a covered camera, a sleeping computer) doesn't count for anyone's expression.
_LONGEST_STEP_S: Final = 1.0
# A stream whose viewer disappeared without STOP is active no longer than this.
_SILENT_AFTER_S: Final = 5.0
_CONNECTING_S: Final = 30.0
_LOG_EVERY: Final = 100


class LiveSession:
    """One stream from START to STOP.

    Only the thread that receives the frames may call `submit`. Any thread may call the other methods.

    Args:
        model: the model at the start.
        settings: the settings at the start.
        replacement: loads the model that takes the place of one that was stopped because it is too slow.
        make_detector: creates the detector for settings.
        clock: returns monotonic seconds.

    Raises:
        DetectorError: the detector's file is missing.
    """

    def __init__(
        self,
        model: StreamModel,
        settings: LiveSettings,
        *,
        replacement: Callable[[], StreamModel] | None = None,
        make_detector: Callable[[LiveSettings], FaceDetector] = stream_detector,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._replacement = replacement
        self._make_detector = make_detector
        self._clock = clock
        self._pipeline = FacePipeline()
        self._lock = threading.Lock()
        # Below: guarded by the lock.
        self._settings = settings
        self._detector = make_detector(settings)
        self._model = model
        self._model_names, self._model_hashes = [model.name], [model.hash]
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
        """Return the settings in effect."""
        with self._lock:
            return self._settings

    def change(self, settings: LiveSettings) -> None:
        """Change the settings from the next frame on.

        Raises:
            DetectorError: the detector's file is missing. The previous settings stay in effect.
        """
        with self._lock:
            unchanged = settings.detector_key == self._settings.detector_key
            detector = self._detector
        if not unchanged:
            # Outside the lock: loading a cascade takes tens of milliseconds, and frames must not wait for it.
            detector = self._make_detector(settings)
        with self._lock:
            self._settings = settings
            self._detector = detector

    @property
    def model(self) -> StreamModel:
        """Return the model in effect."""
        with self._lock:
            return self._model

    def change_model(self, model: StreamModel) -> None:
        """Change the model from the next frame on. The record names both."""
        with self._lock:
            self._model = model
            # The page and a frame may both notice that another model is in use.
            if model.name != self._model_names[-1]:
                self._model_names.append(model.name)
                self._model_hashes.append(model.hash)

    def submit(self, image_bgr: Image) -> Image:
        """Process a frame.

        Never raises, because an exception would end the stream. A frame that fails is counted and returned unchanged,
        or as a few squares if faces must be blurred.

        Args:
            image_bgr: (H, W, 3) uint8; not modified.

        Returns:
            The annotated frame, (H, W, 3) uint8. After `stop`, the frame is returned as if it had failed.
        """
        with self._lock:
            settings, detector, model = self._settings, self._detector, self._model
            ended = self._ended_s is not None
        if ended:
            return _unprocessed(image_bgr, settings)
        now_s = self._clock()
        started = time.perf_counter()
        try:
            seen, model = self._see(image_bgr, now_s, settings, detector, model)
            people = people_of(seen, model.confidence_threshold, model.sets)
            picture = draw(image_bgr, seen, people, settings, datetime.now())
        except Exception as error:
            picture = _unprocessed(image_bgr, settings)
            self._fail(error, picture)
        else:
            self._publish(picture, seen, people, now_s, (time.perf_counter() - started) * 1000)
        return picture

    def _see(
        self, image_bgr: Image, now_s: float, settings: LiveSettings, detector: FaceDetector, model: StreamModel
    ) -> tuple[tuple[SeenFace, ...], StreamModel]:
        """Return the faces of a frame and the model that classified them.

        If the model was stopped because it is too slow, another one takes over at once, so that no frame fails.
        """
        try:
            return self._pipeline.run(image_bgr, now_s, detector, model.classifier, settings), model
        except SlowModelError:
            if self._replacement is None:
                raise
            model = self._replacement()
            self.change_model(model)
            return self._pipeline.run(image_bgr, now_s, detector, model.classifier, settings), model

    def count_dropped(self, n_frames: int) -> None:
        """Count frames that were never submitted because the previous one was still being processed."""
        with self._lock:
            self._n_dropped += n_frames

    def count_failed(self, error: Exception) -> None:
        """Count a frame that couldn't be submitted."""
        self._fail(error, None)

    def _publish(
        self,
        picture: Image,
        seen: tuple[SeenFace, ...],
        people: tuple[Person, ...],
        now_s: float,
        cost_ms: float,
    ) -> None:
        observations = observations_of(seen, people)
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
        """Count a frame that failed, and keep the picture shown instead, if there is one."""
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
        """End the session. The record and the last picture stay available. A second call does nothing."""
        with self._lock:
            if self._ended_s is None:
                self._ended_s = self._clock()
                self._people = ()

    @property
    def active(self) -> bool:
        """Return whether the session has a viewer: it isn't stopped, and frames arrive or are about to."""
        with self._lock:
            if self._ended_s is not None:
                return False
            if self._last_frame_s is None:
                return self._clock() - self._began_s < _CONNECTING_S
            return self._clock() - self._last_frame_s < _SILENT_AFTER_S

    def snapshot(self) -> LiveSnapshot:
        """Return everything a page shows, at one moment."""
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
            )

    def timeline(self, last_s: float | None = 60.0) -> Timeline:
        """Return the smoothed probabilities of the last seconds, or of the whole session, for charts."""
        with self._lock:
            now_s = (self._clock() if self._ended_s is None else self._ended_s) - self._began_s
            first_s = 0.0 if last_s is None else max(0.0, now_s - last_s)
            rows = self._record.rows(first_s)
            spacing_s = self._record.every * now_s / max(self._n_frames, 1)
        return timeline_of(rows, first_s, now_s, spacing_s=spacing_s)

    def record(self) -> SessionRecord:
        """Return a copy of the record, which doesn't change any more."""
        with self._lock:
            return self._record.copy()

    def picture(self) -> Image | None:
        """Return the last annotated frame, (H, W, 3) uint8 BGR, or None before the first. Don't modify it."""
        with self._lock:
            return self._picture

    def provenance(self) -> Provenance:
        """Return what made the record. Where several models did, all are named; the rest is of the last one."""
        with self._lock:
            model, settings, detector = self._model, self._settings, self._detector
            names, hashes = (", then ".join(texts) for texts in (self._model_names, self._model_hashes))
        return Provenance(
            model=names,
            model_hash=hashes,
            detector=settings.detector,
            confidence_threshold=model.confidence_threshold,
            crop_scale=detector.crop_scale,
            candidate_coverage=model.sets.coverage if model.sets else None,
            accuracy=model.accuracy,
            date=self._record.started.astimezone(UTC).isoformat(timespec="seconds"),
        )

    def facts(self) -> dict[str, Any]:
        """Return what the record's JSON says about the session besides its provenance."""
        snapshot, settings, sets = self.snapshot(), self.settings, self.model.sets
        return {
            "sets": sets and sets.to_dict(),
            "detect_every": settings.detect_every,
            "smoothing_seconds": settings.smoothing_s,
            "seconds": round(snapshot.age_s, 3),
            "frames": snapshot.n_frames,
            "frames_dropped": snapshot.n_dropped,
            "frames_failed": snapshot.n_failed,
        }


def _unprocessed(image_bgr: Image, settings: LiveSettings) -> Image:
    """Return a frame in which no face was detected; if faces must be blurred, nobody is recognisable on it."""
    return hide_all(image_bgr) if settings.blur else image_bgr


def _in_one_line(error: Exception) -> str:
    text = str(error) if isinstance(error, FerError) else f"{type(error).__name__}: {error}"
    return text.splitlines()[0]
