"""Evaluation's card on Home."""

import streamlit as st

from fer.errors import BundleError
from fer.evaluation.latest import latest
from fer.text import ago
from fer.ui import resources
from fer.ui.frame import menu_entry


def card() -> None:
    """Home's card: the last evaluation of the model in use, and the way to the page."""
    st.markdown("**:material/query_stats: Evaluation**")
    try:
        found = latest(resources.model_in_use().hash)
    except BundleError:
        # The card of the model says what is wrong with it.
        found = None
    if found is None:
        st.markdown("Not evaluated here yet: how good is the model, and where does it fail?")
    else:
        drawn = " (drawn faces)" if found.synthetic else ""
        st.metric(f"Accuracy on {found.data}{drawn}, {found.split}", f"{found.accuracy:.1%}")
        st.caption(f"{found.model} on {found.n:,} faces, {ago(found.made)}")
    entry = menu_entry("Evaluation")
    st.page_link(entry.path, label="Evaluate a model" if found is None else "See where it fails", icon=entry.icon)
