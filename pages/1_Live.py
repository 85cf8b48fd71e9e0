"""Live: the camera's picture with boxes and expressions, and the session's figures."""

import streamlit as st

from fer.ui import live, live_figures, live_settings
from fer.ui.frame import errors_as_sentences, page_frame

page_frame(
    "Live",
    ":material/videocam:",
    "Open the camera and see what each face looks like, frame by frame.",
)

with errors_as_sentences():
    state = live.live_state()
    if live.notice(state):
        picture, figures = st.columns([3, 2], gap="large")
        with picture:
            shown = live.camera(state)
            if shown.on:
                live.snapshot(state)
            live.no_picture(state, shown)
        with figures:
            live_figures.now(state, shown)
        # Each in a place that is there when it shows nothing, so that the open settings below stay open.
        with st.container():
            live_figures.last_minute(state, shown)
        with st.container():
            live_figures.summary(state, shown)
        live_settings.panel()
