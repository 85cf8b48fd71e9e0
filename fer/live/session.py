"""A live session: takes frames, returns annotated ones, and reports statistics. Threads and locks stay inside."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from fer.arrays import Image
from fer.errors import SlowModelError
from fer.live.overlay import draw
from fer.live.settings import LiveSettings
from fer.live.snapshot import STALLED_AFTER_S, LiveSnapshot
from fer.live.statistics import FrameStatistics
from fer.provenance import Provenance
from fer.streams.overlay import hide_all
from fer.streams.people import Person, observations_of, people_of
from fer.streams.pipeline import FacePipeline, SeenFace, StreamModel, stream_detector
from fer.streams.record import SessionRecord, shares_of
from fer.streams.timeline import Timeline, timeline_of
from fer.vision.boxes import FaceDetector

LOGGER = logging.getLogger(__name__)

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
        self._statistics = FrameStatistics(clock())
        self._people: tuple[Person, ...] = ()
        self._picture: Image | None = None

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
            ended = self._statistics.ended_s is not None
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
            self._statistics.n_dropped += n_frames

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
            frames = self._statistics
            if frames.ended_s is not None:
                return
            self._record.add(frames.n_frames, now_s - frames.began_s, frames.step_s(now_s), observations)
            frames.processed(now_s, cost_ms)
            self._picture = picture
            self._people = people

    def _fail(self, error: Exception, picture: Image | None) -> None:
        """Count a frame that failed, and keep the picture shown instead, if there is one."""
        with self._lock:
            if self._statistics.ended_s is not None:
                return
            self._statistics.failed(self._clock(), error)
            n_failed = self._statistics.n_failed
            if picture is not None:
                self._picture = picture
        if n_failed % _LOG_EVERY == 1:
            LOGGER.error("A frame failed (%d so far)", n_failed, exc_info=error)

    def stop(self) -> None:
        """End the session. The record and the last picture stay available. A second call does nothing."""
        with self._lock:
            if self._statistics.ended_s is None:
                self._statistics.ended_s = self._clock()
                self._people = ()

    @property
    def active(self) -> bool:
        """Return whether the session has a viewer: it isn't stopped, and frames arrive or are about to."""
        with self._lock:
            return self._statistics.active(self._clock())

    def snapshot(self) -> LiveSnapshot:
        """Return everything a page shows, at one moment."""
        with self._lock:
            frames = self._statistics
            now_s = frames.end_s(self._clock())
            silent_s = frames.silent_s(now_s)
            stalled = silent_s > STALLED_AFTER_S
            return LiveSnapshot(
                people=() if stalled else self._people,
                n_frames=frames.n_frames,
                n_dropped=frames.n_dropped,
                n_failed=frames.n_failed,
                last_failure=frames.last_failure,
                fps=0.0 if stalled else frames.fps(now_s),
                processing_ms=frames.processing_ms,
                age_s=now_s - frames.began_s,
                silent_s=silent_s,
                shares=shares_of(self._record.seconds_by_outcome),
                n_rows=len(self._record),
            )

    def timeline(self, last_s: float | None = 60.0) -> Timeline:
        """Return the smoothed probabilities of the last seconds, or of the whole session, for charts."""
        with self._lock:
            frames = self._statistics
            now_s = frames.end_s(self._clock()) - frames.began_s
            first_s = 0.0 if last_s is None else max(0.0, now_s - last_s)
            rows = self._record.rows(first_s)
            spacing_s = self._record.every * now_s / max(frames.n_frames, 1)
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
            settings=settings.described(),
            weights=model.weights,
            date=self._record.started.astimezone(UTC).isoformat(timespec="seconds"),
        )

    def facts(self) -> dict[str, Any]:
        """Return what the record's JSON says about the session besides its provenance."""
        snapshot, sets = self.snapshot(), self.model.sets
        return {
            "sets": sets and sets.to_dict(),
            "seconds": round(snapshot.age_s, 3),
            "frames": snapshot.n_frames,
            "frames_dropped": snapshot.n_dropped,
            "frames_failed": snapshot.n_failed,
        }


def _unprocessed(image_bgr: Image, settings: LiveSettings) -> Image:
    """Return a frame in which no face was detected; if faces must be blurred, nobody is recognisable on it."""
    return hide_all(image_bgr) if settings.blur else image_bgr
