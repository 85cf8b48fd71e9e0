"""The annotated video: its picture, timestamps, sound and subtitles."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fer.streams.pipeline import StreamModel
from fer.video import annotated as module
from fer.video.analysis import VideoOptions
from fer.video.annotated import Annotated
from fer.video.encoder import VP9, AnnotatedVideo
from fer.video.processing import VideoResult, process
from tests.support.clips import HEIGHT, WIDTH, Clip, moving_portrait, plain, portrait_frame
from tests.support.live_session import FakeClassifier
from tests.support.provenance import ABOUT

MODEL = StreamModel(FakeClassifier("happy", 0.9), 0.5, "model")


def annotate(source: Path, target: Annotated, **options: object) -> VideoResult:
    result = process(source, MODEL, VideoOptions.of(**options), annotated=target)
    assert result.error is None, result.error
    return result


def pictures(path: Path) -> tuple[list[float], list[np.ndarray]]:
    with av.open(str(path)) as clip:
        frames = list(clip.decode(video=0))
        return [frame.time for frame in frames], [frame.to_ndarray(format="bgr24") for frame in frames]


def test_the_picture_is_h264_for_browsers_with_boxes_and_the_files_own_times(tmp_path: Path) -> None:
    pts = [0, 40, 55, 300, 1300, 1333]
    source = Clip(time_base=Fraction(1, 1000), pts=pts).write(tmp_path / "clip.mp4", moving_portrait(6))
    target = tmp_path / "out.mp4"
    annotate(source, Annotated(target, ABOUT))
    times, images = pictures(target)
    assert times == pytest.approx([value / 1000 for value in pts], abs=1e-3)
    with av.open(str(target)) as clip:
        stream = clip.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert not clip.streams.audio
        assert clip.metadata["comment"] == ABOUT.text
    data = target.read_bytes()
    assert 0 < data.find(b"moov") < data.find(b"mdat")
    changed = np.abs(images[3].astype(int) - pictures(source)[1][3]).max(axis=2) > 60
    assert changed.sum() > 200
    # The box lies around the face, and the corners of the picture are as they were.
    assert not changed[-20:, -20:].any() and not changed[:10, :5].any()


@pytest.mark.parametrize(
    ("codec", "suffix", "expected"),
    [("aac", ".mp4", "aac"), ("libmp3lame", ".mkv", "mp3"), ("pcm_s16le", ".avi", "aac"), ("libopus", ".mkv", "opus")],
)
def test_the_sound_is_copied_or_encoded(tmp_path: Path, codec: str, suffix: str, expected: str) -> None:
    source = Clip(sound=codec).write(tmp_path / f"clip{suffix}", plain(45))
    target = tmp_path / "out.mp4"
    result = annotate(source, Annotated(target, ABOUT))
    assert not result.notes
    with av.open(str(target)) as clip:
        (sound,) = clip.streams.audio
        assert sound.codec_context.codec.canonical_name == expected
        assert clip.metadata["comment"] == ABOUT.text
        tone = np.concatenate([frame.to_ndarray().astype(float).mean(axis=0) for frame in clip.decode(audio=0)])
    assert len(tone) / 48_000 == pytest.approx(1.5, abs=0.1)
    spectrum = np.abs(np.fft.rfft(tone[12_000:36_000]))
    assert np.argmax(spectrum[1:]) + 1 == pytest.approx(440 / 2, abs=2)


def test_vp9_is_webm_with_opus(tmp_path: Path) -> None:
    source = Clip(sound="aac").write(tmp_path / "clip.mp4", moving_portrait(10))
    target = tmp_path / "out.webm"
    annotate(source, Annotated(target, ABOUT, form=VP9))
    with av.open(str(target)) as clip:
        assert clip.streams.video[0].codec_context.codec.canonical_name == "vp9"
        assert clip.streams.audio[0].codec_context.codec.canonical_name == "opus"
        assert clip.metadata["COMMENT"] == ABOUT.text
    assert pictures(target)[0] == pytest.approx([index / 30 for index in range(10)], abs=1.5e-3)


def test_odd_sizes_are_padded_by_a_pixel(tmp_path: Path) -> None:
    odd = Clip(codec="ffv1", pixel_format="bgr0", options={})
    source = odd.write(tmp_path / "odd.mkv", [portrait_frame(20, 191, 143, 120)] * 3)
    annotate(source, Annotated(tmp_path / "out.mp4", ABOUT))
    assert pictures(tmp_path / "out.mp4")[1][0].shape == (144, 192, 3)


@pytest.mark.parametrize(("blur", "n_people"), [(False, 1), (True, 0)])
def test_no_face_is_found_in_a_blurred_video(tmp_path: Path, blur: bool, n_people: int) -> None:
    source = Clip().write(tmp_path / "clip.mp4", moving_portrait(4))
    annotate(source, Annotated(tmp_path / "out.mp4", ABOUT), blur=blur)
    again = process(tmp_path / "out.mp4", MODEL, VideoOptions.of())
    assert again.summary.n_frames == 4
    assert len(again.summary.people()) == n_people


def test_skipped_frames_show_the_boxes_of_the_one_before(tmp_path: Path) -> None:
    source = Clip().write(tmp_path / "clip.mp4", [portrait_frame(20)] * 6)
    target = tmp_path / "out.mp4"
    annotate(source, Annotated(target, ABOUT), every=3)
    images = pictures(target)[1]
    assert len(images) == 6
    assert np.abs(images[2].astype(int) - images[0]).mean() < 3


def test_subtitles_change_with_what_people_look_like(tmp_path: Path) -> None:
    source = Clip().write(tmp_path / "clip.mp4", [*plain(3), *moving_portrait(6), *plain(3)])
    subtitles = tmp_path / "out.vtt"
    annotate(source, Annotated(tmp_path / "out.mp4", ABOUT, subtitles))
    assert subtitles.read_text() == f"WEBVTT\n\nNOTE {ABOUT.text}\n\n00:00:00.100 --> 00:00:00.300\n1: looks happy\n"


def test_sound_that_cannot_be_read_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "add_sound", lambda *paths: False)
    source = Clip(sound="aac").write(tmp_path / "clip.mp4", plain(5))
    result = annotate(source, Annotated(tmp_path / "out.mp4", ABOUT))
    assert result.notes == ("The sound couldn't be read, so the annotated video has none.",)
    assert len(pictures(tmp_path / "out.mp4")[0]) == 5


def test_a_failure_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: AnnotatedVideo, frame: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(AnnotatedVideo, "_encode", full)
    source = Clip().write(tmp_path / "clip.mp4", plain(20))
    folder = tmp_path / "out"
    folder.mkdir()
    result = process(
        source, MODEL, VideoOptions.of(), annotated=Annotated(folder / "out.mp4", ABOUT, folder / "out.vtt")
    )
    assert "No space left on device" in result.error
    assert list(folder.iterdir()) == []


def test_the_size_stays_the_first_frames(tmp_path: Path) -> None:
    source = Clip(rotation=90).write(tmp_path / "clip.mp4", plain(2))
    annotate(source, Annotated(tmp_path / "out.mp4", ABOUT))
    assert pictures(tmp_path / "out.mp4")[1][0].shape == (WIDTH, HEIGHT, 3)
