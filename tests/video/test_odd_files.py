"""The table of odd files in docs/video.md, row by row."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fer.errors import VideoError
from fer.video.reader import VideoReader
from fer.video.tone_mapping import HLG, PQ
from fer.video.wire import DecodedFrame, Request
from tests.support.clips import HEIGHT, WIDTH, Clip, corners, hdr_frame, plain, sound_only

RED, GREEN, BLUE, WHITE = (0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 255)
MJPEG = Clip(codec="mjpeg", pixel_format="yuvj420p", options={})


def read(path: Path, every: int = 1) -> tuple[list[DecodedFrame], tuple[str, ...]]:
    with VideoReader(Request(str(path), every)) as reader:
        frames = list(reader.frames())
        return frames, reader.notes


def quarters(image: np.ndarray) -> list[np.ndarray]:
    """The colours in the middle of the quarters: left and right above, left and right below."""
    height, width = image.shape[:2]
    return [image[y, x].astype(int) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]


def assert_quarters(image: np.ndarray, expected: list[tuple[int, int, int]]) -> None:
    for actual, color in zip(quarters(image), expected, strict=True):
        assert np.abs(actual - np.array(color)).max() < 40, quarters(image)


@pytest.mark.parametrize(
    ("rotation", "hflip", "expected"),
    [
        (0, False, [RED, GREEN, BLUE, WHITE]),
        # Counterclockwise.
        (90, False, [GREEN, WHITE, RED, BLUE]),
        (180, False, [WHITE, BLUE, GREEN, RED]),
        (-90, False, [BLUE, RED, WHITE, GREEN]),
        (0, True, [GREEN, RED, WHITE, BLUE]),
        (180, True, [BLUE, WHITE, RED, GREEN]),
        # Turned first, then mirrored.
        (90, True, [WHITE, GREEN, BLUE, RED]),
        (-90, True, [RED, BLUE, GREEN, WHITE]),
        # The nearest quarter turn.
        (80, False, [GREEN, WHITE, RED, BLUE]),
    ],
)
def test_rotation_and_mirroring_of_the_container_are_applied(
    tmp_path: Path, rotation: float, hflip: bool, expected: list[tuple[int, int, int]]
) -> None:
    path = Clip(rotation=rotation, hflip=hflip).write(tmp_path / "clip.mp4", [corners()] * 2)
    frames, notes = read(path)
    assert_quarters(frames[1].image_bgr, expected)
    turned = abs(rotation) in (80, 90)
    assert frames[0].image_bgr.shape == ((WIDTH, HEIGHT, 3) if turned else (HEIGHT, WIDTH, 3))
    assert not notes


@pytest.mark.parametrize(
    ("aspect", "size", "n_notes"),
    [
        (Fraction(4, 3), (256, 144), 0),
        (Fraction(2, 3), (192, 216), 0),
        # No camera has such pixels.
        (Fraction(50, 1), (192, 144), 1),
    ],
)
def test_pixels_become_square(tmp_path: Path, aspect: Fraction, size: tuple[int, int], n_notes: int) -> None:
    frames, notes = read(Clip(aspect=aspect).write(tmp_path / "clip.mp4", [corners()] * 2))
    assert frames[0].image_bgr.shape[1::-1] == size
    assert_quarters(frames[0].image_bgr, [RED, GREEN, BLUE, WHITE])
    assert len(notes) == n_notes


def test_a_rotated_frame_is_stretched_along_its_own_width(tmp_path: Path) -> None:
    frames, _ = read(Clip(aspect=Fraction(2), rotation=90).write(tmp_path / "clip.mp4", [corners()]))
    assert frames[0].image_bgr.shape[:2] == (2 * WIDTH, HEIGHT)


def test_interlaced_frames_lose_their_comb(tmp_path: Path) -> None:
    """A bright bar moves by 16 pixels between the two fields of a frame."""
    pictures = []
    for index in range(5):
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for field in (0, 1):
            left = 16 * (2 * index + field)
            picture[field::2, left : left + 24] = 255
        pictures.append(picture)
    interlaced = {"preset": "ultrafast", "flags": "+ildct+ilme", "x264-params": "tff=1"}
    frames, notes = read(Clip(options=interlaced).write(tmp_path / "clip.mp4", pictures))
    assert [frame.number for frame in frames] == list(range(5))
    assert [frame.time_s for frame in frames] == pytest.approx([index / 30 for index in range(5)], abs=1e-3)
    assert not notes
    comb = [np.abs(np.diff(frame.image_bgr[8:-8, :, 0].astype(int), axis=0)).mean() for frame in frames[1:-1]]
    raw = [np.abs(np.diff(picture[8:-8, :, 0].astype(int), axis=0)).mean() for picture in pictures[1:-1]]
    assert max(comb) < min(raw) / 4


def test_10_bit_and_odd_sizes(tmp_path: Path) -> None:
    deep = Clip(codec="libx265", pixel_format="yuv420p10le", options={"x265-params": "log-level=none:bframes=0"})
    frames, _ = read(deep.write(tmp_path / "deep.mp4", [corners()] * 2))
    assert_quarters(frames[0].image_bgr, [RED, GREEN, BLUE, WHITE])
    odd = Clip(codec="ffv1", pixel_format="bgr0", options={})
    frames, _ = read(odd.write(tmp_path / "odd.mkv", [corners(191, 143)] * 2))
    assert frames[0].image_bgr.shape == (143, 191, 3)


@pytest.mark.parametrize(
    ("transfer", "codes"),
    [
        # Paper white, a highlight of 1,000 nits, a shadow.
        (PQ, (573, 723, 327)),
        (HLG, (721, 940, 400)),
    ],
)
def test_hdr_is_tone_mapped(tmp_path: Path, transfer: int, codes: tuple[int, int, int]) -> None:
    hdr = Clip(
        codec="libx265",
        pixel_format="yuv420p10le",
        options={"x265-params": "log-level=none:lossless=1:bframes=0"},
        frame_values={"color_trc": transfer, "color_primaries": 9, "colorspace": 9, "color_range": 1},
    )
    frames, _ = read(hdr.write(tmp_path / "hdr.mp4", [hdr_frame(codes)] * 2))
    white, highlight, shadow = (int(frames[0].image_bgr[70, x].mean()) for x in (32, 96, 160))
    # Not mapped, paper white is 148 in PQ and 191 in HLG, and a highlight and a shadow are too near to it.
    assert white == pytest.approx(188, abs=12)
    assert highlight > 250
    assert 20 < shadow < white - 60


def test_frames_of_another_size_are_scaled_to_the_first(tmp_path: Path) -> None:
    """Matroska holds what a browser's recorder writes when a window changes."""
    one = MJPEG.write(tmp_path / "one.mkv", [corners()] * 2)
    two = MJPEG.write(tmp_path / "two.mkv", [corners(WIDTH // 2, HEIGHT // 2)] * 2)
    with av.open(str(tmp_path / "both.mkv"), "w") as output, av.open(str(one)) as first, av.open(str(two)) as second:
        stream = output.add_stream_from_template(first.streams.video[0])
        for offset, source in ((0, first), (66, second)):
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.pts, packet.dts, packet.stream = packet.pts + offset, packet.dts + offset, stream
                    output.mux(packet)
    frames, _ = read(tmp_path / "both.mkv")
    assert [frame.image_bgr.shape for frame in frames] == [(HEIGHT, WIDTH, 3)] * 4
    assert_quarters(frames[3].image_bgr, [RED, GREEN, BLUE, WHITE])


def test_a_variable_rate_keeps_every_timestamp(tmp_path: Path) -> None:
    pts = [0, 40, 55, 300, 1300, 1333]
    frames, notes = read(Clip(time_base=Fraction(1, 1000), pts=pts).write(tmp_path / "clip.mp4", plain(6)))
    assert [frame.time_s for frame in frames] == pytest.approx([value / 1000 for value in pts], abs=1e-3)
    assert not notes


def test_time_counts_from_the_start_of_the_stream(tmp_path: Path) -> None:
    frames, _ = read(Clip(pts=[90, 91, 92]).write(tmp_path / "late.mkv", plain(3)))
    assert [frame.time_s for frame in frames] == pytest.approx([0, 1 / 30, 2 / 30], abs=1e-3)
    assert frames[0].pts == 3000


def test_time_in_avi_counts_from_its_first_picture(tmp_path: Path) -> None:
    frames, _ = read(Clip().write(tmp_path / "clip.avi", plain(3)))
    assert [frame.time_s for frame in frames] == pytest.approx([0, 1 / 30, 2 / 30], abs=1e-3)


def test_one_frame(tmp_path: Path) -> None:
    frames, notes = read(Clip().write(tmp_path / "one.mp4", [corners()]))
    assert [(frame.number, frame.time_s) for frame in frames] == [(0, 0.0)]
    assert not notes


def test_missing_and_backward_timestamps_are_estimated(tmp_path: Path) -> None:
    source = MJPEG.write(tmp_path / "clip.mkv", [corners()] * 5)
    with av.open(str(tmp_path / "bad.mkv"), "w") as output, av.open(str(source)) as clip:
        stream = output.add_stream_from_template(clip.streams.video[0])
        packets = [packet for packet in clip.demux(video=0) if packet.dts is not None]
        for packet, pts in zip(packets, (0, 33, 66, 99, 132), strict=True):
            packet.pts = packet.dts = pts
            packet.stream = stream
            output.mux(packet)
    data = bytearray((tmp_path / "bad.mkv").read_bytes())
    # The third block of the cluster: its track, and its time of 66 ms, which becomes 20.
    assert data.count(b"\x81\x00\x42\x80") == 1
    place = data.index(b"\x81\x00\x42\x80")
    data[place + 2] = 20
    (tmp_path / "bad.mkv").write_bytes(data)
    frames, notes = read(tmp_path / "bad.mkv")
    times = [frame.time_s for frame in frames]
    assert times[:2] + times[3:] == pytest.approx([0, 0.033, 0.099, 0.132], abs=1e-3)
    assert times[1] < times[2] < times[3]
    assert notes == ("Frames without a usable timestamp have an estimated time (1).",)


def test_a_truncated_file_is_read_to_its_break(tmp_path: Path) -> None:
    whole = Clip(container={"movflags": "+faststart"}).write(tmp_path / "whole.mp4", [corners()] * 90)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    frames, notes = read(cut)
    assert 9 <= len(frames) < 90
    assert notes[0] == f"The file is incomplete or damaged: {len(frames) / 30:.1f} of 3.0 s could be read."


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda folder: sound_only(folder / "clip.m4a"), "This file has only sound"),
        (lambda folder: Clip().write(folder / "none.mp4", []), "This file has no picture"),
        (lambda folder: _written(folder / "text.mp4", b"not a video"), "This file isn't a readable video"),
        (lambda folder: _written(folder / "empty.mp4", b""), "This file is empty"),
        (lambda folder: folder, "isn't a file"),
        (lambda folder: folder / "missing.mp4", "There is no file"),
        (lambda folder: _without_index(folder), "This file isn't a readable video, or its end is missing"),
    ],
)
def test_what_cannot_be_analysed_is_told_in_a_sentence(
    tmp_path: Path, make: Callable[[Path], Path], sentence: str
) -> None:
    with pytest.raises(VideoError, match=sentence):
        read(make(tmp_path))


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _without_index(folder: Path) -> Path:
    """A recording that broke off: MP4 writes its index last."""
    whole = Clip().write(folder / "whole.mp4", [corners()] * 30)
    return _written(folder / "cut.mp4", whole.read_bytes()[: whole.stat().st_size // 2])


def test_skipped_frames_have_no_pixels_but_their_time(tmp_path: Path) -> None:
    path = Clip().write(tmp_path / "clip.mp4", [corners()] * 7)
    frames, _ = read(path, every=3)
    assert [frame.analyse for frame in frames] == [True, False, False, True, False, False, True]
    assert [frame.image_bgr is not None for frame in frames] == [frame.analyse for frame in frames]
    assert frames[5].time_s == pytest.approx(5 / 30, abs=1e-3)


def test_frames_per_second_are_at_most_what_was_asked_for(tmp_path: Path) -> None:
    path = Clip(rate=25).write(tmp_path / "clip.mp4", plain(50))
    with VideoReader(Request(str(path), fps=10)) as reader:
        chosen = [frame.time_s for frame in reader.frames() if frame.analyse]
    assert len(chosen) == 20
    assert chosen[:4] == pytest.approx([0, 0.12, 0.2, 0.32], abs=1e-3)
