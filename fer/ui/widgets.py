"""Draw widgets that several pages have."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from fer.ui.access import gate
from fer.vision.detection import DETECTOR_NAMES, available_detectors, photo_detector_name


def icon_choice(label: str, icons: Mapping[str, str], *, key: str, **kept: Any) -> str:
    """Let the user choose one of a few options, each with its icon. The first is the default.

    Args:
        label: says what is chosen; hidden, but read to people who can't see the page.
        icons: by option, ':material/name:'.
        key: of the widget.
        kept: how Streamlit keeps the choice: `persist_state` or `bind`.
    """
    return str(
        st.segmented_control(
            label,
            list(icons),
            format_func=lambda name: f"{icons[name]} {name}",
            default=next(iter(icons)),
            required=True,
            label_visibility="collapsed",
            wrap=True,
            key=key,
            **kept,
        )
    )


def detector_choice(*, key: str, **kept: Any) -> str:
    """Let the user choose the face detector; arguments as for `icon_choice`."""
    return str(
        st.segmented_control(
            "Face detector",
            available_detectors(),
            format_func=DETECTOR_NAMES.__getitem__,
            default=photo_detector_name(),
            required=True,
            help="YuNet finds small, turned and dark faces. Haar, the older one, finds upright faces from the front.",
            key=key,
            **kept,
        )
    )


def guarded_button(
    label: str, guarded: tuple[str, str, str], *, not_now: str | None = None, help: str | None = None, **options: Any
) -> bool:
    """Draw a button that is disabled, with the reason as its help text, where this session's person may not press it.

    Its handler calls `gate.action` all the same: a disabled button is only a courtesy.

    Args:
        label: the text of the button.
        guarded: action, kind and name of what the button does, as in `gate.refusal`.
        not_now: why nobody can press it now, or None.
        help: the help text while it can be pressed.
        options: further arguments of `st.button`.

    Returns:
        Whether it was pressed.
    """
    why_not = not_now or gate.refusal(*guarded)
    return st.button(label, disabled=why_not is not None, help=why_not or help, **options)
