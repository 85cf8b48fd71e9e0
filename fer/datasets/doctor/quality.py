"""Images that show nothing, or no face."""

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

# Grey levels between the darkest and the brightest hundredth. The flattest photo of FER-2013 spans 35.
MIN_SPREAD: Final = 16
# Share of pixels of one grey level. Photos with a white or black ground reach 0.65, empty signs begin at 0.70, and
# at 0.9 there is nothing left to see.
MAX_ONE_LEVEL: Final = 0.9
# YuNet's score of the best look at an image. Of 161 images in which FER+'s crowd saw no face, those under it are
# signs, texts and blanks, and of 2,940 drawn faces none is under it.
MIN_FACE_SCORE: Final = 0.06
# At 64 pixels a look takes two thirds of the time and tells less: this score is far above any sign's (0.088) and under
# that of 97 % of the faces, which are done with it.
_CLEAR_SCORE: Final = 0.15
# What OpenCV's own detector calls a face scores 0.6 and more; it is asked for whatever it can find.
_ANY_SCORE: Final = 0.005
_CHUNK: Final = 250
_MAX_THREADS: Final = 2


def flat_images(images: Image) -> tuple[Indices, Indices]:
    """Images that show nothing.

    Args:
        images: (N, 48, 48) uint8.

    Returns:
        Those of a single grey level, and those that are nearly so.
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
    """Images in which YuNet finds no trace of a face, however it looks.

    Args:
        images: (N, 48, 48) uint8.
        among: the images to look at.
        progress: told how far it is.

    Returns:
        Those without a face, ascending; None where YuNet's file is missing, so that nobody looked.
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
        looker = lookers.get()  # which serves one thread
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
            # Cancelled: the chunks that wait are not begun.
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return np.array(found, np.int64)


class FaceLooker:
    """Looks for a face that fills a 48 x 48 image, at several sizes and lights. Serves one thread."""

    def __init__(self) -> None:
        file = str(yunet_file())
        # By side of the picture, of which the image, enlarged, is the middle.
        self._detectors = {
            side: cv2.FaceDetectorYN.create(file, "", (side, side), _ANY_SCORE) for side in (64, 96, 128)
        }

    def has_face(self, image: Image) -> bool:
        """Whether there is any trace of a face in an image, (48, 48) uint8."""
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
