"""Explain a prediction: a switch, and a picture of the parts of the face that led to it."""

from collections.abc import Callable
from typing import Final

import streamlit as st

from fer.emotions import EMOTIONS
from fer.evaluation.class_activation_maps import evidence, overlay
from fer.recognition.bundle import Bundle
from fer.results import ImageAnalysis
from fer.ui import resources
from fer.ui.upload.photobook import Photo
from fer.vision.images import decode, encode_png

_PICTURES: Final = 8


def switch(bundle: Bundle, detector: str) -> Callable[[Photo, ImageAnalysis], tuple[bytes, ...]] | None:
    """Show a switch. If it is on, return a function that draws one PNG per face; otherwise return None.

    A picture shows the crop that the network saw, bright where it supports the predicted expression.
    """
    chosen = st.toggle(
        "Show why",
        key="upload_why",
        persist_state="session",
        help="Shows each face as the network saw it. Bright areas support the predicted expression.",
    )
    if not chosen:
        return None
    return lambda photo, analysis: _explained(photo.digest, detector, bundle.hash, photo, analysis, bundle)


def forget_explanations() -> None:
    """Let go of the pictures that were made for this visitor's page."""
    _explained.clear()


@st.cache_data(scope="session", max_entries=_PICTURES, show_spinner=False)
def _explained(
    digest: str, detector: str, bundle_hash: str, _photo: Photo, _analysis: ImageAnalysis, _bundle: Bundle
) -> tuple[bytes, ...]:
    analyzer = resources.analyzer(_bundle, detector)
    crops = analyzer.crops(decode(_photo.data), _analysis.faces)
    _, maps = analyzer.classifier.explain(crops)
    predicted = [EMOTIONS.index(face.emotion) for face in _analysis.faces]
    return tuple(
        encode_png(overlay(crop[..., 0], evidence(one, label))[..., ::-1])
        for crop, one, label in zip(crops, maps, predicted, strict=True)
    )
