"""The labelled faces that a model is judged on: which source, which split, what was left out."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from fer.datasets.faces import SIDE, SPLITS, FaceDataset
from fer.datasets.layouts import find_layout
from fer.datasets.loading import SYNTHETIC
from fer.datasets.readings import Progress, Reading, Rejection, silent
from fer.datasets.sources import read_source
from fer.datasets.storage import is_stored_set, read_set
from fer.datasets.synthetic import make_synthetic
from fer.datasets.trees import FolderTree
from fer.errors import EvaluationError, ImageError
from fer.recognition.analyzer import FaceAnalyzer
from fer.vision import images
from fer.vision.crops import crop_faces

NO_FACE: Final = "no face found"
_PHOTOS_BETWEEN_REPORTS: Final = 5


@dataclass(frozen=True)
class Source:
    """Where labelled faces are taken from.

    Attributes:
        path: 'synthetic', a stored set's folder, FER-2013's CSV, a folder that holds it, or image folders.
        split: one of `SPLITS`; None is test, else validation, else train.
        photos: whether the images are photos in which faces must be found first; else each is a face.
        detector: that finds them; None is the one used for photos everywhere.
        votes: a FER+ file; None takes the one beside the CSV.
    """

    path: str
    split: str | None = None
    photos: bool = False
    detector: str | None = None
    votes: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The source as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The source that `to_dict` took apart."""
        return cls(**values)


@dataclass(frozen=True, eq=False)
class Material:
    """The faces of one split, ready to be classified.

    Attributes:
        faces: N labelled faces, in the order of their digests.
        split: the split they are of.
        origins: where each came from: a row, a file; as many as faces.
        left_out: images of the source that could not be used, each with its reason.

    Raises:
        ValueError: there is not one origin for each face.
    """

    faces: FaceDataset
    split: str
    origins: tuple[str, ...]
    left_out: tuple[Rejection, ...] = ()

    def __post_init__(self) -> None:
        if len(self.origins) != len(self.faces):
            raise ValueError(f"origins: expected {len(self.faces)}. Received: {len(self.origins)}")

    @cached_property
    def key(self) -> str:
        """Names these faces by their pixels, labels and votes, whatever file they came from and in whatever order."""
        return hashlib.sha256(b"".join(sorted(_digests(self.faces)))).hexdigest()[:16]


def _digests(faces: FaceDataset) -> list[bytes]:
    votes = [b""] * len(faces) if faces.votes is None else [row.tobytes() for row in faces.votes]
    return [
        hashlib.sha256(image.tobytes() + bytes([int(label)]) + vote).digest()
        for image, label, vote in zip(faces.images, faces.labels, votes, strict=True)
    ]


def default_split(dataset: FaceDataset) -> str:
    """The split that tells most: test, else validation, else train.

    Raises:
        EvaluationError: there is no image at all.
    """
    for name in reversed(SPLITS):
        if name in dataset.split_names():
            return name
    raise EvaluationError(f"{dataset.name} has no labelled face; choose other data.")


def load_material(
    source: Source, make_analyzer: Callable[[], FaceAnalyzer] | None = None, progress: Progress = silent
) -> Material:
    """Read the faces of a source.

    Args:
        source: what to read.
        make_analyzer: finds the faces, where the source is of photos.
        progress: told how far it is; what it raises ends the reading.

    Raises:
        DatasetError: it is no labelled set in a known layout, has no such split, or too much of it cannot be read.
        EvaluationError: no face is left to evaluate on.
    """
    if source.photos:
        if make_analyzer is None:
            raise ValueError("expected make_analyzer for a source of photos. Received: None")
        reading = _read_photos(Path(source.path), make_analyzer(), progress)
    elif is_stored_set(Path(source.path)):
        reading = read_set(Path(source.path))
    elif source.path == SYNTHETIC:
        dataset = make_synthetic()
        reading = Reading(dataset, tuple(f"drawing {number}" for number in range(1, len(dataset) + 1)))
    else:
        reading = read_source(Path(source.path), Path(source.votes) if source.votes else None, progress)
    return material_of(reading, source.split)


def material_of(reading: Reading, split: str | None = None) -> Material:
    """The faces of one split of what was read; by default test, else validation, else train.

    Raises:
        DatasetError: there is no such split.
        EvaluationError: there is no face at all.
    """
    split = split or default_split(reading.dataset)
    faces = reading.dataset.split(split)
    rows = np.flatnonzero(reading.dataset.splits == SPLITS.index(split))
    # One order for all layouts of the same images: their figures agree to the last digit, and so do stored results.
    digests = _digests(faces)
    order = np.array(sorted(range(len(faces)), key=digests.__getitem__), np.int64)
    return Material(faces.take(order), split, tuple(reading.origins[row] for row in rows[order]), reading.rejected)


def _read_photos(folder: Path, analyzer: FaceAnalyzer, progress: Progress) -> Reading:
    """Find the largest face of each photo of image folders, and cut it out as everywhere."""
    if not folder.is_dir():
        raise EvaluationError(f"{folder} is no folder; photos are expected in a folder a class, such as happy/me.jpg.")
    tree = FolderTree(folder)
    entries = tree.entries()
    layout = find_layout((entry.path for entry in entries), tree.name)
    if layout is None:
        raise EvaluationError(f"{tree.name} has no folder that names a class; expected photos as in happy/me.jpg.")
    paths = [entry.path for entry in entries if layout.covers(entry.path)]
    crops, labels, splits, origins = [], [], [], []
    rejected: list[Rejection] = []
    for index, path in enumerate(paths):
        if index % _PHOTOS_BETWEEN_REPORTS == 0:
            progress(index / len(paths), f"{index} of {len(paths)} photos searched for faces")
        try:
            label = layout.label_of(path)
            if label is None:
                raise ImageError("its folder names no class")
            crops.append(_largest_face(images.read(folder / path), path, analyzer))
        except ImageError as error:
            rejected.append(Rejection(str(path), str(error).rstrip(".")))
            continue
        labels.append(label)
        splits.append(layout.split_of(path))
        origins.append(str(path))
    if not crops:
        raise EvaluationError(f"No face was found in the {len(paths)} photos of {tree.name}; try the other detector.")
    dataset = FaceDataset(
        name=tree.name,
        images=np.array(crops, np.uint8).reshape(-1, SIDE, SIDE),
        labels=np.array(labels, np.int64),
        splits=np.array(splits, np.uint8),
    )
    return Reading(dataset, tuple(origins), tuple(rejected), form="photos")


def _largest_face(data: bytes, path: PurePosixPath, analyzer: FaceAnalyzer) -> npt.NDArray[np.uint8]:
    image_bgr = images.decode(data)
    faces = analyzer.analyze(image_bgr, str(path)).faces
    if not faces:
        raise ImageError(NO_FACE)
    largest = max(faces, key=lambda face: face.box_xywh[2] * face.box_xywh[3])
    crop: npt.NDArray[np.uint8] = crop_faces(image_bgr, [largest.box_xywh], analyzer.detector.crop_scale)[0]
    return crop
