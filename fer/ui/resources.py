"""The model in use, loaded once for all pages and viewers, and again when another is put to use."""

import statistics
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import streamlit as st

from fer.arrays import SIDE
from fer.recognition.analyzer import FaceAnalyzer
from fer.recognition.bundle import BUNDLE_FILE, Bundle, load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.recognition.current import current_bundle_path
from fer.vision.detection import create_detector

# For the whole process, and from its start: OpenCV's own threads would let one live stream take every core, for images
# so small that a second thread saves a detection of 8 ms no more than 2. A photo on Upload takes as long before as
# after somebody started a camera.
cv2.setNumThreads(1)

_TIMED_CALLS: Final = 15
# One model in use and the one before it, which a viewer may still have on a page, and two that are compared.
_MODELS: Final = 4


@dataclass(frozen=True)
class LoadedModel:
    """A classifier that is ready, and what one face costs on this machine, in milliseconds."""

    classifier: EmotionClassifier
    ms_per_face: float


def model_in_use() -> Bundle:
    """The bundle that is in use now: its description, not its network.

    Raises:
        BundleError: there is none, or it is damaged.
    """
    path = current_bundle_path()
    file = path / BUNDLE_FILE
    # Reading a bundle checks the hashes of its files; that is done again where the description changed.
    return _described(str(path), file.stat().st_mtime_ns if file.is_file() else 0)


@st.cache_resource(max_entries=_MODELS, show_spinner=False)
def _described(path: str, changed_ns: int) -> Bundle:
    return load_bundle(path)


def start_loading(bundle: Bundle) -> Future[LoadedModel]:
    """Load a model beside the page, or join whoever loads it already; the result is the same for everyone."""
    future = _loading(bundle.hash, bundle)
    if future.done() and future.exception() is not None:
        # A file that was mended since then deserves another try.
        _loading.clear(bundle.hash, bundle)
        future = _loading(bundle.hash, bundle)
    return future


@st.cache_resource(max_entries=_MODELS, show_spinner=False)
def _loading(bundle_hash: str, _bundle: Bundle) -> Future[LoadedModel]:
    executor = ThreadPoolExecutor(1, thread_name_prefix="load-model")
    future = executor.submit(_load, _bundle)
    executor.shutdown(wait=False)
    return future


def _load(bundle: Bundle) -> LoadedModel:
    classifier = EmotionClassifier(bundle)
    face = np.zeros((1, SIDE, SIDE, 1), np.uint8)
    times = []
    for _ in range(_TIMED_CALLS):
        start = time.perf_counter()
        classifier.probabilities(face)
        times.append(time.perf_counter() - start)
    return LoadedModel(classifier, statistics.median(times) * 1000)


def classifier(bundle: Bundle) -> EmotionClassifier:
    """The classifier of a bundle, shared by all threads; waits where it is still being loaded.

    Raises:
        BundleError: the bundle's file does not hold what it says.
    """
    future = start_loading(bundle)
    if future.done():
        return future.result().classifier
    with st.spinner("Loading the model ...", show_time=True):
        return future.result().classifier


def analyzer(bundle: Bundle, detector: str) -> FaceAnalyzer:
    """What finds faces and reads them, for one model and one of `fer.vision.detection.DETECTORS`; safe to share.

    Raises:
        BundleError: the bundle's file does not hold what it says.
        DetectorError: the detector's file is missing.
    """
    return _analyzer(bundle.hash, detector, classifier(bundle))


@st.cache_resource(max_entries=2 * _MODELS, show_spinner=False)
def _analyzer(bundle_hash: str, detector: str, _classifier: EmotionClassifier) -> FaceAnalyzer:
    return FaceAnalyzer(create_detector(detector), _classifier)
