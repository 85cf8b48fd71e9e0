"""Live: the camera's picture with boxes and expressions, and the session's figures."""

import streamlit as st

from fer.ui.frame import errors_as_sentences, page_frame
from fer.ui.live import camera, readings, settings

page_frame(
    "Live",
    ":material/videocam:",
    "Open the camera and see what each face looks like, frame by frame.",
)

with errors_as_sentences():
    state = camera.live_state()
    if camera.notice(state):
        picture, figures = st.columns([3, 2], gap="large")
        with picture:
            shown = camera.camera(state)
            if shown.on:
                camera.snapshot(state)
            camera.no_picture(state, shown)
        with figures:
            readings.now(state, shown)
        # Each in a place that is there when it shows nothing, so that the open settings below stay open.
        with st.container():
            readings.last_minute(state, shown)
        with st.container():
            readings.summary(state, shown)
        settings.panel()
