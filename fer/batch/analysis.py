"""Analyse one file of a batch in a worker: a photo or a video, on a disk or behind fsspec."""

import hashlib
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from fer import exports
from fer.batch.attempt import Sink
from fer.batch.inputs import Input, filesystem, is_url, path_digest
from fer.batch.output import ANNOTATED, Output, cannot_write, no_room
from fer.batch.parts import FaceRow, FileResult
from fer.batch.settings import Settings
from fer.errors import BatchError, ImageError, OutputError, VideoError, sentence_for
from fer.provenance import Provenance
from fer.recognition.analyzer import FaceAnalyzer
from fer.recognition.bundle import Bundle, load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.results import Face, ImageAnalysis, face_row
from fer.storage.files import sha256_of
from fer.text import MB, encodable
from fer.video.analysis import AnalysedFrame, VideoOptions, video_model
from fer.video.annotated import Annotated
from fer.video.processing import process
from fer.video.wire import VideoInfo
from fer.vision import images
from fer.vision.detection import create_detector

_PIECE_BYTES: Final = MB
_NO_MOMENT: Final = (None, None, None)
_bundles: Final[dict[str, Bundle]] = {}


def install_bundle(folder: Path) -> None:
    """Let this process use the model bundle in a folder, and its int8 copy: whoever plans the batch chooses the copy.

    Raises:
        BundleError: there is no complete bundle.
    """
    _bundles.update({copy.hash: copy for copy in load_bundle(folder).copies})


@dataclass(frozen=True)
class FileAnalysis:
    """Analyses files with one model on one thread. As a callable, it is an `Analyse`.

    Attributes:
        output: where annotated copies go.
        settings: how to analyse.
        about: what makes the results; the comment in annotated copies.
        analyzer: for photos.
        video: for videos.
    """

    output: Output
    settings: Settings
    about: Provenance
    analyzer: FaceAnalyzer
    video: Any

    @classmethod
    def of(cls, settings: Settings, output: Output, about: Provenance) -> "FileAnalysis":
        """Return the analysis with a bundle of `install_bundle`.

        Raises:
            BatchError: this process doesn't have the bundle.
            BundleError, DetectorError: the model or the detector can't be opened.
        """
        if settings.model_hash not in _bundles:
            raise BatchError("A worker doesn't have the model; restart the workers with the same version of fer.")
        bundle = _bundles[settings.model_hash]
        # One thread: there is a worker for each core.
        analyzer = FaceAnalyzer(create_detector(settings.detector), EmotionClassifier(bundle, threads=1))
        return cls(output, settings, about, analyzer, video_model(bundle))

    def __call__(self, one: Input, add: Sink) -> FileResult:
        """Analyse a file; pass its faces to `add`."""
        began = time.perf_counter()
        # A video's analysis turns every exception into its own result.
        unwritten: list[OutputError] = []

        def add_or_stop(rows: Iterable[FaceRow]) -> None:
            try:
                add(rows)
            except OSError as error:
                unwritten.append(cannot_write(self.output, error))
                raise unwritten[0] from error

        try:
            result = self._video(one, add_or_stop) if one.is_video else self._photo(one, add_or_stop)
        except OutputError:
            raise
        except Exception as error:  # one of many files; the others continue
            result = FileResult(error=sentence_for(error))
        if unwritten:
            raise unwritten[0]
        return replace(result, seconds=time.perf_counter() - began)

    def _photo(self, one: Input, add: Sink) -> FileResult:
        data = _read(one.path)
        digest = hashlib.sha256(data).hexdigest()
        try:
            picture = images.decode_picture(data)
            analysis = self.analyzer.analyze(picture.image_bgr, one.path)
        except Exception as error:  # its digest still tells copies apart
            return FileResult(digest=digest, error=sentence_for(error))
        analysis = replace(analysis, faces=self._thresholded(analysis.faces))
        add((analysis.file, number, *face_row(face), *_NO_MOMENT) for number, face in enumerate(analysis.faces, 1))
        annotated, why_not = (
            self._annotate(one, picture.image_bgr, analysis) if self.settings.annotated else (None, None)
        )
        return FileResult(
            len(analysis.faces),
            digest,
            analysis.width,
            analysis.height,
            note=" ".join(filter(None, (picture.note, why_not))) or None,
            annotated=annotated,
            taken=picture.taken,
        )

    def _thresholded(self, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        threshold = self.settings.confidence_threshold
        return faces if threshold is None else tuple(replace(face, confidence_threshold=threshold) for face in faces)

    def _annotate(self, one: Input, image_bgr: Any, analysis: ImageAnalysis) -> tuple[str | None, str | None]:
        """Write the annotated copy of a photo; return its name, or why there is none."""
        try:
            picture = exports.annotated_image(image_bgr, analysis, self.about)
        except ImageError as error:
            return None, f"Not annotated: {error}"
        name = annotated_name(one.path, ".png" if picture.startswith(b"\x89PNG") else ".jpg")
        with _writing(self.output), self.output.writing(name) as stream:
            stream.write(picture)
        return name, None

    def _video(self, one: Input, add: Sink) -> FileResult:
        n_faces = n_frames = 0
        digest = None
        file = encodable(one.path)

        def on_frame(frame: AnalysedFrame, info: VideoInfo) -> None:
            nonlocal n_faces, n_frames
            n_frames += 1
            n_faces += len(frame.people)
            moment = (frame.number, round(frame.time_s, 6))
            faces = self._thresholded(tuple(person.face for person in frame.people))
            people = zip(frame.people, faces, strict=True)
            add(
                (file, number, *face_row(face), *moment, person.number)
                for number, (person, face) in enumerate(people, 1)
            )

        with _on_disk(one.path) as (path, copied), tempfile.TemporaryDirectory(prefix="fer-batch-") as folder:
            picture = Path(folder) / "copy.mp4"
            annotating = self.settings.annotated
            copy = Annotated(picture, self.about, picture.with_suffix(".vtt")) if annotating else None
            options = VideoOptions.of(detector=self.settings.detector)
            done = process(path, self.video, options, file=one.path, annotated=copy, on_frame=on_frame)
            annotated = self._put_copy(one, copy) if copy and done.error is None else None
            with suppress(OSError):
                digest = copied or sha256_of(path)
        width, height = (done.info.width, done.info.height) if done.info else (None, None)
        note = " ".join(done.notes) or None
        return FileResult(n_faces, digest, width, height, n_frames, done.error, note, annotated)

    def _put_copy(self, one: Input, copy: Annotated) -> str:
        name = annotated_name(one.path, copy.path.suffix)
        with _writing(self.output):
            self.output.put(name, copy.path)
            if copy.subtitles is not None:
                self.output.put(str(PurePosixPath(name).with_suffix(".vtt")), copy.subtitles)
        return name


def annotated_name(path: str, suffix: str) -> str:
    """Return the name of a file's annotated copy below the output, the same in each attempt.

    It has 16 digits of the path, as files of many folders are together here, and two of them name a folder.
    """
    digits = f"{path_digest(path):016x}"
    stem = exports.AnnotatedNames().with_suffix(encodable(path), "")
    return f"{ANNOTATED}/{digits[:2]}/{stem}-{digits}{suffix}"


@contextmanager
def _writing(output: Output) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(output, error) from error


def _read(path: str) -> bytes:
    """Return the content of a photo.

    Raises:
        ImageError: it can't be read, or is too large.
    """
    if not is_url(path):
        return images.read(Path(path))
    try:
        files, name = filesystem(path)
        with files.open(name, "rb") as stream:
            data: bytes = stream.read(images.MAX_BYTES + 1)
    except Exception as error:  # each file system has exceptions of its own
        raise ImageError(f"The file can't be read ({type(error).__name__}); check your access.") from error
    if len(data) > images.MAX_BYTES:
        raise ImageError(images.too_large(len(data)))
    return data


@contextmanager
def _on_disk(path: str) -> Iterator[tuple[Path, str | None]]:
    """Yield a video as a file on this machine, with its SHA-256 if it had to be copied.

    Raises:
        VideoError: it can't be read.
        OutputError: there is no room for the copy.
    """
    if not is_url(path):
        yield Path(path), None
        return
    with tempfile.TemporaryDirectory(prefix="fer-batch-") as folder:
        copy = Path(folder) / f"video{PurePosixPath(path).suffix}"
        yield copy, _copied(path, copy)


def _copied(url: str, target: Path) -> str:
    """Copy a file to this machine, and return its SHA-256."""
    digest = hashlib.sha256()
    try:
        with target.open("xb") as stream:
            for piece in _pieces(url):
                digest.update(piece)
                stream.write(piece)
    except OSError as error:
        raise no_room(tempfile.gettempdir(), error) from error
    return digest.hexdigest()


def _pieces(url: str) -> Iterator[bytes]:
    try:
        files, name = filesystem(url)
        with files.open(name, "rb") as source:
            while piece := source.read(_PIECE_BYTES):
                yield piece
    except Exception as error:  # each file system has exceptions of its own
        raise VideoError(f"The file can't be read ({type(error).__name__}); check your access.") from error
