"""The browser's camera: the one file that knows streamlit-webrtc and PyAV.

streamlit-webrtc opens the camera in an iframe with START and STOP of its own, and gives each frame to a callback in a
thread of its own. Every private name of it that is used stands in this file.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import av
import cv2
import numpy as np
import streamlit as st
from streamlit_webrtc import Translations, VideoHTMLAttributes, WebRtcMode, webrtc_streamer
from streamlit_webrtc.component import generate_frontend_component_key
from streamlit_webrtc.process import AsyncVideoProcessTrack

from fer.arrays import Image
from fer.live.session import LiveSession

LOGGER = logging.getLogger(__name__)

_CONSTRAINTS: Final[dict[str, Any]] = {
    "video": {
        "width": {"ideal": 640},
        "height": {"ideal": 480},
        "frameRate": {"ideal": 30, "max": 30},
        "facingMode": {"ideal": "user"},
    },
    # Without this the browser asks for the microphone as well.
    "audio": False,
}
_TRANSLATIONS: Final = Translations(
    start="Start",
    stop="Stop",
    select_device="Choose camera",
    select_camera="Choose camera",
    turn_camera_on="Show the camera's picture again",
    turn_camera_off="Pause the camera's picture",
    media_api_not_available="The browser gives this page no camera: open it under https:// or on this machine under "
    "http://localhost.",
    device_ask_permission="The browser asks whether this page may use the camera: allow it.",
    device_not_available="The camera cannot be used: it is unplugged, or another program holds it. Close that program",
    device_access_denied="The browser does not give the camera to this page. Allow it by the symbol beside the address",
)
_VIDEO: Final = VideoHTMLAttributes(
    autoPlay=True,
    controls=False,
    muted=True,
    style={"width": "100%", "borderRadius": "0.5rem", "backgroundColor": "black"},
)


class FrameProcessor:
    """What streamlit-webrtc calls, in its own thread, for one stream.

    Nothing is raised here: an exception would end the stream's worker for good.

    Args:
        session: takes the frames.
    """

    def __init__(self, session: LiveSession) -> None:
        self.session = session
        self._loop: asyncio.AbstractEventLoop | None = None

    def recv(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Annotate a frame; one that cannot even be converted is counted, and passed through or, with blur, black."""
        try:
            image = cast(Image, frame.to_ndarray(format="bgr24"))
            shown = self.session.submit(image)
            # Passed through: the frame itself costs no conversion.
            return frame if shown is image else video_frame(shown)
        except Exception as error:
            self.session.count_failed(error)
            if self.session.settings.blur:
                return video_frame(np.zeros((frame.height, frame.width, 3), np.uint8))
            return frame

    async def recv_queued(self, frames: list[av.VideoFrame]) -> list[av.VideoFrame]:
        """The same for the newest of the frames that came since the last call; the others are counted as dropped."""
        self._loop = asyncio.get_running_loop()
        self.session.count_dropped(len(frames) - 1)
        return [self.recv(frames[-1])]

    def ended(self) -> None:
        """The stream is over: STOP, another page, a closed tab."""
        self.session.stop()
        # streamlit-webrtc makes an event loop for the stream's thread, which has ended by now, and never closes it: its
        # three files would stay open until Python happens to collect it.
        if self._loop and not self._loop.is_running():
            self._loop.close()


def video_frame(image_bgr: Image) -> av.VideoFrame:
    """An image, (H, W, 3) uint8 BGR, as the encoder wants it.

    OpenCV converts to I420 in a fifth of the time that the encoder's own conversion takes; it wants even sides.
    """
    height, width = image_bgr.shape[:2]
    if height % 2 or width % 2:
        return av.VideoFrame.from_ndarray(image_bgr, format="bgr24")
    i420 = np.asarray(cv2.cvtColor(image_bgr, cv2.COLOR_BGR2YUV_I420), np.uint8)
    return av.VideoFrame.from_ndarray(i420, format="yuv420p")


def nothing_raw(track: object) -> None:
    """Let a stream begin with black instead of the camera's own frames.

    Until the first frame has been processed, streamlit-webrtc repeats the last one that was, and where there is none it
    sends the camera's on as they came, faces that are to be blurred included.

    Args:
        track: the stream's output; the run of the page that answers the browser sees it before any frame comes.
    """
    if isinstance(track, AsyncVideoProcessTrack) and track._last_out_frame is None:
        track._last_out_frame = video_frame(np.zeros((480, 640, 3), np.uint8))


@dataclass(frozen=True)
class CameraState:
    """What the camera component is doing.

    Attributes:
        on: the browser sends frames, or the connection is being made.
        refused: START was pressed and no session could be had.
        failure: why the connection could not be made, in one sentence; None where nothing failed.
    """

    on: bool
    refused: bool = False
    failure: str | None = None


class Webcam:
    """The camera component of one viewer, kept in `st.session_state`: a new `LiveSession` for every START.

    A run of the page that a newer one takes the place of goes on beside it for a moment, in a thread of its own: the
    two must not open a session each for one START, nor the older one end the session of the newer.

    Args:
        key: of the component; it also names the chosen camera in the browser's memory.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._lock = threading.Lock()
        self._offer: str | None = None
        self._processor: FrameProcessor | None = None
        self._session: LiveSession | None = None

    @property
    def session(self) -> LiveSession | None:
        """The stream that runs or ran last; None before the first START. Waits while one is being opened."""
        with self._lock:
            return self._session

    def show(self, open_session: Callable[[], LiveSession | None], ice_servers: list[dict[str, Any]]) -> CameraState:
        """Draw the component and follow what the viewer does with it.

        Args:
            open_session: called at START; None refuses, and the component is not drawn, which closes the camera.
            ice_servers: STUN and TURN servers as WebRTC wants them; may be empty.
        """
        with self._lock:
            offer = self._offered()
            if offer is not None and offer != self._offer:
                # Whatever ran before is over, and must not stand in the way of what begins.
                if self._session:
                    self._session.stop()
                session = open_session()
                if session is None:
                    return CameraState(on=False, refused=True)
                # Before the component is drawn: it interrupts the script to answer the browser.
                self._offer, self._processor, self._session = offer, FrameProcessor(session), session
            processor = self._processor
        try:
            context = webrtc_streamer(
                key=self._key,
                mode=WebRtcMode.SENDRECV,
                rtc_configuration={"iceServers": ice_servers},
                media_stream_constraints=_CONSTRAINTS,
                video_frame_callback=processor.recv if processor else _pass,
                queued_video_frames_callback=processor.recv_queued if processor else None,
                on_video_ended=processor.ended if processor else None,
                video_html_attrs=_VIDEO,
                translations=_TRANSLATIONS,
                sendback_audio=False,
            )
        except Exception as error:
            # Signalling of a browser that went away, or an address of a STUN or TURN server that nobody answers.
            LOGGER.warning("The camera's connection failed", exc_info=True)
            if processor:
                processor.session.stop()
            # The component tries the same offer again on the next run; that takes a session that has not ended.
            with self._lock:
                if self._processor is processor:
                    self._offer = self._processor = None
            return CameraState(on=False, failure=f"The connection to the camera could not be made ({error}).")
        nothing_raw(context.output_video_track)
        on = bool(context.state.playing or context.state.signalling)
        if not on and processor:
            processor.session.stop()
        return CameraState(on)

    def _offered(self) -> str | None:
        """The connection that the browser offers since START, as text that differs from START to START."""
        value = st.session_state.get(generate_frontend_component_key(self._key))
        offer = value.get("sdpOffer") if isinstance(value, dict) else None
        return str(offer["sdp"]) if isinstance(offer, dict) and "sdp" in offer else None


def _pass(frame: av.VideoFrame) -> av.VideoFrame:
    return frame
