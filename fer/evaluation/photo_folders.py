"""Read folders of whole photos: recognise them by their content, detect the faces and crop them."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
import numpy.typing as npt

from fer.arrays import Image
from fer.datasets.readers.finding import labelled_images, read_images
from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.orders import LabelOrder
from fer.datasets.readers.trees import FolderTree
from fer.datasets.readings import Progress, Reading
from fer.datasets.store.storage import is_stored
from fer.errors import EvaluationError, ImageError
from fer.recognition.analyzer import FaceAnalyzer
from fer.text import counted
from fer.vision import images
from fer.vision.boxes import FaceDetector

NO_FACE: Final = "no face found"
# Enough to tell what a folder contains, in about a second.
_SAMPLE: Final = 12
# Datasets of cropped faces have images from 48 pixels on; below 64 nothing can be a photo of a person.
_SMALLEST_PHOTO: Final = 64
# A detected face takes 0.7 to 1 of the longer side of a cropped image, and less of a photo.
_FACE_OF_A_CROP: Final = 0.65


def has_photos(folder: Path, detector: FaceDetector) -> bool:
    """Return whether a folder holds whole photos instead of cropped faces, from a sample of its images.

    Args:
        folder: what the user chose; a file or a stored dataset never counts as photos.
        detector: finds the faces of the sample.
    """
    if not folder.is_dir() or is_stored(folder):
        return False
    paths = [entry.path for entry in labelled_images(FolderTree(folder))]
    step = max(1, len(paths) // _SAMPLE)
    photos = [_is_photo(image, detector) for image in _readable(folder, paths[::step][:_SAMPLE])]
    return 2 * sum(photos) > len(photos)


def _readable(folder: Path, paths: Iterable[PurePosixPath]) -> Iterable[Image]:
    for path in paths:
        try:
            yield images.decode(images.read(folder / path))
        except ImageError:
            # Reported when all images are read.
            continue


def _is_photo(image_bgr: Image, detector: FaceDetector) -> bool:
    short, side = sorted(int(length) for length in image_bgr.shape[:2])
    if side < _SMALLEST_PHOTO:
        return False
    boxes = detector.detect(image_bgr).boxes_xywh
    if not len(boxes):
        # A crop may be too tight to be detected; it is then nearly square.
        return side > 1.3 * short
    return float(boxes[:, 2:].max()) < _FACE_OF_A_CROP * side


def read_photos(folder: Path, analyzer: FaceAnalyzer, progress: Progress, order: LabelOrder | None = None) -> Reading:
    """Crop the largest face of each photo in image folders or of a label file, with the crop rule used everywhere.

    Raises:
        EvaluationError: there is no such folder, it has no folder of a class, or no photo has a face.
    """
    if not folder.is_dir():
        raise EvaluationError(f"{folder} isn't a folder. Put the photos into one folder per class, as in happy/me.jpg.")
    tree = FolderTree(folder)
    options = ReadOptions(order=order, photos=True)
    doubts: dict[bytes, bool] = {}

    def to_face(data: bytes) -> npt.NDArray[np.uint8]:
        crop, doubted = _largest_face(data, analyzer)
        doubts[crop.tobytes()] = doubted
        return crop

    reading = read_images(tree, options, progress, to_face)
    if reading is None:
        raise EvaluationError(
            f"{tree.name} has no folder named after an expression. Put the photos into one folder per class, as in "
            "happy/me.jpg."
        )
    if not len(reading.dataset):
        raise EvaluationError(
            f"No face was found in {counted(reading.n_read, 'photo')} of {tree.name}. Try the other face detector."
        )
    # A face at the box of a label file was cut out without the analyzer.
    doubted = np.array([doubts.get(crop.tobytes(), False) for crop in reading.dataset.images], np.bool_)
    return replace(reading, form="photos", dataset=replace(reading.dataset, doubted=doubted))


def _largest_face(data: bytes, analyzer: FaceAnalyzer) -> tuple[npt.NDArray[np.uint8], bool]:
    """Return the crop of the largest face, (48, 48), and whether something speaks against any answer about it."""
    image_bgr = images.decode(data)
    faces = analyzer.analyze(image_bgr).faces
    if not faces:
        raise ImageError(NO_FACE)
    largest = max(faces, key=lambda face: face.box_xywh[2] * face.box_xywh[3])
    return np.asarray(analyzer.crops(image_bgr, [largest])[0, ..., 0], np.uint8), bool(largest.doubts)
