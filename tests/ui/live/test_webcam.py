"""Each START opens exactly one session."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from fractions import Fraction
from types import SimpleNamespace
from typing import Any
from unittest import mock

import av
import pytest
from aiortc import MediaStreamTrack
from aiortc.sdp import SessionDescription
from streamlit_webrtc.component import generate_frontend_component_key
from streamlit_webrtc.process import AsyncVideoProcessTrack

from fer.live.session import LiveSession
from fer.live.settings import LiveSettings
from fer.live.slots import StreamSlots
from fer.ui.live.webcam import CameraState, Webcam
from tests.support.camera_frames import camera_frame
from tests.support.live_session import session


class Component:
    """A fake of streamlit-webrtc's component: what the browser reports, and its last arguments."""

    def __init__(self) -> None:
        self.webcam = Webcam("camera")
        self.state: dict[str, Any] = {}
        self.playing = False
        self.error: Exception | None = None
        self.drawn: dict[str, Any] | None = None
        self.opened: list[LiveSession] = []
        self.places = 10
        self.meanwhile: Callable[[], object] | None = None
        self.track: AsyncVideoProcessTrack | None = None

    def offer(self, sdp: str) -> None:
        """Press START: the browser has the camera and offers a connection."""
        self.state = {generate_frontend_component_key("camera"): {"playing": False, "sdpOffer": {"sdp": sdp}}}

    def play(self) -> None:
        """Establish the connection."""
        self.state, self.playing = {generate_frontend_component_key("camera"): {"playing": True, "sdpOffer": ""}}, True

    def off(self) -> None:
        """Press STOP."""
        self.state, self.playing = (
            {generate_frontend_component_key("camera"): {"playing": False, "sdpOffer": ""}},
            False,
        )

    def show(self) -> CameraState:
        """Run the page."""
        self.drawn = None
        with self.patched():
            return self.webcam.show(self.open, [])

    @contextmanager
    def patched(self) -> Iterator[None]:
        """Replace Streamlit's component and its stored state."""
        with (
            mock.patch("fer.ui.live.webcam.webrtc_streamer", self._draw),
            mock.patch("fer.ui.live.webcam.st.session_state", self.state),
        ):
            yield

    def open(self) -> LiveSession | None:
        if len(self.opened) == self.places:
            return None
        self.opened.append(session(settings=LiveSettings(blur=True)))
        return self.opened[-1]

    def _draw(self, **arguments: Any) -> Any:
        self.drawn = arguments
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        if self.error:
            raise self.error
        signalling = any(value["sdpOffer"] for value in self.state.values())
        return SimpleNamespace(
            state=SimpleNamespace(playing=self.playing, signalling=signalling), output_video_track=self.track
        )

    def send(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Send a frame to the callback that the component received last."""
        assert self.drawn
        return self.drawn["video_frame_callback"](frame)


def test_before_start_there_is_no_session() -> None:
    component = Component()
    assert component.show() == CameraState(on=False)
    assert component.webcam.session is None
    sent = camera_frame()
    assert component.send(sent) is sent


def test_a_repeated_offer_opens_one_session() -> None:
    component = Component()
    component.offer("first")
    assert component.show() == CameraState(on=True)
    assert component.show() == CameraState(on=True)
    component.play()
    assert component.show() == CameraState(on=True)
    assert len(component.opened) == 1
    component.send(camera_frame())
    assert component.webcam.session is component.opened[0]
    assert component.opened[0].snapshot().n_frames == 1


def test_two_runs_of_the_page_at_once_open_one_session() -> None:
    """A run of the page that a newer one replaces continues for a moment."""
    component = Component()
    component.offer("first")
    both_in = threading.Barrier(2, timeout=0.5)

    def slowly() -> LiveSession | None:
        with suppress(threading.BrokenBarrierError):
            both_in.wait()
        return component.open()

    with component.patched(), ThreadPoolExecutor(2) as pool:
        shown = [run.result() for run in [pool.submit(component.webcam.show, slowly, []) for _ in range(2)]]
    assert shown == [CameraState(on=True)] * 2
    assert len(component.opened) == 1


def test_a_run_from_before_start_does_not_end_the_session_that_a_newer_run_opened() -> None:
    component = Component()
    component.meanwhile = lambda: (component.offer("first"), component.show(), component.off())
    assert component.show() == CameraState(on=False)
    assert component.webcam.session is component.opened[0]
    assert component.opened[0].active


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r", "\x0c", "\u2028"])
def test_an_offer_of_several_videos_is_refused(line_end: str) -> None:
    """Only a program offers that: each video would take as much of the processor as a viewer."""
    component, video = Component(), f"m=video 9 UDP/TLS/RTP/SAVPF 96{line_end}"
    offer = f"v=0{line_end}{video}{video}"
    assert len(SessionDescription.parse(offer).media) == 2, "aiortc takes it for two videos"
    component.offer(offer)
    shown = component.show()
    assert not shown.on and shown.failure == "The browser offered more than one video; one camera is taken."
    assert component.drawn is None and component.opened == []
    component.offer(f"v=0{line_end}{video}")
    assert component.show() == CameraState(on=True) and len(component.opened) == 1


def test_stop_ends_the_session_and_keeps_it_for_the_summary() -> None:
    component = Component()
    component.offer("first")
    component.show()
    component.play()
    component.show()
    component.off()
    assert component.show() == CameraState(on=False)
    assert component.webcam.session is component.opened[0]
    assert not component.opened[0].active
    component.offer("second")
    assert component.show() == CameraState(on=True)
    assert component.webcam.session is component.opened[1]
    assert component.opened[1].active


def test_a_start_during_a_stream_ends_that_stream() -> None:
    component = Component()
    component.offer("first")
    component.show()
    component.offer("second")
    component.show()
    assert [opened.active for opened in component.opened] == [False, True]


def test_a_start_during_a_stream_takes_its_slot_if_there_is_only_one() -> None:
    """STOP and START were so fast that no run of the page saw the camera off."""
    component, slots = Component(), StreamSlots(1)

    def open_session() -> LiveSession | None:
        opened = session()
        return opened if slots.enter(opened) else None

    for offer in ("first", "second"):
        component.offer(offer)
        with component.patched():
            assert component.webcam.show(open_session, []) == CameraState(on=True)


def test_a_refused_start_shows_no_camera() -> None:
    component = Component()
    component.places = 0
    component.offer("first")
    assert component.show() == CameraState(on=False, refused=True)
    assert component.drawn is None
    component.places = 1
    assert component.show() == CameraState(on=True)


def test_after_a_failed_connection_the_same_offer_gets_a_new_session() -> None:
    """The component does that automatically in the next run of the page."""
    component = Component()
    component.offer("first")
    component.error = OSError("nobody answers")
    shown = component.show()
    assert not shown.on
    assert shown.failure == "The connection to the camera failed: nobody answers."
    assert not component.opened[0].active
    assert component.webcam.session is component.opened[0]

    component.error = None
    assert component.show() == CameraState(on=True)
    sent = camera_frame()
    shown_frame = component.send(sent)
    assert component.webcam.session is component.opened[1]
    assert component.opened[1].snapshot().n_frames == 1
    assert shown_frame is not sent


class CameraTrack(MediaStreamTrack):
    """The browser's camera, always ready with the same frame."""

    kind = "video"

    async def recv(self) -> av.VideoFrame:
        frame = camera_frame()
        frame.pts, frame.time_base = 0, Fraction(1, 90_000)
        return frame


def test_no_unprocessed_frame_is_sent_before_the_first_processed_one() -> None:
    """As streamlit-webrtc does while the first frame is being processed."""
    component = Component()
    component.offer("first")
    busy = threading.Event()

    class Slow:
        def recv(self, frame: av.VideoFrame) -> av.VideoFrame:
            busy.wait(60)
            return frame

    async def first_frame() -> av.VideoFrame:
        component.track = AsyncVideoProcessTrack(CameraTrack(), Slow())
        component.show()
        return await component.track.recv()

    with ThreadPoolExecutor(1) as thread:
        shown = thread.submit(asyncio.run, first_frame()).result()
    busy.set()
    assert not shown.to_ndarray(format="bgr24").any()
