"""Show errors, whose text may hold names from files, literally."""

from typing import Final

import streamlit as st

from fer.text import literal

_ERROR: Final = ":material/error:"


def show_error(error: Exception | str, icon: str = _ERROR) -> None:
    """Show an error's sentence in red. Markdown in it, such as that of a file's name, has no effect."""
    st.error(literal(str(error)), icon=icon)
