"""Live: the camera's picture with boxes and expressions, and a summary of the session."""

import streamlit as st

from fer.ui.frame import errors_as_sentences, page_frame
from fer.ui.live import camera, readings, settings, summary, timeline

page_frame(
    "Live",
    ":material/videocam:",
    "Open the camera and see what expression each face shows, frame by frame.",
)

with errors_as_sentences():
    state = camera.live_state()
    if camera.notice(state):
        picture, numbers = st.columns([3, 2], gap="large")
        with picture:
            shown = camera.camera(state)
            if shown.on:
                camera.snapshot(state)
            camera.no_picture(state, shown)
        with numbers:
            readings.now(state, shown)
        # Containers that exist even if empty, so that open settings below stay open.
        with st.container():
            timeline.last_minute(state, shown)
        with st.container():
            summary.last_session(state, shown)
        settings.panel()
