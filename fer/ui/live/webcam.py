"""The browser's camera. Only this file knows streamlit-webrtc and PyAV.

streamlit-webrtc opens the camera in an iframe with its own START and STOP, and passes each frame to a callback in its
own thread. All uses of its private names are in this file.
"""

import asyncio
import logging
import threading
import time
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

# How a line begins that offers a video, a sound or a channel for data.
_MEDIA: Final = "m="
_CONSTRAINTS: Final[dict[str, Any]] = {
    "video": {
        "width": {"ideal": 640},
        "height": {"ideal": 480},
        "frameRate": {"ideal": 30, "max": 30},
        "facingMode": {"ideal": "user"},
    },
    # Otherwise the browser asks for the microphone too.
    "audio": False,
}
_TRANSLATIONS: Final = Translations(
    start="Start",
    stop="Stop",
    select_device="Choose camera",
    select_camera="Choose camera",
    turn_camera_on="Resume the camera's picture",
    turn_camera_off="Pause the camera's picture",
    media_api_not_available="The browser doesn't allow the camera on this page. Open it under https://, or under "
    "http://localhost on the same machine.",
    device_ask_permission="Allow this page to use the camera.",
    device_not_available="The camera is unplugged or in use by another program. Close that program",
    device_access_denied="The browser blocked the camera. Allow it with the icon next to the address",
)
_VIDEO: Final = VideoHTMLAttributes(
    autoPlay=True,
    controls=False,
    muted=True,
    style={"width": "100%", "borderRadius": "0.5rem", "backgroundColor": "black"},
)


class FrameProcessor:
    """The callbacks of one stream, which streamlit-webrtc calls in its own thread.

    They never raise, because an exception would end the stream's worker.

    Args:
        session: processes the frames.
    """

    def __init__(self, session: LiveSession) -> None:
        self.session = session
        self._loop: asyncio.AbstractEventLoop | None = None

    def recv(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Annotate a frame. If it can't even be converted, count it and return it unchanged (black with blur)."""
        try:
            image = cast(Image, frame.to_ndarray(format="bgr24"))
            shown = self.session.submit(image)
            # An unchanged frame needs no conversion.
            return frame if shown is image else video_frame(shown)
        except Exception as error:
            self.session.count_failed(error)
            if self.session.settings.blur:
                return video_frame(np.zeros((frame.height, frame.width, 3), np.uint8))
            return frame

    async def recv_queued(self, frames: list[av.VideoFrame]) -> list[av.VideoFrame]:
        """Annotate the newest of the frames that arrived since the last call, and count the others as dropped."""
        self._loop = asyncio.get_running_loop()
        self.session.count_dropped(len(frames) - 1)
        return [self.recv(frames[-1])]

    def ended(self) -> None:
        """End the session: the viewer pressed STOP, opened another page or closed the tab."""
        self.session.stop()
        # streamlit-webrtc creates an event loop for the stream's thread and never closes it. Its three files would stay
        # open until it is garbage collected. The thread has ended by now.
        if self._loop and not self._loop.is_running():
            self._loop.close()


def video_frame(image_bgr: Image) -> av.VideoFrame:
    """Convert an image, (H, W, 3) uint8 BGR, to a frame for the encoder.

    OpenCV converts to I420 five times faster than the encoder, but only images with even sides.
    """
    height, width = image_bgr.shape[:2]
    if height % 2 or width % 2:
        return av.VideoFrame.from_ndarray(image_bgr, format="bgr24")
    i420 = np.asarray(cv2.cvtColor(image_bgr, cv2.COLOR_BGR2YUV_I420), np.uint8)
    return av.VideoFrame.from_ndarray(i420, format="yuv420p")


def nothing_raw(track: object) -> None:
    """Start a stream with black instead of the camera's own frames.

    Until the first frame has been processed, streamlit-webrtc would send the camera's frames unchanged, including faces
    that must be blurred.

    Args:
        track: the stream's output. The page run that answers the browser sees it before any frame arrives.
    """
    if isinstance(track, AsyncVideoProcessTrack) and track._last_out_frame is None:
        track._last_out_frame = video_frame(np.zeros((480, 640, 3), np.uint8))


@dataclass(frozen=True)
class CameraState:
    """The state of the camera component.

    Attributes:
        on: whether the browser sends frames, or is connecting.
        refused: whether START was refused because there are too many viewers.
        failure: why the connection failed, in one sentence; None if it didn't.
    """

    on: bool
    refused: bool = False
    failure: str | None = None


class Webcam:
    """The camera component of one viewer, kept in `st.session_state`. Every START opens a new `LiveSession`.

    When a newer run replaces a run of the page, both run for a moment in their own threads. They must not both open a
    session for the same START, and the older must not end the newer one's session.

    Args:
        key: the key of the component. The browser also stores the chosen camera under it.
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._lock = threading.Lock()
        self._offer: str | None = None
        self._processor: FrameProcessor | None = None
        self._session: LiveSession | None = None
        # When the browser offered a connection, and when that ended: monotonic seconds.
        self._offered_s: float | None = None
        self._ended_s: float | None = None
        # The browser's addresses since START.
        self.candidates: tuple[str, ...] = ()

    def waited_in_vain_s(self) -> float:
        """Return how long the current or last START has been without any frame; 0 if a frame arrived."""
        session = self.session
        if session is None or self._offered_s is None or session.snapshot().n_frames:
            return 0.0
        return max(0.0, (self._ended_s or time.monotonic()) - self._offered_s)

    @property
    def session(self) -> LiveSession | None:
        """Return the current or last session; None before the first START. Wait while one is being opened."""
        with self._lock:
            return self._session

    def show(self, open_session: Callable[[], LiveSession | None], ice_servers: list[dict[str, Any]]) -> CameraState:
        """Draw the component and react to START and STOP.

        Args:
            open_session: called at START. If it returns None, the component isn't drawn, which closes the camera.
            ice_servers: STUN and TURN servers in WebRTC's format; may be empty.
        """
        with self._lock:
            offer = self._offered()
            # A program could send many videos that way, and each would be decoded and analysed.
            if offer is not None and _number_of_media(offer) > 1:
                return CameraState(on=False, failure="The browser offered more than one video; one camera is taken.")
            if offer is not None and offer != self._offer:
                # The previous session is over and must free its slot for the new one.
                if self._session:
                    self._session.stop()
                session = open_session()
                if session is None:
                    return CameraState(on=False, refused=True)
                # Set before drawing the component, which interrupts the script to answer the browser.
                self._offer, self._processor, self._session = offer, FrameProcessor(session), session
                self._offered_s, self._ended_s, self.candidates = time.monotonic(), None, ()
            self.candidates = self._browser_candidates() or self.candidates
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
            # The browser disappeared while connecting, or a STUN or TURN server doesn't answer.
            LOGGER.warning("The camera's connection failed", exc_info=True)
            if processor:
                processor.session.stop()
            # The component retries the same offer in the next run, which needs a new session.
            with self._lock:
                if self._processor is processor:
                    self._offer = self._processor = None
            return CameraState(on=False, failure=f"The connection to the camera failed: {error}.")
        nothing_raw(context.output_video_track)
        on = bool(context.state.playing or context.state.signalling)
        if not on and processor:
            self._ended_s = self._ended_s or time.monotonic()
            processor.session.stop()
        return CameraState(on)

    def _value(self) -> dict[str, Any]:
        value = st.session_state.get(generate_frontend_component_key(self._key))
        return value if isinstance(value, dict) else {}

    def _browser_candidates(self) -> tuple[str, ...]:
        found = self._value().get("iceCandidates")
        values = found.values() if isinstance(found, dict) else ()
        return tuple(str(value["candidate"]) for value in values if isinstance(value, dict) and "candidate" in value)

    def _offered(self) -> str | None:
        """Return the browser's connection offer since START. Every START has a different one."""
        offer = self._value().get("sdpOffer")
        return str(offer["sdp"]) if isinstance(offer, dict) and "sdp" in offer else None


def _number_of_media(offer: str) -> int:
    """Count the media of an offer. Lines end where aiortc ends them, which is not only at line feeds."""
    return sum(line.startswith(_MEDIA) for line in offer.splitlines())


def _pass(frame: av.VideoFrame) -> av.VideoFrame:
    return frame
