"""The photos of one session: their files, their analyses, and how much of it is kept."""

import hashlib
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Final, Protocol

from fer.errors import SlowModelError, sentence_for
from fer.provenance import now
from fer.results import ImageAnalysis
from fer.text import MB

# A session's photos stay in memory (nothing is written to disk), so that their number has an end.
KEPT_BYTES: Final = 200 * MB
KEPT_PHOTOS: Final = 300
NO_FACE: Final = "no face found"


@dataclass(frozen=True)
class Photo:
    """An uploaded photo.

    Attributes:
        name: for people; no other photo of the book has it.
        data: the bytes of the file.
        digest: SHA-256 of the bytes; identical files share it.
        key: identifies the photo: identical files under two names have two keys.
    """

    name: str
    data: bytes = field(repr=False)
    digest: str
    key: str


class Analyzer(Protocol):
    """Anything that turns a file's bytes into an analysis, as `fer.recognition.FaceAnalyzer` does."""

    def analyze_bytes(self, data: bytes, file: str) -> ImageAnalysis:
        """Analyse the bytes of one file; unreadable ones return `ImageAnalysis.failed`."""


class PhotoBook:
    """Photos and their analyses; each file is analysed once per recognizer. A thread may analyse while a page reads.

    A file that comes under two names is two photos, so that their number is what the user counts; they share the bytes
    and the analysis.

    A recognizer is a string that names model and detector. A new one needs new analyses; returning to an earlier one
    needs none. A photo that can't be read leaves the book and is kept as a failure with its reason.

    Args:
        kept_bytes: largest total size of the files; photos beyond it are refused.
        kept_photos: largest number of photos.

    Attributes:
        generation: grows with every change of the list, for widgets that show it.
        selected: key of the photo that is looked at; None while there is none.
        refused: names of photos of the last `add` that didn't fit.
        not_written: photos whose annotated copy could not be made, with the reason.
        paused: whether the user stopped the analysis.
        analysed_at: when the last photo was analysed, ISO 8601; None if none was.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES, kept_photos: int = KEPT_PHOTOS) -> None:
        self._kept_bytes = kept_bytes
        self._kept_photos = kept_photos
        self._lock = threading.RLock()
        self.generation = 0
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._photos: dict[str, Photo] = {}
        self._analyses: dict[tuple[str, str], ImageAnalysis] = {}
        self._failures: dict[str, ImageAnalysis] = {}
        self.refused: list[str] = []
        self.not_written: tuple[ImageAnalysis, ...] = ()
        self.selected: str | None = None
        self.paused = False
        self.analysed_at: str | None = None
        self.generation += 1

    def __len__(self) -> int:
        return len(self._photos)

    @property
    def failed(self) -> list[ImageAnalysis]:
        """Return the analyses with an error, in the order they were added."""
        with self._lock:
            return list(self._failures.values())

    @property
    def n_bytes(self) -> int:
        """Return the total size of the kept files."""
        with self._lock:
            return sum({photo.digest: len(photo.data) for photo in self._photos.values()}.values())

    def add(self, files: Iterable[tuple[str, bytes]]) -> list[str]:
        """Add photos (name, bytes of the file) and select the first of them.

        A file that comes again under the same name is kept once. A name that is taken by another file gets a number.

        Returns:
            The key of each photo, whether it fit or not.
        """
        with self._lock:
            return self._add(files)

    def _add(self, files: Iterable[tuple[str, bytes]]) -> list[str]:
        keys = []
        self.refused = []
        self.paused = False
        turned = False
        for name, data in files:
            digest = hashlib.sha256(data).hexdigest()
            key = f"{digest}/{name}"
            keys.append(key)
            if key not in self._photos:
                twin = next(iter(self._twins(digest)), None)
                if len(self) >= self._kept_photos or (twin is None and self.n_bytes + len(data) > self._kept_bytes):
                    self.refused.append(name)
                    continue
                self._photos[key] = Photo(self._free_name(name), twin.data if twin else data, digest, key)
            if not turned:
                self.selected, turned = key, True
        # The uploader also calls with nothing new, which must not redraw the table.
        self.generation += bool(keys)
        return keys

    def _twins(self, digest: str) -> list[Photo]:
        return [photo for photo in self._photos.values() if photo.digest == digest]

    def remove(self, key: str) -> None:
        """Forget a photo with its analyses or its failure; an unknown key is ignored."""
        with self._lock:
            self._failures.pop(key, None)
            photo = self._photos.pop(key, None)
            if photo is None:
                return
            if not self._twins(photo.digest):
                self._analyses = {made: one for made, one in self._analyses.items() if made[0] != photo.digest}
            self.generation += 1
            if self.selected == key:
                self.selected = next(iter(self._photos), None)

    def fail(self, key: str, name: str, reason: str) -> None:
        """Record that a file could not be analysed, and why.

        Args:
            key: identifies the file for `remove`; any unique text if the file wasn't read.
            name: the name of the file.
            reason: one sentence with the next step.
        """
        self._failures.setdefault(key, ImageAnalysis.failed(name, reason))

    def pending(self, recognizer: str) -> list[Photo]:
        """Return the photos that this recognizer has not analysed yet."""
        with self._lock:
            return [photo for photo in self._photos.values() if (photo.digest, recognizer) not in self._analyses]

    def analyse(self, recognizer: str, analyzer: Analyzer) -> Iterator[tuple[int, int]]:
        """Analyse the pending photos one by one, those included that are added meanwhile.

        Yields:
            Before each photo and at the end: how many are done, and of how many.

        Raises:
            SlowModelError: the model was stopped. Its photos are still pending, for another one.
        """
        done = 0
        while pending := self.pending(recognizer):
            yield done, done + len(pending)
            photo = pending[0]
            try:
                analysis = analyzer.analyze_bytes(photo.data, photo.name)
            except SlowModelError:
                raise
            except Exception as error:  # one of many: the others continue
                analysis = ImageAnalysis.failed(photo.name, sentence_for(error))
            self._keep(recognizer, photo, analysis)
            done += sum(one.digest == photo.digest for one in pending)
        yield done, done

    def _keep(self, recognizer: str, photo: Photo, analysis: ImageAnalysis) -> None:
        with self._lock:
            twins = self._twins(photo.digest)
            if not twins:
                return  # removed meanwhile
            if analysis.error is None:
                self._analyses[photo.digest, recognizer] = analysis
                self.analysed_at = now()
                return
            for twin in twins:
                self.remove(twin.key)
                self.fail(twin.key, twin.name, analysis.error)

    def analysed(self, recognizer: str, confidence_threshold: float) -> list[tuple[Photo, ImageAnalysis]]:
        """Return the photos that this recognizer has analysed, in the order they were added.

        Args:
            recognizer: names model and detector.
            confidence_threshold: confidence in 0..1 below which a face is 'not sure'; replaces the model's own.
        """
        with self._lock:
            found = [(photo, self._analyses.get((photo.digest, recognizer))) for photo in self._photos.values()]
        return [
            (photo, replace(with_threshold(analysis, confidence_threshold), file=photo.name))
            for photo, analysis in found
            if analysis is not None
        ]

    def _free_name(self, name: str) -> str:
        taken = {photo.name for photo in self._photos.values()}
        path = PurePath(name)
        number = 1
        while name in taken:
            number += 1
            name = f"{path.stem} ({number}){path.suffix}"
        return name


def with_threshold(analysis: ImageAnalysis, confidence_threshold: float) -> ImageAnalysis:
    """Return an analysis whose faces are 'not sure' below a confidence in 0..1."""
    faces = tuple(replace(face, confidence_threshold=confidence_threshold) for face in analysis.faces)
    return replace(analysis, faces=faces)


def summary(analysis: ImageAnalysis) -> str:
    """Return what the faces of a photo look like in a few words: '2 look happy, 1 not sure' or 'no face found'."""
    counts = Counter(face.looks for face in analysis.faces)
    if not counts:
        return NO_FACE
    if len(analysis.faces) == 1:
        return analysis.faces[0].looks
    return ", ".join(
        f"{number} {looks.replace('looks', 'look')}" if number > 1 else f"1 {looks}"
        for looks, number in counts.most_common()
    )
