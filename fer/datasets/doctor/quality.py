"""Find images that show nothing, or no face."""

import os
import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import Image, Indices
from fer.datasets.readings import Progress, silent
from fer.vision.detection import yunet_file

# Grey levels between the darkest and the brightest hundredth of the pixels. The flattest photo of FER-2013 spans 35.
MIN_SPREAD: Final = 16
# Share of pixels with one grey level. Photos on a white or black background reach 0.65, empty signs start at 0.70,
# and above 0.9 nothing is visible.
MAX_ONE_LEVEL: Final = 0.9
# YuNet's best score over several views of an image. Of 161 images in which the FER+ crowd saw no face, those below it
# are signs, texts and blanks. No synthetic face of 2,940 is below it.
MIN_FACE_SCORE: Final = 0.06
# The first view, at 64 pixels, is faster and less exact. 97 % of the faces score above this value, which is far above
# any sign's (0.088), and need no other view.
_CLEAR_SCORE: Final = 0.15
# OpenCV's default threshold is 0.6; this one returns whatever the detector can find.
_ANY_SCORE: Final = 0.005
_CHUNK: Final = 250
_MAX_THREADS: Final = 2


def flat_images(images: Image) -> tuple[Indices, Indices]:
    """Return the images that show nothing.

    Args:
        images: (N, 48, 48) uint8.

    Returns:
        Images with a single grey level, and images with almost a single one.
    """
    blank, near_constant = [], []
    for index, image in enumerate(images):
        levels = np.bincount(image.ravel(), minlength=256)
        if levels.max() == image.size:
            blank.append(index)
            continue
        cumulated = np.cumsum(levels) / image.size
        spread = int(np.searchsorted(cumulated, 0.99)) - int(np.searchsorted(cumulated, 0.01))
        if spread < MIN_SPREAD or levels.max() > MAX_ONE_LEVEL * image.size:
            near_constant.append(index)
    return np.array(blank, np.int64), np.array(near_constant, np.int64)


def faceless_images(images: Image, among: Indices, progress: Progress = silent) -> Indices | None:
    """Return the images in which YuNet finds no trace of a face in any view.

    Args:
        images: (N, 48, 48) uint8.
        among: the images to examine.
        progress: called as the work proceeds.

    Returns:
        Images without a face, ascending; None if YuNet's file is missing.
    """
    if yunet_file() is None:
        return None
    chunks = [among[start : start + _CHUNK] for start in range(0, len(among), _CHUNK)]
    found: list[int] = []

    n_threads = min(_MAX_THREADS, os.cpu_count() or 1)
    lookers: queue.SimpleQueue[FaceLooker] = queue.SimpleQueue()
    for _ in range(n_threads):
        lookers.put(FaceLooker())

    def look(chunk: Indices) -> list[int]:
        looker = lookers.get()  # a detector serves one thread at a time
        try:
            return [int(index) for index in chunk if not looker.has_face(np.asarray(images[index]))]
        finally:
            lookers.put(looker)

    with ThreadPoolExecutor(n_threads) as pool:
        pending = [pool.submit(look, chunk) for chunk in chunks]
        try:
            for done, future in enumerate(pending):
                progress(done / len(chunks), "Looking for faces")
                found += future.result()
        except BaseException:
            # Cancelled: don't start the chunks that wait.
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return np.array(found, np.int64)


class FaceLooker:
    """Search a 48 x 48 image for a face that fills it, at several sizes and brightnesses. Serves one thread."""

    def __init__(self) -> None:
        file = str(yunet_file())
        # By side of the canvas; the enlarged image is in its middle.
        self._detectors = {
            side: cv2.FaceDetectorYN.create(file, "", (side, side), _ANY_SCORE) for side in (64, 96, 128)
        }

    def has_face(self, image: Image) -> bool:
        """Return whether there is any trace of a face in an image, (48, 48) uint8."""
        if self._score(image, 64, 56) >= _CLEAR_SCORE:
            return True
        return any(look(image) >= MIN_FACE_SCORE for look in self._looks())

    def _looks(self) -> tuple[Callable[[Image], float], ...]:
        return (
            lambda image: self._score(image, 96, 80),
            lambda image: self._score(image, 128, 96),
            lambda image: self._score(np.ascontiguousarray(image[:, ::-1]), 96, 80),
            lambda image: self._score(cv2.equalizeHist(image), 96, 80),
            lambda image: self._score(cv2.equalizeHist(image), 128, 96),
            lambda image: self._score(cv2.GaussianBlur(image, (3, 3), 0), 96, 80),
            lambda image: self._score(cv2.GaussianBlur(cv2.equalizeHist(image), (3, 3), 0), 96, 80),
        )

    def _score(self, image: npt.ArrayLike, side: int, face: int) -> float:
        border = (side - face) // 2
        large = cv2.resize(np.asarray(image, np.uint8), (face, face), interpolation=cv2.INTER_LINEAR)
        framed = cv2.copyMakeBorder(large, border, border, border, border, cv2.BORDER_REPLICATE)
        _, rows = self._detectors[side].detect(cv2.cvtColor(framed, cv2.COLOR_GRAY2BGR))
        return 0.0 if rows is None else float(np.asarray(rows)[:, 14].max())
