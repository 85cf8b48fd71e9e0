"""Evaluation's card on Home."""

from datetime import UTC, datetime

import streamlit as st

from fer.evaluation.latest import latest
from fer.ui.frame import menu_entry


def card() -> None:
    """Home's card: the last evaluation, and the way to the page."""
    st.markdown("**:material/query_stats: Evaluation**")
    found = latest()
    if found is None:
        st.markdown("Nothing was evaluated yet: how good is the model, and where does it fail?")
    else:
        drawn = " (drawn faces)" if found.synthetic else ""
        st.metric(f"Accuracy on {found.data}{drawn}, {found.split}", f"{found.accuracy:.1%}")
        st.caption(f"{found.model} on {found.n:,} faces, {ago(found.made)}")
    entry = menu_entry("Evaluation")
    st.page_link(entry.path, label="Evaluate a model" if found is None else "See where it fails", icon=entry.icon)


def ago(made: str) -> str:
    """'3 s ago', of a moment in ISO 8601."""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(made)).total_seconds()
    return f"{duration(max(seconds, 0))} ago"


def duration(seconds: float) -> str:
    """'40 s', '3 min', '5 h', '2 days'."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
