"""Show the settings of the Live page. They take effect with the next frame, without a restart."""

from typing import Any, Final

import streamlit as st

from fer.errors import DetectorError
from fer.live.settings import LiveSettings
from fer.streams.settings import DETECT_EVERY, MAX_DETECT_EVERY, MAX_SMOOTHING_S, SMALLEST_FACES
from fer.ui.live.camera import LiveState, live_state
from fer.ui.messages import show_error
from fer.vision.detection import DETECTOR_NAMES, available_detectors

_BOXES, _LABELS, _CONFIDENCE, _DATE = "Boxes", "Expression", "Confidence", "Date and time"
_DRAWN: Final = (_BOXES, _LABELS, _CONFIDENCE, _DATE)


def panel() -> None:
    """Show all settings in an expander."""
    with st.expander("Settings", icon=":material/tune:"):
        _form()


@st.fragment
def _form() -> None:
    state = live_state()
    find, follow, show = st.columns(3, gap="large")
    with find:
        chosen_detector = st.segmented_control(
            "Face detector",
            available_detectors(),
            format_func=DETECTOR_NAMES.__getitem__,
            default=LiveSettings.detector,
            required=True,
            key="live_detector",
            persist_state="session",
            help="Haar finds upright faces from the front. YuNet also finds small, turned and dark ones.",
        )
        detector = chosen_detector or LiveSettings.detector
        sensitivity = _slider(
            "Sensitivity",
            (0.0, 1.0),
            0.05,
            "sensitivity",
            LiveSettings.sensitivity,
            "A higher value finds more faces, and more false ones.",
        )
        smallest_face = _slider(
            "Smallest face",
            SMALLEST_FACES,
            0.01,
            "smallest_face",
            LiveSettings.smallest_face,
            "As a share of the picture's longer side. Haar finds no faces below 8 %.",
            "percent",
        )
    with follow:
        detect_every = _slider(
            "Detect on every n-th frame",
            (1, MAX_DETECT_EVERY),
            1,
            # One value per detector, because they suit different intervals.
            f"detect_every_{detector}",
            DETECT_EVERY[detector],
            "Between detections, the boxes follow the picture. Fewer detections need less processor time. Use 5 with "
            "Haar and 1 with YuNet.",
        )
        smoothing_s = _slider(
            "Smoothing time (s)",
            (0.0, MAX_SMOOTHING_S),
            0.1,
            "smoothing_s",
            LiveSettings.smoothing_s,
            "Averages the probabilities over about this time, which steadies them. 0 turns it off.",
            "%.1f",
        )
    with show:
        drawn = st.pills(
            "Draw",
            _DRAWN,
            selection_mode="multi",
            default=list(_DRAWN),
            key="live_drawn",
            persist_state="session",
            wrap=True,
        )
        mirror = st.toggle("Mirror", LiveSettings.mirror, key="live_mirror", persist_state="session")
        blur = st.toggle(
            "Blur faces",
            LiveSettings.blur,
            key="live_blur",
            persist_state="session",
            help="Blurs every detected face in the picture and in snapshots. A face that isn't detected stays visible, "
            "so use YuNet on every frame, which misses the fewest.",
        )
    chosen = LiveSettings(
        detector=detector,
        sensitivity=sensitivity,
        smallest_face=smallest_face,
        detect_every=int(detect_every),
        smoothing_s=smoothing_s,
        mirror=mirror,
        boxes=_BOXES in drawn,
        labels=_LABELS in drawn,
        confidence=_CONFIDENCE in drawn,
        date=_DATE in drawn,
        blur=blur,
    )
    if chosen != state.settings:
        _apply(state, chosen)


def _slider(
    label: str, ends: tuple[float, float], step: float, name: str, default: float, tip: str, form: str | None = None
) -> Any:
    return st.slider(label, *ends, default, step, format=form, key=f"live_{name}", persist_state="session", help=tip)


def _apply(state: LiveState, chosen: LiveSettings) -> None:
    try:
        # Even if no frames arrive now: a stalled stream may resume.
        if state.session:
            state.session.change(chosen)
    except DetectorError as error:
        show_error(error)
        return
    state.settings = chosen
