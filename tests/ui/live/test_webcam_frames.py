"""The callbacks of streamlit-webrtc: frames in and out, and never an exception."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import av
import numpy as np
import pytest

from fer.live.settings import LiveSettings
from fer.ui.live.webcam import FrameProcessor, video_frame
from tests.support.camera_frames import camera_frame
from tests.support.live_session import Clock, FakeClassifier, session


def on_a_loop(loop: asyncio.AbstractEventLoop, processor: FrameProcessor, frames: list[av.VideoFrame]) -> av.VideoFrame:
    """As streamlit-webrtc calls it: in a thread of its own. In this one a browser test may have left a running loop."""
    with ThreadPoolExecutor(1) as thread:
        (shown,) = thread.submit(loop.run_until_complete, processor.recv_queued(frames)).result()
    return shown


@pytest.mark.parametrize(("height", "width"), [(480, 640), (720, 1280), (241, 321), (240, 321)])
def test_an_image_is_unchanged_on_its_way_to_the_encoder(height: int, width: int) -> None:
    smooth = np.full((height, width, 3), (40, 120, 200), np.uint8)
    smooth[: height // 2] = (200, 60, 30)
    there = video_frame(smooth).to_ndarray(format="bgr24")
    assert there.shape == smooth.shape
    assert np.abs(there.astype(int) - smooth).mean() < 3


def test_a_frame_is_returned_annotated_in_its_size() -> None:
    processor = FrameProcessor(session(clock=Clock()))
    sent = camera_frame()
    for _ in range(3):
        shown = processor.recv(sent)
    assert (shown.width, shown.height) == (640, 480)
    assert (shown.to_ndarray(format="bgr24") != sent.to_ndarray(format="bgr24")).any()
    assert processor.session.snapshot().n_frames == 3


def test_frames_may_have_odd_sides() -> None:
    processor = FrameProcessor(session())
    shown = processor.recv(camera_frame(241, 321))
    assert (shown.width, shown.height) == (321, 241)
    assert processor.session.snapshot().n_failed == 0


def test_of_waiting_frames_the_newest_is_processed_and_the_others_counted() -> None:
    processor = FrameProcessor(session())
    frames = [camera_frame() for _ in range(4)]
    with mock.patch.object(processor, "recv", wraps=processor.recv) as recv:
        shown = on_a_loop(asyncio.new_event_loop(), processor, frames)
    processor.ended()
    recv.assert_called_once_with(frames[-1])
    assert shown.width == 640
    snapshot = processor.session.snapshot()
    assert (snapshot.n_frames, snapshot.n_dropped) == (1, 3)


def test_a_failed_frame_is_returned_unchanged() -> None:
    processor = FrameProcessor(session(classifier=FakeClassifier(fails_every=1)))
    sent = camera_frame()
    assert processor.recv(sent) is sent
    assert processor.session.snapshot().n_failed == 1


@pytest.mark.parametrize("blur", [False, True])
def test_a_frame_that_cannot_be_read_is_counted_and_never_shown_where_faces_are_blurred(blur: bool) -> None:
    processor = FrameProcessor(session(settings=LiveSettings(blur=blur)))
    broken = mock.Mock(spec=av.VideoFrame, width=64, height=48)
    broken.to_ndarray.side_effect = ValueError("unknown format")
    shown = processor.recv(broken)
    assert processor.session.snapshot().n_failed == 1
    if blur:
        assert not shown.to_ndarray(format="bgr24").any()
    else:
        assert shown is broken


def test_the_end_of_the_stream_closes_its_event_loop() -> None:
    processor = FrameProcessor(session())
    loop = asyncio.new_event_loop()
    on_a_loop(loop, processor, [camera_frame()])
    assert not loop.is_closed()
    processor.ended()
    processor.ended()
    assert loop.is_closed()


def test_the_end_of_the_stream_ends_the_session() -> None:
    processor = FrameProcessor(session())
    processor.ended()
    sent = camera_frame()
    assert not processor.session.active
    assert processor.recv(sent) is sent
