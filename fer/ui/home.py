"""The parts of Home: the model in use, a sample result, where to go, and what such a model can tell."""

from collections.abc import Callable, Sequence
from typing import Final

import streamlit as st

from fer.errors import BundleError, FerError
from fer.evaluation.names import display_name
from fer.paths import SHIPPED_BUNDLE
from fer.recognition.bundle import Bundle
from fer.text import file_size
from fer.ui import resources
from fer.ui.frame import menu_entry
from fer.vision.detection import photo_detector_name
from fer.vision.drawing import annotate
from fer.vision.images import decode, encode_jpeg
from fer.vision.samples import SAMPLE_CREDIT, SAMPLE_NAME, sample_portrait

_POLL_SECONDS: Final = 0.5
_MODEL_CARD: Final = "README.md"
# The most reliable split comes first: neither weights nor threshold were chosen on the test split.
_SPLITS: Final = ("test", "validation", "train")

_WAYS: Final = (
    ("Upload", "Try a photo", "Drop photos, take a snapshot or use the sample. Every face gets seven probabilities."),
    ("Live", "Open the camera", "See the expressions in your camera's picture, with a time line."),
    ("Training", "Train your own", "Train on FER-2013, or on synthetic faces for a first try."),
)


def cards(draw: Sequence[Callable[[], None]]) -> None:
    """Draw cards next to each other, with one height; on a phone one below the other."""
    for column, card in zip(st.columns(len(draw)), draw, strict=True):
        with column, st.container(border=True, height="stretch"):
            card()


def model_card() -> None:
    """Draw the model in use: name, accuracy with its split, size, milliseconds per face."""
    st.markdown("**:material/neurology: Model in use**")
    try:
        bundle = resources.model_in_use()
    except BundleError as error:
        st.markdown(f"{error}")
        st.markdown("To make one: `python -m fer train --data synthetic`")
        return
    with st.container(horizontal=True):
        _accuracy(bundle)
        _speed(bundle)
    drawn = " · trained on synthetic faces, not on real ones" if bundle.data.get("synthetic") else ""
    st.caption(f"{display_name(bundle)} · {file_size(bundle.served_file.stat().st_size)}{drawn}")


def _accuracy(bundle: Bundle) -> None:
    for split in _SPLITS:
        metrics = bundle.metrics.get(split, {})
        if "accuracy" in metrics:
            st.metric(
                f"Accuracy, {split}",
                f"{metrics['accuracy']:.1%}",
                width="content",
                help=f"Share of faces in the {split} split of {bundle.data.get('name', 'its data')} whose predicted "
                "expression matches the label.",
            )
            return
    st.metric("Accuracy", "not measured", width="content")


def _speed(bundle: Bundle) -> None:
    future = resources.start_loading(bundle)
    if not future.done():
        _wait_for(bundle)
    elif future.exception() is None:
        time_ms = future.result().ms_per_face
        st.metric("Time per face", f"{time_ms:.1f} ms", width="content", help="On this machine, without detection.")
    else:
        st.markdown(f"{future.exception()}")


@st.fragment(run_every=_POLL_SECONDS)
def _wait_for(bundle: Bundle) -> None:
    """Wait until the model is loaded in the background, then draw the page again."""
    if resources.start_loading(bundle).done():
        st.rerun()
    st.metric("Time per face", "...", width="content")


def ways() -> None:
    """Draw a sample result, and links to the pages."""
    picture, texts = st.columns([1, 2], gap="medium", vertical_alignment="center")
    with picture:
        _sample()
    with texts:
        for label, title, text in _WAYS:
            entry = menu_entry(label)
            if entry.exists:
                with st.container(border=True):
                    st.page_link(entry.path, label=f"**{title}**", icon=entry.icon)
                    st.markdown(text)


def _sample() -> None:
    """Draw the sample portrait, with its result once the model is loaded."""
    try:
        bundle = resources.model_in_use()
        loaded = resources.start_loading(bundle)
        ready = loaded.done() and loaded.exception() is None
        shown = _read_sample(bundle.hash, bundle) if ready else sample_portrait()
    except FerError:
        # The card next to it says what is missing.
        return
    st.image(shown, caption=SAMPLE_CREDIT, width="stretch", alt="Portrait of a smiling astronaut")


@st.cache_data(max_entries=2, show_spinner=False)
def _read_sample(bundle_hash: str, _bundle: Bundle) -> bytes:
    analyzer = resources.analyzer(_bundle, photo_detector_name())
    image_bgr = decode(sample_portrait())
    return encode_jpeg(annotate(image_bgr, analyzer.analyze(image_bgr, SAMPLE_NAME).faces))


def what_it_can_tell() -> None:
    """Say what to expect, and what not to use it for; the model's card has more."""
    st.subheader("What it can and can't tell", anchor=False)
    st.markdown(
        "The program names the expression that a face *shows* in one picture. It says 'looks happy', never 'is happy'. "
        "The people who labelled its training photos often disagreed, and so will you. Results depend on light, pose, "
        "glasses and age, and on whose faces the training photos showed. Never use it to decide about a person: not in "
        "hiring, school, policing or medicine."
    )
    card = SHIPPED_BUNDLE / _MODEL_CARD
    if card.is_file():
        with st.expander("Model card of the shipped model: data, metrics, limits", icon=":material/description:"):
            st.markdown(card.read_text(encoding="utf-8"))
