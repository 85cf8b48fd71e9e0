"""The labelled faces that a model is judged on: which source, which split, what was left out."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from fer.arrays import SIDE
from fer.datasets.faces import SPLITS, FaceDataset
from fer.datasets.readers.layouts import find_layout
from fer.datasets.readers.trees import FolderTree
from fer.datasets.readings import Progress, Reading, Rejection, silent
from fer.datasets.splits import with_validation_split
from fer.datasets.store.loading import SYNTHETIC, find_source, read_source
from fer.datasets.synthetic import make_synthetic
from fer.errors import EvaluationError, ImageError, shortened
from fer.recognition.analyzer import FaceAnalyzer
from fer.vision import images
from fer.vision.crops import crop_faces

NO_FACE: Final = "no face found"
_PHOTOS_BETWEEN_REPORTS: Final = 5


@dataclass(frozen=True)
class Source:
    """Where labelled faces are taken from.

    Attributes:
        path: 'synthetic', a stored set by its name or folder, FER-2013's CSV, a folder that holds it, or image
            folders.
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
class EvaluationSet:
    """The faces of one split, ready to be classified.

    Attributes:
        faces: N labelled faces, in the order of their digests.
        split: the split they are of.
        origins: where each came from: a row, a file; as many as faces.
        left_out: images of the split that could not be used, each with its reason, and those that name no split.
        derived: whether the split is the part of train that training would validate on, the source having none.

    Raises:
        ValueError: there is not one origin for each face.
    """

    faces: FaceDataset
    split: str
    origins: tuple[str, ...]
    left_out: tuple[Rejection, ...] = ()
    derived: bool = False

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


def locate(text: str) -> Path:
    """The file or folder that a person means, which may not exist: as it stands, or by its name in the data folder.

    Raises:
        DatasetError, EvaluationError: it can be no path at all.
    """
    try:
        path = find_source(text).resolve()
        path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).rstrip(".") or "it cannot be read"
        raise EvaluationError(f"'{shortened(text)}' is no path that can be used: {reason}; choose another.") from error
    return path


def load_evaluation_set(
    source: Source, make_analyzer: Callable[[], FaceAnalyzer] | None = None, progress: Progress = silent
) -> EvaluationSet:
    """Read the faces of a source.

    Args:
        source: what to read.
        make_analyzer: finds the faces, where the source is of photos.
        progress: told how far it is; what it raises ends the reading.

    Raises:
        DatasetError: it is no labelled set in a known layout, has no such split, or too much of it cannot be read.
        EvaluationError: it can be no path, or no face is left to evaluate on.
    """
    if source.path == SYNTHETIC and not source.photos:
        dataset = make_synthetic()
        origins = tuple(f"drawing {number}" for number in range(1, len(dataset) + 1))
        return evaluation_set_of(Reading(dataset, origins), source.split)
    path = locate(source.path)
    if source.photos:
        if make_analyzer is None:
            raise ValueError("expected make_analyzer for a source of photos. Received: None")
        reading = _read_photos(path, make_analyzer(), progress)
    else:
        reading = read_source(path, locate(source.votes) if source.votes else None, progress)
    return evaluation_set_of(reading, source.split)


def evaluation_set_of(reading: Reading, split: str | None = None) -> EvaluationSet:
    """The faces of one split of what was read; by default test, else validation, else train.

    Args:
        reading: all splits.
        split: one of `SPLITS`; where there is no validation, it is the part of train that training would make it.

    Raises:
        DatasetError: there is no such split.
        EvaluationError: there is no face at all.
    """
    split = split or default_split(reading.dataset)
    derived = split == "validation" and split not in reading.dataset.split_names()
    dataset = with_validation_split(reading.dataset) if derived else reading.dataset
    faces = dataset.split(split)
    rows = np.flatnonzero(dataset.splits == SPLITS.index(split))
    # One order for all layouts of the same images: their figures agree to the last digit, and so do stored results.
    digests = _digests(faces)
    order = np.array(sorted(range(len(faces)), key=digests.__getitem__), np.int64)
    # Which of train's bad images would have been validation, nobody can say.
    wanted = (None, SPLITS.index("train" if derived else split))
    left_out = tuple(item for item in reading.rejected if item.split in wanted)
    return EvaluationSet(
        faces.take(order), split, tuple(reading.origins[row] for row in rows[order]), left_out, derived
    )


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
        label, split = layout.label_of(path), layout.split_of(path)
        try:
            if label is None or split is None:
                raise ImageError(f"its folder names no {'split' if split is None else 'class'}")
            crops.append(_largest_face(images.read(folder / path), path, analyzer))
        except ImageError as error:
            rejected.append(Rejection(str(path), str(error).rstrip("."), split))
            continue
        labels.append(label)
        splits.append(split)
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
