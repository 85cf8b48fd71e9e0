"""Files that take a while to make: the first click makes one, the second downloads it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import streamlit as st

from fer.text import file_size
from fer.ui.frame import errors_as_sentences

# One file per session, because several would add up to many megabytes.
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
    """Offer a file that is made on request.

    `st.download_button` can make its file at the click, but Streamlit deletes it after any viewer's page was drawn
    twice, and a camera's readings are drawn twice per second.

    Args:
        label: what the file is.
        make: returns its content; a `FerError` is shown as its sentence.
        file_name: the name to save it under.
        mime: its media type.
        key: identifies the file and its content; if it changes, the file is made again.
        icon: icon of the first button.
        help: what the file contains.
    """
    made: _Made | None = st.session_state.get(_MADE)
    if made and made.file_name == file_name and made.key != key:
        # Its source has changed or is gone.
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
    """Forget the file that was made last."""
    st.session_state.pop(_MADE, None)
