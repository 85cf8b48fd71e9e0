"""Load the labelled faces of one split, ready to be evaluated on."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from fer.datasets.faces import SPLITS, FaceDataset
from fer.datasets.readers.options import ReadOptions
from fer.datasets.readings import Progress, Reading, Rejection, silent
from fer.datasets.splits import with_validation_split
from fer.datasets.store.loading import SYNTHETIC, find_source, read_source
from fer.datasets.synthetic import make_synthetic
from fer.errors import EvaluationError, shortened
from fer.evaluation.photo_folders import has_photos, read_photos
from fer.recognition.analyzer import FaceAnalyzer
from fer.vision.detection import create_detector, photo_detector_name


@dataclass(frozen=True)
class Source:
    """Where labelled faces come from.

    Attributes:
        path: 'synthetic', the name or folder of a stored dataset, FER-2013's CSV, a folder with that CSV, or image
            folders.
        split: one of `SPLITS`; None means test, or validation if there is no test, or train.
        photos: whether faces must be detected in the images first; False means that each image is a face, None that
            the content of the images decides.
        detector: the face detector for photos; None means the default one.
        votes: a FER+ file; None means the one next to the CSV.
        labels: the label order, if classes are numbers: a preset or '0=neutral,1=happy,...'.
    """

    path: str
    split: str | None = None
    photos: bool | None = None
    detector: str | None = None
    votes: str | None = None
    labels: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the source as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build a source from the values of `to_dict`."""
        return cls(**values)


@dataclass(frozen=True, eq=False)
class EvaluationSet:
    """The faces of one split, ready to be classified.

    Attributes:
        faces: N labelled faces, sorted by their digests.
        split: the split they belong to.
        origins: N texts that say where each face came from, such as a row or a file.
        left_out: images of this split, or of no known split, that could not be used, with the reasons.
        derived: whether the source has no such split, so that these are the faces of train that training would
            validate on.
        photos: whether the faces were detected in whole photos.
        detector: the detector that found them there; '' if they came cropped.
        undivided: whether the source has no split other than train, as if nothing in it names a split.

    Raises:
        ValueError: the number of origins differs from the number of faces.
    """

    faces: FaceDataset
    split: str
    origins: tuple[str, ...]
    left_out: tuple[Rejection, ...] = ()
    derived: bool = False
    photos: bool = False
    detector: str = ""
    undivided: bool = False

    def __post_init__(self) -> None:
        if len(self.origins) != len(self.faces):
            raise ValueError(f"origins: expected {len(self.faces)}. Received: {len(self.origins)}")

    @cached_property
    def key(self) -> str:
        """Return a digest of pixels, labels, votes and doubts, whatever the file format and the order of the faces."""
        return hashlib.sha256(b"".join(sorted(_digests(self.faces)))).hexdigest()[:16]


def _digests(faces: FaceDataset) -> list[bytes]:
    votes = [b""] * len(faces) if faces.votes is None else [row.tobytes() for row in faces.votes]
    # Without doubts, nothing is added, so that stored results keep their key.
    doubts = [b""] * len(faces) if faces.doubted is None else [b"doubted" * bool(one) for one in faces.doubted]
    return [
        hashlib.sha256(image.tobytes() + bytes([int(label)]) + vote + doubt).digest()
        for image, label, vote, doubt in zip(faces.images, faces.labels, votes, doubts, strict=True)
    ]


def default_split(dataset: FaceDataset) -> str:
    """Return the best split to evaluate on: test, or validation if there is no test, or train.

    Raises:
        EvaluationError: there is no image.
    """
    for name in reversed(SPLITS):
        if name in dataset.split_names():
            return name
    raise EvaluationError(f"{dataset.name} has no labelled faces. Choose other data.")


def locate(text: str) -> Path:
    """Return the file or folder that a user named: a path, or a name in the data folder. It may not exist.

    Raises:
        DatasetError, EvaluationError: the text can't be a path.
    """
    try:
        path = find_source(text).resolve()
        path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).rstrip(".") or "it cannot be read"
        raise EvaluationError(f"'{shortened(text)}' can't be used as a path: {reason}. Enter another one.") from error
    return path


def load_evaluation_set(
    source: Source, make_analyzer: Callable[[], FaceAnalyzer] | None = None, progress: Progress = silent
) -> EvaluationSet:
    """Read the faces of a source.

    Args:
        source: what to read.
        make_analyzer: creates the analyzer that detects faces in photos. Without it, no source is recognised as photos.
        progress: called with the share done and a text; an exception it raises stops the reading.

    Raises:
        DatasetError: the source isn't a labelled dataset in a known layout, lacks the split, or has too many images
            that can't be read.
        EvaluationError: the path can't be used, or no face is left to evaluate on.
    """
    if source.path == SYNTHETIC and not source.photos:
        dataset = make_synthetic()
        origins = tuple(f"synthetic face {number}" for number in range(1, len(dataset) + 1))
        return evaluation_set_of(Reading(dataset, origins), source.split)
    path = locate(source.path)
    options = ReadOptions.of(locate(source.votes) if source.votes else None, source.labels)
    photos = source.photos
    if photos is None:
        photos = make_analyzer is not None and has_photos(path, create_detector(photo_detector_name()))
    if photos:
        if make_analyzer is None:
            raise ValueError("expected make_analyzer for a source of photos. Received: None")
        reading = read_photos(path, make_analyzer(), progress, options.order)
        detector = source.detector or photo_detector_name()
    else:
        reading, detector = read_source(path, options, progress), ""
    return replace(evaluation_set_of(reading, source.split), photos=photos, detector=detector)


def evaluation_set_of(reading: Reading, split: str | None = None) -> EvaluationSet:
    """Return the faces of one split.

    Args:
        reading: a dataset with all its splits.
        split: one of `SPLITS`; None means test, or validation if there is no test, or train. If 'validation' is
            missing, the part of train that training would validate on is used.

    Raises:
        DatasetError: there is no such split.
        EvaluationError: there is no face.
    """
    split = split or default_split(reading.dataset)
    derived = split == "validation" and split not in reading.dataset.split_names()
    dataset = with_validation_split(reading.dataset) if derived else reading.dataset
    faces = dataset.split(split)
    rows = np.flatnonzero(dataset.splits == SPLITS.index(split))
    # The same images in another layout get the same order, so that results agree to the last digit.
    digests = _digests(faces)
    order = np.array(sorted(range(len(faces)), key=digests.__getitem__), np.int64)
    # It is unknown which rejected images of train would have gone to validation.
    wanted = (None, SPLITS.index("train" if derived else split))
    left_out = tuple(item for item in reading.rejected if item.split in wanted)
    return EvaluationSet(
        faces.take(order),
        split,
        tuple(reading.origins[row] for row in rows[order]),
        left_out,
        derived,
        undivided=not derived and reading.dataset.split_names() == ("train",),
    )
