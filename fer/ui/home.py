"""The parts of Home: the model in use, a sample of what it says, where to go, what a model of this kind can tell."""

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
# The split that says most comes first: the test split chose neither weights nor threshold.
_SPLITS: Final = ("test", "validation", "train")

_WAYS: Final = (
    ("Upload", "Try a photo", "Drop photos, take a snapshot or use the sample: every face with seven probabilities."),
    ("Live", "Open the camera", "Faces in your camera's picture, frame by frame, with a time line."),
    ("Training", "Train your own", "On FER-2013, or on drawn faces for a first try, and watch it learn."),
)


def cards(draw: Sequence[Callable[[], None]]) -> None:
    """Cards side by side, of one height; on a telephone one below the other."""
    for column, card in zip(st.columns(len(draw)), draw, strict=True):
        with column, st.container(border=True, height="stretch"):
            card()


def model_card() -> None:
    """The model in use: name, accuracy and its split, size, milliseconds a face."""
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
    drawn = " · trained on drawn faces, not on real ones" if bundle.data.get("synthetic") else ""
    st.caption(f"{display_name(bundle)} · {file_size(bundle.served_file.stat().st_size)}{drawn}")


def _accuracy(bundle: Bundle) -> None:
    for split in _SPLITS:
        figures = bundle.metrics.get(split, {})
        if "accuracy" in figures:
            st.metric(
                f"Accuracy, {split}",
                f"{figures['accuracy']:.1%}",
                width="content",
                help=f"Share of the faces in the {split} split of {bundle.data.get('name', 'its data')} that it "
                "names as they are labelled, from a single crop.",
            )
            return
    st.metric("Accuracy", "not measured", width="content")


def _speed(bundle: Bundle) -> None:
    future = resources.start_loading(bundle)
    if not future.done():
        _wait_for(bundle)
    elif future.exception() is None:
        time_ms = future.result().ms_per_face
        st.metric("A face takes", f"{time_ms:.1f} ms", width="content", help="Once it is found, on this machine.")
    else:
        st.markdown(f"{future.exception()}")


@st.fragment(run_every=_POLL_SECONDS)
def _wait_for(bundle: Bundle) -> None:
    """Look again until the model is loaded, which goes on beside the page, and then draw the page once more."""
    if resources.start_loading(bundle).done():
        st.rerun()
    st.metric("A face takes", "...", width="content")


def ways() -> None:
    """A sample of what the model says, and where to go from here: the pages that exist."""
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
    """The sample portrait, with what the model says once it is loaded."""
    try:
        bundle = resources.model_in_use()
        loaded = resources.start_loading(bundle)
        ready = loaded.done() and loaded.exception() is None
        shown = _read_sample(bundle.hash, bundle) if ready else sample_portrait()
    except FerError:
        # The card beside says what is missing; a welcome needs no second error.
        return
    st.image(shown, caption=SAMPLE_CREDIT, width="stretch", alt="Portrait of a smiling astronaut")


@st.cache_data(max_entries=2, show_spinner=False)
def _read_sample(bundle_hash: str, _bundle: Bundle) -> bytes:
    analyzer = resources.analyzer(_bundle, photo_detector_name())
    image_bgr = decode(sample_portrait())
    return encode_jpeg(annotate(image_bgr, analyzer.analyze(image_bgr, SAMPLE_NAME).faces))


def what_it_can_tell() -> None:
    """What to expect of it, and what not to use it for, with the model's card to read on."""
    st.subheader("What it can and cannot tell", anchor=False)
    st.markdown(
        "The program names the expression that a face *shows* in one picture: it says 'looks happy', never 'is happy'. "
        "The people who labelled the photos it learned from often disagreed, and so will you. Light, pose, glasses, "
        "age and whose faces were in those photos all play a part. Decide about nobody by it: not in hiring, at "
        "school, in policing or in medicine."
    )
    card = SHIPPED_BUNDLE / _MODEL_CARD
    if card.is_file():
        with st.expander("The shipped model's card: data, figures, limits", icon=":material/description:"):
            st.markdown(card.read_text(encoding="utf-8"))
