"""The functions of the library: `fer.analyze("me.jpg")`, `fer.analyze_video("clip.mp4")`, `fer.load_analyzer()`."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from fer.errors import ImageError
from fer.paths import SHIPPED_BUNDLE
from fer.recognition import analyzer as recognition
from fer.recognition.analyzer import FaceAnalyzer
from fer.recognition.weights import bundle_to_serve
from fer.results import ImageAnalysis
from fer.runs.finding import find_model
from fer.video.analysis import VideoAnalysis, VideoOptions, video_model
from fer.vision import images

# A script compares a model or two; more would keep their memory for nothing.
_KEPT_ANALYZERS: Final = 4


def analyze(
    image: str | Path | bytes | npt.NDArray[np.uint8],
    *,
    model: str | Path | None = None,
    detector: str | None = None,
) -> ImageAnalysis:
    """Find the faces in one image and recognise their expressions.

    The model is loaded at the first call and kept for the next ones. For many files, where a broken one should not end
    the loop, use `load_analyzer().analyze_file(path)`: it returns the reason in `ImageAnalysis.error`.

    Args:
        image: the path of an image file, the bytes of one, or pixels: (H, W, 3) BGR or (H, W) grey, uint8.
        model: as `--model` on the command line: the id or name of a run, the folder of a run or of a bundle, the name
            of an imported model, 'in-use' or 'shipped'; the shipped model by default.
        detector: 'yunet' or 'haar'; YuNet by default.

    Returns:
        The image's size and its faces in reading order: rows from top to bottom, each from left to right.

    Raises:
        ImageError: there is no image, or the file is missing, or isn't a readable image.
        BundleError: there is no such model, or it is damaged.
        DetectorError: the detector is unknown or its file is missing.
        ValueError: the array has another shape or dtype.

    Example:
        >>> import fer
        >>> for face in fer.analyze("me.jpg").faces:
        ...     print(face.looks, face.confidence, face.box_xywh)
    """
    if image is None:
        raise ImageError(
            "There is no image. 'cv2.imread' returns None for a file that it can't read; give the file's path instead."
        )
    analyzer = _analyzer(_bundle_folder(model), detector)
    if isinstance(image, np.ndarray):
        return analyzer.analyze(image)
    if isinstance(image, bytes):
        data, file = image, "image"
    else:
        data, file = images.read(Path(image)), str(image)
    picture = images.decode_picture(data)
    return replace(analyzer.analyze(picture.image_bgr, file), note=picture.note)


def load_analyzer(model: str | Path | None = None, detector: str | None = None) -> FaceAnalyzer:
    """Load a model and a detector once, to analyse many photos.

    Args:
        model: as for `analyze`.
        detector: 'yunet' or 'haar'; by default YuNet, or Haar where YuNet's file is missing.

    Raises:
        BundleError: there is no such model, or it is damaged.
        DetectorError: the detector is unknown or its file is missing.
    """
    return recognition.load_analyzer(_bundle_folder(model), detector)


def analyze_video(
    path: str | Path,
    *,
    model: str | Path | None = None,
    detector: str | None = None,
    every: int = 1,
    fps: float | None = None,
) -> VideoAnalysis:
    """Find the faces in every frame of a video and recognise their expressions, frame by frame.

    Memory doesn't grow with the video. The file is decoded in a process of its own, which ends with the iteration.

    Args:
        path: the video file.
        model: as for `analyze`.
        detector: 'yunet' or 'haar'; YuNet by default.
        every: analyse every n-th frame.
        fps: analyse at most this many frames per second; not together with `every`.

    Raises:
        VideoError: the file isn't a video that can be read, or an option is out of range.
        BundleError: there is no such model, or it is damaged.
        DetectorError: the detector is unknown or its file is missing.

    Example:
        >>> import fer
        >>> for frame in fer.analyze_video("clip.mp4"):
        ...     for person in frame.people:
        ...         print(frame.time_s, person.number, person.face.looks)
    """
    options = VideoOptions.of(detector=detector, every=every, fps=fps)
    return VideoAnalysis(Path(path), video_model(bundle_to_serve(_bundle_folder(model))), options)


@lru_cache(maxsize=_KEPT_ANALYZERS)
def _analyzer(folder: Path, detector: str | None) -> FaceAnalyzer:
    return recognition.load_analyzer(folder, detector)


def _bundle_folder(model: str | Path | None) -> Path:
    return SHIPPED_BUNDLE if model is None else find_model(str(model))
