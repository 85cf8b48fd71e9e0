"""Files that take a while to make: one click makes a file, the next one downloads it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import streamlit as st

from fer.text import file_size
from fer.ui.frame import errors_as_sentences

# One file a session, the last one that was made: megabytes of each button would add up.
_MADE: Final = "made_download"


@dataclass(frozen=True)
class _Made:
    file_name: str
    key: str
    data: bytes


def made_download(
    label: str,
    make: Callable[[], bytes],
    file_name: str,
    mime: str,
    *,
    key: str,
    icon: str | None = None,
    help: str | None = None,
) -> None:
    """Offer a file that is made when it is asked for.

    A `st.download_button` can make its file at the click, but keeps it for nobody: the next two drawings of any
    viewer's page sweep it away, and a camera's figures are drawn twice a second.

    Args:
        label: what the file is.
        make: gives its content; a `FerError` is shown as its sentence.
        file_name: what it is saved as.
        mime: its type.
        key: tells the file from others and from what it was before: a new one makes it anew.
        icon: of the first button.
        help: what is in it.
    """
    made: _Made | None = st.session_state.get(_MADE)
    if made and made.file_name == file_name and made.key != key:
        # What it was made of has changed, or is gone.
        forget_made()
        made = None
    if made and made.key == key:
        st.download_button(
            f"Save {file_name} ({file_size(len(made.data))})",
            made.data,
            file_name,
            mime,
            type="primary",
            on_click="ignore",
            icon=":material/download:",
            key=f"save_{key}",
        )
    elif st.button(label, icon=icon, help=help, key=f"make_{key}"):
        with errors_as_sentences(), st.spinner(f"Making {file_name} ..."):
            st.session_state[_MADE] = _Made(file_name, key, make())
            st.rerun()


def forget_made() -> None:
    """Let go of the file that was made last."""
    st.session_state.pop(_MADE, None)
