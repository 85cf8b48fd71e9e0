"""Show the Evaluation card on Home."""

import streamlit as st

from fer.datasets.store.loading import SYNTHETIC
from fer.errors import BundleError
from fer.evaluation.latest import latest
from fer.text import ago, percent
from fer.ui import resources
from fer.ui.frame import menu_entry


def card() -> None:
    """Show the latest evaluation of the model in use, and a link to the page."""
    st.markdown("**:material/query_stats: Evaluation**")
    try:
        found = latest(resources.model_in_use().hash)
    except BundleError:
        # The model's own card shows the error.
        found = None
    if found is None:
        st.markdown("This model hasn't been evaluated here yet.")
    else:
        synthetic = " (synthetic faces)" if found.synthetic and found.data != SYNTHETIC else ""
        st.metric("Accuracy" if found.undivided else f"Accuracy, {found.split}", percent(found.accuracy))
        # Not in the label, which is one line and would be cut off.
        st.caption(f"{found.model} on {found.n:,} faces of {found.data}{synthetic}, {ago(found.made)}")
    entry = menu_entry("Evaluation")
    st.page_link(entry.path, label="Evaluate the model" if found is None else "See its mistakes", icon=entry.icon)
