"""Show errors, whose text may hold names from files, literally."""

from typing import Final

import streamlit as st

from fer.text import literal

_ERROR: Final = ":material/error:"
_KEPT: Final = "kept_errors"


def show_error(error: Exception | str, icon: str = _ERROR) -> None:
    """Show an error's sentence in red. Markdown in it, such as that of a file's name, has no effect."""
    st.error(literal(str(error)), icon=icon)


def keep_error(place: str, error: Exception | str) -> None:
    """Show an error from the next run of the page on, where `kept_errors` draws those of a place.

    Unlike a toast, or what a button's callback draws, it stays until `forget_errors`: until the user acts there again.
    """
    st.session_state.setdefault(_KEPT, {}).setdefault(place, []).append(str(error))


def forget_errors(place: str) -> None:
    """Forget the errors of a place, because the user has acted there."""
    st.session_state.get(_KEPT, {}).pop(place, None)


def kept_errors(place: str) -> None:
    """Draw the errors of a place."""
    for error in st.session_state.get(_KEPT, {}).get(place, ()):
        show_error(error)
