"""Frames as the browser's camera sends them."""

import av

from tests.support.live_session import frame


def camera_frame(height: int = 480, width: int = 640) -> av.VideoFrame:
    """Return a frame as the decoder returns it."""
    return av.VideoFrame.from_ndarray(frame(480, 640)[:height, :width].copy(), format="bgr24").reformat(
        format="yuv420p"
    )
