"""Show the last minute, or a whole session, as lines over time."""

import streamlit as st

from fer.streams.timeline import PersonLine, Timeline
from fer.ui.live.camera import PULSE_S, LiveState
from fer.ui.live.webcam import CameraState
from fer.ui.plots import Chart, live_charts
from fer.ui.timelines import describe_timeline, timeline_chart


def last_minute(state: LiveState, shown: CameraState) -> None:
    """Show the last 60 seconds of one person as lines."""
    session = state.session
    if session is None or not shown.on:
        return

    @st.fragment(run_every=PULSE_S)
    def panel() -> None:
        st.markdown("**Last minute**")
        draw(session.timeline(), "live_timeline")

    panel()


def draw(timeline: Timeline, key: str) -> None:
    """Draw the line of one person, and let the viewer choose whose if there are several.

    Args:
        timeline: the people and the time axis.
        key: unique on the page.
    """
    line = _chosen(timeline, f"{key}_person")
    chart = Chart("timeline", timeline_chart(timeline, line), describe_timeline(timeline, line))
    live_charts([chart], key=key)


def _chosen(timeline: Timeline, key: str) -> PersonLine | None:
    """Let the viewer choose whose line is drawn. The default is the person seen longest."""
    if not timeline.lines:
        return None
    by_length = max(timeline.lines, key=lambda line: len(line.seconds))
    if len(timeline.lines) == 1:
        return by_length
    numbers = [line.person for line in timeline.lines]
    if st.session_state.get(key) not in numbers:
        # The chosen person is no longer in the last minute.
        st.session_state[key] = by_length.person
    number = st.selectbox("Person", numbers, key=key, width=120)
    return next((line for line in timeline.lines if line.person == number), by_length)
