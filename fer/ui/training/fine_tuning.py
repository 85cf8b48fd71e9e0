"""Show what fine-tuning changed: the accuracy before and after, and a warning where it fell."""

import streamlit as st

from fer.comparing.fine_tuning import read_changes
from fer.text import literal


def fine_tuning(run_id: str) -> None:
    """Draw the changes of a finished run that started from a model; nothing for other runs."""
    for change in read_changes(run_id):
        st.caption(literal(change.text))
        if change.warning:
            st.warning(literal(change.warning), icon=":material/trending_down:")
