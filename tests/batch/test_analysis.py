"""Photos and videos in a worker: the same rows as `fer analyze` and `fer video`, and failures as rows."""

import errno
import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import fsspec
import numpy as np
import pandas as pd
import pytest

from fer.batch import analysis
from fer.batch.attempt import Work, attempt
from fer.batch.listing import Listing
from fer.batch.output import FACES, FILES, open_output
from fer.batch.plan import make_task
from fer.batch.settings import Inputs, Settings
from fer.errors import BatchError, OutputError
from fer.recognition.analyzer import FaceAnalyzer, load_analyzer
from fer.results import FRAME_COLUMNS, faces_frame
from fer.storage.files import sha256_of
from fer.video.analysis import VideoOptions, video_model
from fer.video.processing import process
from fer.video.writers import CsvWriter
from fer.vision.images import decode
from tests.support.batch import ABOUT, rows
from tests.support.builders import make_bundle, make_int8_bundle, portrait_bgr
from tests.support.clips import Clip, moving_portrait

Do = Callable[..., Path]


@pytest.fixture
def analyzer(tmp_path: Path) -> Iterator[FaceAnalyzer]:
    bundle = make_bundle(tmp_path / "bundle", confidence_threshold=0.4)
    analysis.install_bundle(bundle.path)
    yield load_analyzer(bundle.path, "yunet")
    analysis._bundles.clear()


def test_whoever_plans_the_batch_chooses_between_float32_and_int8(tmp_path: Path) -> None:
    bundle = make_int8_bundle(tmp_path / "bundle")
    analysis.install_bundle(bundle.path)
    try:
        for planned in (bundle, bundle.with_int8_served()):
            settings = Settings(planned.hash, "yunet")
            made = analysis.FileAnalysis.of(settings, open_output(str(tmp_path / "out")), ABOUT)
            assert made.analyzer.classifier.bundle == planned
            assert (made.video.hash, made.video.weights) == (planned.hash, planned.weights)
    finally:
        analysis._bundles.clear()


@pytest.fixture
def do(analyzer: FaceAnalyzer, tmp_path: Path) -> Do:
    """Analyse inputs as one task, and return the folder of the results."""

    def do(*named: object, out: str | None = None, **settings: object) -> Path:
        chosen = Settings(analyzer.classifier.bundle.hash, "yunet", **settings)  # type: ignore[arg-type]
        where = out or str(tmp_path / "out")
        open_output(where).prepare()
        task = make_task(list(Listing(Inputs(tuple(map(str, named))))), chosen)
        attempt(task, Work(chosen, where, ABOUT, analysis.FileAnalysis.of))
        return Path(where)

    return do


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "me.png"), portrait_bgr())
    return tmp_path / "me.png"


def test_a_photo_has_the_rows_of_analyze_and_its_digest(do: Do, photo: Path, analyzer: FaceAnalyzer) -> None:
    out = do(photo)
    expected = faces_frame([analyzer.analyze_file(photo)])
    assert len(expected) == 1
    own = pd.DataFrame(rows(out, FACES))
    pd.testing.assert_frame_equal(own[list(FRAME_COLUMNS)], expected, check_dtype=False)
    assert own[["frame", "time_s", "person"]].isna().all(axis=None)
    [file] = rows(out, FILES)
    assert (file["faces"], file["width"], file["height"], file["frames"]) == (1, 512, 512, None)
    assert file["digest"] == hashlib.sha256(photo.read_bytes()).hexdigest() and file["seconds"] > 0
    assert file["error"] is None and file["annotated"] is None


def test_a_video_has_a_row_for_each_face_and_frame(do: Do, analyzer: FaceAnalyzer, tmp_path: Path) -> None:
    clip = Clip().write(tmp_path / "clip.mp4", moving_portrait(6))
    out = do(clip)
    stream = io.BytesIO()
    process(
        clip, video_model(analyzer.classifier.bundle), VideoOptions.of(detector="yunet"), [CsvWriter(stream, ABOUT)]
    )
    expected = pd.read_csv(io.BytesIO(stream.getvalue())).query("status == 'face'").reset_index(drop=True)
    own = pd.DataFrame(rows(out, FACES)).sort_values("frame", ignore_index=True)
    assert len(own) == 6
    for name in ("frame", "time_s", "person", "x", "y", "width", "height", "emotion", "sure"):
        assert own[name].to_list() == expected[name].to_list(), name
    np.testing.assert_allclose(own["happy"], expected["smooth_happy"], atol=1e-6)
    [file] = rows(out, FILES)
    assert (file["frames"], file["faces"], file["width"], file["height"]) == (6, 6, 192, 144)
    assert file["digest"] == hashlib.sha256(clip.read_bytes()).hexdigest()


def test_what_fails_has_its_reason_and_the_others_are_analysed(do: Do, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes(cv2.imencode(".jpg", portrait_bgr())[1].tobytes()[:2000])
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile /etc/passwd\n")
    out = do(tmp_path / "gone.jpg", tmp_path / "cut.jpg", photo, tmp_path / "list.mp4")
    files = {Path(row["file"]).name: row for row in rows(out, FILES)}
    assert "cannot be read (No such file or directory)" in files["gone.jpg"]["error"]
    assert files["gone.jpg"]["size"] is None and files["gone.jpg"]["digest"] is None
    assert "damaged" in files["cut.jpg"]["error"] and files["cut.jpg"]["digest"] is not None
    assert files["list.mp4"]["error"] is not None
    assert files["me.png"]["error"] is None and [row["file"] for row in rows(out, FACES)] == [str(photo)]


def test_the_threshold_is_applied(do: Do, photo: Path) -> None:
    [face] = rows(do(photo, confidence_threshold=1.0), FACES)
    assert face["label"] == "not sure" and face["sure"] is False and face["emotion"] != "not sure"


def test_annotated_copies_have_names_of_their_own_and_are_named_in_the_table(
    do: Do, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "me.png").write_bytes(photo.read_bytes())
    clip = Clip().write(tmp_path / "clip.mp4", moving_portrait(3))
    out = do(photo, tmp_path / "other" / "me.png", clip, annotated=True)
    copies = [row["annotated"] for row in rows(out, FILES)]
    assert len(set(copies)) == 3 and all((out / name).is_file() for name in copies)
    annotated = decode((out / copies[1]).read_bytes())
    assert annotated.shape == (512, 512, 3) and not np.array_equal(annotated, portrait_bgr())
    assert copies[0].endswith(".mp4") and (out / copies[0]).with_suffix(".vtt").read_text().startswith("WEBVTT")


def test_photos_and_videos_behind_fsspec_are_read_and_written(do: Do, photo: Path, tmp_path: Path) -> None:
    clip = Clip().write(tmp_path / "clip.mp4", moving_portrait(3))
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/analysis/in/me.png", photo.read_bytes())
    memory.pipe_file("/analysis/in/clip.mp4", clip.read_bytes())
    do("memory://analysis/in", out="memory://analysis/out", annotated=True)
    memory.get("/analysis/out", str(tmp_path / "fetched"), recursive=True)
    files = rows(tmp_path / "fetched", FILES)
    assert [(row["file"], row["faces"], row["error"]) for row in files] == [
        ("memory:///analysis/in/clip.mp4", 3, None),
        ("memory:///analysis/in/me.png", 1, None),
    ]
    assert all((tmp_path / "fetched" / row["annotated"]).stat().st_size > 1000 for row in files)
    assert [row["digest"] for row in files] == [sha256_of(file) for file in (clip, photo)]


def test_a_full_disk_on_the_way_of_a_remote_video_is_told(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> Iterator[bytes]:
        raise OSError(errno.ENOSPC, "No space left on device")

    fsspec.filesystem("memory").pipe_file("/full/clip.mp4", b"x" * 100)
    # As a full disk does, it lets the file be made.
    monkeypatch.setattr(analysis, "_pieces", full)
    with pytest.raises(
        OutputError, match=r"temporary files, .*, can't be written: No space left on device\. Free some"
    ):
        do("memory://full/clip.mp4")


def test_a_remote_video_is_read_once(do: Do, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = Clip().write(tmp_path / "clip.mp4", moving_portrait(3))
    fsspec.filesystem("memory").pipe_file("/once/clip.mp4", clip.read_bytes())
    monkeypatch.setattr(analysis, "sha256_of", lambda file: pytest.fail(f"{file} is read again"))
    [row] = rows(do("memory://once/clip.mp4"), FILES)
    assert row["digest"] == hashlib.sha256(clip.read_bytes()).hexdigest() and row["error"] is None


@pytest.mark.parametrize("name", ["me.png", "clip.mp4"])
def test_a_disk_that_fills_up_between_faces_is_no_fault_of_the_file(
    name: str, do: Do, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    Clip().write(tmp_path / "clip.mp4", moving_portrait(3))
    monkeypatch.setattr("fer.batch.parts._GROUP_ROWS", 1)
    monkeypatch.setattr("fer.batch.parts.PartRows.flush", full)
    with pytest.raises(OutputError, match="No space left on device"):
        do(tmp_path / name)


def test_a_worker_without_the_model_says_so(tmp_path: Path) -> None:
    output = open_output(str(tmp_path / "out"))
    with pytest.raises(BatchError, match="A worker doesn't have the model"):
        analysis.FileAnalysis.of(Settings("0" * 16, "yunet"), output, ABOUT)
