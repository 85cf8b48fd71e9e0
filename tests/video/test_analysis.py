"""From a file to analysed frames and rows."""

from pathlib import Path

import numpy as np
import pytest

import fer
from fer.emotions import EMOTIONS
from fer.errors import VideoError
from fer.streams.pipeline import StreamModel
from fer.streams.settings import StreamSettings
from fer.video.analysis import VideoAnalysis, VideoOptions
from fer.video.table import COLUMNS, rows_of
from tests.support.children import no_child_left
from tests.support.clips import Clip, moving_portrait, plain, portrait_frame


class Brightness:
    """Says 'happy' with the mean brightness of a crop as its probability, and 'sad' otherwise."""

    def probabilities(self, crops: np.ndarray, **_: object) -> np.ndarray:
        bright = crops.reshape(len(crops), -1).mean(axis=1) / 255
        table = np.zeros((len(crops), len(EMOTIONS)), np.float32)
        table[:, EMOTIONS.index("happy")], table[:, EMOTIONS.index("sad")] = bright, 1 - bright
        return table


MODEL = StreamModel(Brightness(), 0.0, "brightness")


def rows(path: Path, options: VideoOptions | None = None) -> list[dict]:
    with VideoAnalysis(path, MODEL, options or VideoOptions.of()) as analysis:
        return [dict(zip(COLUMNS, row, strict=True)) for frame in analysis for row in rows_of("clip", frame)]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Three frames without a face, six in which one moves to the right, three without."""
    return Clip().write(tmp_path / "clip.mp4", [*plain(3), *moving_portrait(6, step=4), *plain(3)])


def test_every_frame_has_a_row_with_or_without_a_face(clip: Path) -> None:
    table = rows(clip)
    assert [row["frame"] for row in table] == list(range(12))
    assert [row["status"] for row in table] == ["no face"] * 3 + ["face"] * 6 + ["no face"] * 3
    assert [row["time_s"] for row in table] == pytest.approx([index / 30 for index in range(12)], abs=1e-3)
    assert all(row[name] is None for row in table[:3] for name in COLUMNS[4:])


def test_the_row_of_a_face_says_who_where_and_what(clip: Path) -> None:
    faces = [row for row in rows(clip) if row["status"] == "face"]
    assert {row["person"] for row in faces} == {1}
    lefts = [row["x"] for row in faces]
    assert lefts == sorted(lefts) and 14 <= lefts[-1] - lefts[0] <= 26
    for row in faces:
        raw, smooth = ([row[f"{prefix}{name}"] for name in EMOTIONS] for prefix in ("", "smooth_"))
        assert sum(raw) == pytest.approx(1, abs=1e-4) and sum(smooth) == pytest.approx(1, abs=1e-4)
        assert row["confidence"] == max(smooth) and row["emotion"] == EMOTIONS[int(np.argmax(smooth))]
        assert 20 < row["width"] < 100 and 20 < row["height"] < 120
    assert faces[0]["happy"] == faces[0]["smooth_happy"]


def test_the_same_file_gives_identical_rows(clip: Path) -> None:
    assert rows(clip) == rows(clip)


def test_a_face_in_the_only_frame_counts(tmp_path: Path) -> None:
    (row,) = rows(Clip().write(tmp_path / "one.mp4", moving_portrait(1)))
    assert (row["status"], row["person"]) == ("face", 1)


def test_skipped_frames_keep_their_row(clip: Path) -> None:
    table = rows(clip, VideoOptions.of(every=2))
    assert [row["status"] for row in table[3:9]] == ["skipped", "face"] * 3
    assert all(row["person"] is None for row in table if row["status"] == "skipped")


def test_large_frames_are_searched_for_smaller_faces(tmp_path: Path) -> None:
    """In 1,280 x 720, a face of 55 pixels is smaller than what a camera's frames are searched for."""
    table = rows(Clip().write(tmp_path / "hd.mp4", [portrait_frame(800, 1280, 720, 256)] * 2))
    assert [(row["frame"], row["status"]) for row in table] == [(0, "face"), (1, "face")]
    assert 40 < table[0]["width"] < 70


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"every": 0}, "choose 1 or more"),
        ({"fps": 0.0}, "above 0"),
        ({"every": 2, "fps": 5.0}, "not both"),
        ({"every": 2, "blur": True}, "every frame"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict, sentence: str) -> None:
    with pytest.raises(VideoError, match=sentence):
        VideoOptions.of(**options)


def test_an_unknown_detector_leaves_no_process(clip: Path) -> None:
    with no_child_left(), pytest.raises(fer.DetectorError, match="no detector 'none'"):
        VideoAnalysis(clip, MODEL, VideoOptions(settings=StreamSettings(detector="none")))


def test_the_library_iterates_a_file_with_the_shipped_model(clip: Path) -> None:
    frames = list(fer.analyze_video(clip, model="shipped", every=4))
    assert [frame.status for frame in frames] == ["no face", *["skipped"] * 3, "face", *["skipped"] * 3, "face"] + [
        "skipped"
    ] * 3
    (person,) = frames[4].people
    assert person.face.looks and frames[4].image_bgr.shape == (144, 192, 3)
