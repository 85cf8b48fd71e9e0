"""Load the model in use once for all pages and viewers, and again when it changes."""

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
from fer.recognition.bundle import BUNDLE_FILE, Bundle
from fer.recognition.classifier import EmotionClassifier
from fer.recognition.current import current_bundle_path
from fer.recognition.weights import bundle_to_serve
from fer.storage.files import Signature, signature
from fer.vision.detection import create_detector

# OpenCV's own threads would let one live stream take every core, and a second thread saves only 2 of the 8 ms of a
# detection. Set for the whole process at its start, so that photos take the same time with and without a stream.
cv2.setNumThreads(1)

_TIMED_CALLS: Final = 15
# The model in use, the previous one, which a page may still show, and two that are compared.
_MODELS: Final = 4


@dataclass(frozen=True)
class LoadedModel:
    """A loaded classifier and its speed on this machine, in milliseconds per face."""

    classifier: EmotionClassifier
    ms_per_face: float


def model_in_use() -> Bundle:
    """Return the bundle in use, without loading its network.

    Raises:
        BundleError: there is no model, or it is damaged.
    """
    path = current_bundle_path()
    # Reading a bundle checks the hashes of its files. That is repeated only if the description changed.
    return _described(str(path), signature(path / BUNDLE_FILE))


@st.cache_resource(max_entries=_MODELS, show_spinner=False)
def _described(path: str, seen: Signature | None) -> Bundle:
    return bundle_to_serve(path)


def start_loading(bundle: Bundle, *, again: bool = False) -> Future[LoadedModel]:
    """Load a model in the background, or join a load that is running or has ended. All viewers share the result.

    Args:
        bundle: the model.
        again: load it again if it couldn't be loaded before, because the reason may be gone.
    """
    future = _loading(bundle.hash, bundle)
    if again and future.done() and future.exception() is not None:
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
    """Return the classifier of a bundle, shared by all threads. Wait if it is still being loaded.

    Raises:
        BundleError: the files don't match the bundle's description.
    """
    future = start_loading(bundle, again=True)
    if future.done():
        return future.result().classifier
    with st.spinner("Loading the model ...", show_time=True):
        return future.result().classifier


def analyzer(bundle: Bundle, detector: str) -> FaceAnalyzer:
    """Return the analyzer for a model and one of `fer.vision.detection.DETECTORS`, shared by all threads.

    Raises:
        BundleError: the files don't match the bundle's description.
        DetectorError: the detector's file is missing.
    """
    return _analyzer(bundle.hash, detector, classifier(bundle))


@st.cache_resource(max_entries=2 * _MODELS, show_spinner=False)
def _analyzer(bundle_hash: str, detector: str, _classifier: EmotionClassifier) -> FaceAnalyzer:
    return FaceAnalyzer(create_detector(detector), _classifier)
