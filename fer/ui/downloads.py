"""Files that take a while to make: one click makes the file and starts its download."""

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

import streamlit as st

from fer.errors import sentence_for
from fer.ui.in_memory import for_this_visitor
from fer.ui.messages import show_error

_OFFERED: Final = "making_"
_POLL_SECONDS: Final = 0.3
# The browser asks for the file as it reports the click. If it didn't, its connection is lost.
_START_SECONDS: Final = 20


class _Making:
    """A file that is made in a thread of Streamlit's, while the page watches."""

    def __init__(self, make: Callable[[], bytes]) -> None:
        self._make = make
        self.began = threading.Event()
        self.ended = threading.Event()
        self.share = 0.0
        self.error: str | None = None

    def run(self) -> bytes:
        """Make the file; the page shows the sentence of what is raised."""
        self.began.set()
        _current.set(self)
        try:
            return self._make()
        except Exception as error:
            self.error = sentence_for(error)
            raise
        finally:
            self.ended.set()


_current: Final[ContextVar[_Making | None]] = ContextVar("making", default=None)


def report_progress(share: float) -> None:
    """Tell how much of a file is made, 0..1; for functions that make one. Elsewhere this does nothing."""
    if (making := _current.get()) is not None:
        making.share = share


@st.fragment
def made_download(
    label: str,
    make: Callable[[], bytes],
    file_name: str,
    mime: str,
    *,
    key: str,
    icon: str | None = None,
    help: str | None = None,
    then: Callable[[], None] | None = None,
) -> None:
    """Offer a file that is made at the click; its download then starts on its own.

    Args:
        label: what the file is.
        make: returns its content; what it raises is shown as a sentence. It runs in another thread, without Streamlit.
        file_name: the name to save it under.
        mime: its media type.
        key: identifies the button.
        icon: icon of the button.
        help: what the file contains.
        then: called on the page once the file is made.
    """
    offered = f"{_OFFERED}{key}"
    clicked_on: _Making | None = st.session_state.get(offered)
    making = st.session_state[offered] = _Making(make)
    if not st.download_button(label, for_this_visitor(making.run), file_name, mime, icon=icon, help=help, key=key):
        return
    if clicked_on is None:
        return
    place = st.empty()
    if not clicked_on.began.wait(_START_SECONDS):
        place.error("The download didn't start. Reload the page and try again.", icon=":material/error:")
        return
    while not clicked_on.ended.wait(_POLL_SECONDS):
        # Each call lets the page react to what the visitor does meanwhile.
        place.progress(clicked_on.share, f"Making {file_name}")
    place.empty()
    if clicked_on.error:
        show_error(clicked_on.error)
    elif then:
        then()


def forget_offers() -> None:
    """Let go of what this visitor's files would be made of."""
    for key in [key for key in st.session_state if str(key).startswith(_OFFERED)]:
        del st.session_state[key]
