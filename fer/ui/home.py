"""The parts of Home: where to start, the model in use, and what to expect of it."""

import re
from collections.abc import Callable, Sequence
from typing import Final

import streamlit as st

from fer.errors import BundleError, FerError
from fer.evaluation.names import display_name
from fer.paths import SHIPPED_BUNDLE, typed
from fer.recognition.bundle import Bundle
from fer.recognition.provenance import accuracy_of
from fer.text import file_size, literal, percent
from fer.ui import resources
from fer.ui.frame import menu_entry
from fer.vision.annotation import annotated_view
from fer.vision.detection import photo_detector_name
from fer.vision.images import decode, encode_jpeg
from fer.vision.samples import SAMPLE_CREDIT, SAMPLE_NAME, sample_portrait

_POLL_SECONDS: Final = 0.5
_MODEL_CARD: Final = "README.md"
# Comments are for the script that updates the card, and Streamlit draws no Mermaid charts.
_NOT_FOR_READERS: Final = re.compile(r"<!--.*?-->\n?|[^\n]*\n\n```mermaid\n.*?```\n?", re.DOTALL)
# The sample is shown at about half of this width, with letters of half of this height.
_SAMPLE_PX: Final = 560
_LETTERS_PX: Final = 28
_SPEED: Final = "Time per face"

_STARTS: Final = (
    ("Upload", "Analyse photos", "Drop photos, take a snapshot or try the sample."),
    ("Video", "Analyse videos", "See what each person looks like over time."),
    ("Live", "Open the camera", "See the expression of each face, frame by frame."),
)


def start() -> None:
    """Show the buttons that lead to photos, videos and the camera, and a sample result."""
    # The buttons come first, because on a phone the columns are below each other.
    buttons, picture = st.columns([2, 1], gap="large", vertical_alignment="center")
    with buttons:
        for label, title, text in _STARTS:
            entry = menu_entry(label)
            if entry.exists:
                if st.button(title, type="primary", icon=entry.icon, key=f"home_{label}", width=220):
                    st.switch_page(entry.path)
                st.markdown(text)
    with picture:
        _sample()


def cards(draw: Sequence[Callable[[], None]]) -> None:
    """Draw cards of equal height next to each other, or below each other on a phone."""
    for column, card in zip(st.columns(len(draw)), draw, strict=True):
        with column, st.container(border=True, height="stretch"):
            card()


def model_card() -> None:
    """Show the model in use: name, accuracy with its split, size and speed."""
    st.markdown("**:material/neurology: Model in use**")
    try:
        bundle = resources.model_in_use()
    except BundleError as error:
        st.markdown(literal(str(error)))
        st.markdown(f"Train one on the Training page, or with `{typed('train --data synthetic')}`.")
        return
    with st.container(horizontal=True):
        _accuracy(bundle)
        _speed(bundle)
    synthetic = " · trained on synthetic faces, not on real ones" if bundle.data.get("synthetic") else ""
    size = file_size(bundle.served_file.stat().st_size)
    st.caption(f"{display_name(bundle)} · {bundle.weights} weights, {size}{synthetic}")
    if bundle.never_sure:
        st.caption(
            ":material/info: It always says 'not sure', because it wasn't accurate enough in its training. Train it "
            "longer, or choose another model on the Training page."
        )


def _accuracy(bundle: Bundle) -> None:
    accuracy = accuracy_of(bundle)
    if accuracy is None:
        st.metric("Accuracy", "not measured", width="content")
        return
    st.metric(
        f"Accuracy, {accuracy.split}",
        percent(accuracy.value),
        width="content",
        help=f"Share of correct predictions on {literal(accuracy.where)}.",
    )


def _speed(bundle: Bundle) -> None:
    future = resources.start_loading(bundle)
    if not future.done():
        _wait_for(bundle)
    elif future.exception() is None:
        time_ms = future.result().ms_per_face
        help_text = "On this machine, without detection."
        st.metric(_SPEED, f"{time_ms:.1f} ms", width="content", help=help_text)
    else:
        st.markdown(f"{future.exception()}")


@st.fragment(run_every=_POLL_SECONDS)
def _wait_for(bundle: Bundle) -> None:
    """Rerun the page once the model is loaded, which happens in the background."""
    if resources.start_loading(bundle).done():
        st.rerun()
    st.metric(_SPEED, "...", width="content")


def _sample() -> None:
    """Show the sample portrait, with the model's prediction once the model is loaded."""
    try:
        bundle = resources.model_in_use()
        loaded = resources.start_loading(bundle)
        ready = loaded.done() and loaded.exception() is None
        shown = _analyzed_sample(bundle.hash, bundle) if ready else sample_portrait()
    except FerError:
        # The model's card shows the error.
        return
    st.image(shown, caption=SAMPLE_CREDIT, width="stretch", alt="Portrait of a smiling astronaut")


@st.cache_data(max_entries=2, show_spinner=False)
def _analyzed_sample(bundle_hash: str, _bundle: Bundle) -> bytes:
    analyzer = resources.analyzer(_bundle, photo_detector_name())
    image_bgr = decode(sample_portrait())
    return encode_jpeg(
        annotated_view(image_bgr, analyzer.analyze(image_bgr, SAMPLE_NAME).faces, _SAMPLE_PX, _LETTERS_PX)
    )


def what_it_can_tell() -> None:
    """Show what to expect of a model, what not to use it for, and the card of the shipped model."""
    st.subheader("What it can and cannot tell", anchor=False)
    st.markdown(
        "The program predicts the expression that a face *shows* in one picture. It says 'looks happy', never 'is "
        "happy'. The people who labelled its training photos often disagreed, and so will you. Light, pose, glasses, "
        "age and the choice of training photos affect the result. Don't use it to decide about people: not in hiring, "
        "at school, in policing or in medicine."
    )
    card = SHIPPED_BUNDLE / _MODEL_CARD
    if card.is_file():
        with st.expander("Model card: data, metrics and limits of the shipped model", icon=":material/description:"):
            st.markdown(readable_card(card.read_text(encoding="utf-8")))


def readable_card(text: str) -> str:
    """Return a model card without HTML comments and without charts that Streamlit can't draw."""
    return _NOT_FOR_READERS.sub("", text)
