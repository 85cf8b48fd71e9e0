"""Videos that are analysed one after the other by processes of their own: results, failures, stops, what is left."""

import io
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fer.cli import main
from fer.errors import VideoError
from fer.jobs.job import DONE, FAILED, RUNNING, STOPPED, new_id
from fer.paths import SHIPPED_BUNDLE
from fer.storage.files import write_json
from fer.video import store, stored, worker
from fer.video.job import DAMAGED, QUEUED, Request, VideoJob
from fer.video.wire import VideoInfo
from tests.support.builders import make_bundle, make_int8_bundle
from tests.support.clips import Clip, moving_portrait

PATIENCE_SECONDS = 150
# Two on an idle machine. The video would take longer.
STOP_SECONDS = 10.0


@pytest.fixture
def bundle(fer_home: Path) -> Path:
    return make_bundle(fer_home / "model", confidence_threshold=0.4).path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return Clip(sound="aac").write(tmp_path / "clip.mp4", moving_portrait(12))


@pytest.fixture
def ask(bundle: Path) -> Callable[..., Request]:
    def ask(name: str = "clip.mp4", **options: object) -> Request:
        return Request(name, time.time(), str(bundle), "tiny", **options)  # type: ignore[arg-type]

    return ask


@pytest.fixture(autouse=True)
def no_process_is_left(fer_home: Path) -> Iterator[None]:
    yield
    for job in store.list_videos():
        job.stop()


def upload(path: Path, request: Request) -> VideoJob:
    with path.open("rb") as stream:
        return store.add_upload(stream, request)


def wait_for(job: VideoJob, *states: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while job.state not in states:
        if time.monotonic() > deadline:
            pytest.fail(f"{job.state}: {job.progress()}, {(job.folder / 'log.txt').read_text()}")
        time.sleep(0.05)


def names_in(job: VideoJob) -> set[str]:
    return {file.name for file in job.folder.iterdir()} - {"lock", "starting.lock"}


def test_an_upload_is_analysed_as_on_the_command_line_and_deleted(
    clip: Path, ask: Callable[..., Request], bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = upload(clip, ask())
    assert job.state == QUEUED and (job.folder / "upload").read_bytes() == clip.read_bytes()
    assert stat.S_IMODE(job.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((job.folder / "upload").stat().st_mode) == 0o600
    store.start_next()
    wait_for(job, DONE)
    made = {"rows.parquet", "summary.json", "report.html", "subtitles.vtt", "annotated.mp4", "moment-1-happy.jpg"}
    assert names_in(job) == {"request.json", "progress.json", "log.txt", *made}
    assert (job.folder / "log.txt").read_text() == ""

    monkeypatch.chdir(tmp_path)
    options = ["--model", str(bundle), "--csv", "cli.csv", "--json", "cli.json", "--quiet"]
    main(["video", "clip.mp4", *options], standalone_mode=False)
    csv = pd.read_csv(io.BytesIO(b"".join(stored.csv_of(job.folder))))
    pd.testing.assert_frame_equal(
        csv.drop(columns=["model", "date"]), pd.read_csv(tmp_path / "cli.csv").drop(columns=["model", "date"])
    )
    assert set(csv["model"]) == {"tiny"} and set(csv["detector"]) == {"yunet"}
    assert "smoothing_seconds=0.4" in csv["settings"][0]
    own, theirs = json.loads(b"".join(stored.json_of(job.folder))), json.loads((tmp_path / "cli.json").read_text())
    assert own["files"] == theirs["files"]
    assert own["about"] == theirs["about"] | {name: own["about"][name] for name in ("model", "date")}

    summary = stored.load_summary(job.folder)
    assert (summary.width, summary.height, summary.n_frames, summary.n_rows) == (192, 144, 12, 12)
    assert [person.person for person in summary.people] == [1]
    [line] = summary.timeline().lines
    assert line.probabilities.shape[1] == 7 and abs(line.probabilities.sum(axis=1) - 1).max() < 1e-3


def test_some_rows_are_read_from_the_groups_that_have_them(
    clip: Path, ask: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = upload(clip, ask(annotated=False))
    monkeypatch.setattr("fer.video.writers._GROUP_ROWS", 5)
    worker.run(job.folder)
    assert pq.ParquetFile(job.folder / "rows.parquet").num_row_groups == 3
    assert stored.read_rows(job.folder, 3, 11)["frame"].to_pylist() == list(range(3, 11))
    assert stored.read_rows(job.folder, 10, 99)["frame"].to_pylist() == [10, 11]
    assert stored.read_rows(job.folder, 20, 30).num_rows == 0
    assert not (job.folder / "annotated.mp4").exists()


def test_rows_of_the_first_versions_get_their_labels(clip: Path, ask: Callable[..., Request]) -> None:
    job = upload(clip, ask(annotated=False))
    worker.run(job.folder)
    rows = pq.read_table(job.folder / "rows.parquet")
    assert rows["label"].to_pylist() == ["happy"] * 12
    sure = pa.array([True] * 6 + [False] * 5 + [None])
    place = rows.column_names.index("sure")
    pq.write_table(rows.set_column(place, "sure", sure).drop_columns("label"), job.folder / "rows.parquet")
    labels = ["happy"] * 6 + ["not sure"] * 5 + [None]
    assert stored.read_rows(job.folder, 0, 12)["label"].to_pylist() == labels
    assert pd.read_csv(io.BytesIO(b"".join(stored.csv_of(job.folder))))["label"].fillna("").tolist()[5:] == [
        *("happy", "not sure", "not sure", "not sure", "not sure", "not sure", "")
    ]


def test_videos_wait_for_each_other_and_a_hostile_one_stops_none(
    clip: Path, ask: Callable[..., Request], tmp_path: Path
) -> None:
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile /etc/passwd\n")
    jobs = [
        upload(clip, ask("a.mp4", annotated=False)),
        upload(tmp_path / "list.mp4", ask("b.mp4")),
        store.add_file(ask("c.mp4", path=str(clip), annotated=False)),
    ]
    store.start_next()
    store.start_next()
    assert [job.state for job in jobs[1:]] == [QUEUED, QUEUED]
    for job, state in zip(jobs, (DONE, FAILED, DONE), strict=True):
        wait_for(job, state)
    progress = jobs[1].progress()
    assert progress is not None and progress.error is not None and "video" in progress.error
    assert names_in(jobs[1]) == {"request.json", "progress.json", "log.txt"}
    assert clip.exists(), "a user's own file stays"
    assert not list(store.videos_dir().glob("*/upload"))


def test_a_stop_takes_two_seconds_at_most_leaves_nothing_behind_and_starts_the_next(
    clip: Path, ask: Callable[..., Request], tmp_path: Path
) -> None:
    long = Clip().write(tmp_path / "long.mp4", moving_portrait(60) * 20)
    job, removed, following = upload(long, ask()), upload(clip, ask()), upload(clip, ask(annotated=False))
    store.start_next()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (job.folder / "now.jpg").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    progress = job.progress()
    assert progress is not None and progress.text.endswith("of 1,200 frames")
    store.stop(removed)
    assert not removed.folder.exists()
    began = time.monotonic()
    store.stop(job)
    assert time.monotonic() - began < STOP_SECONDS
    assert job.state == STOPPED and names_in(job) == {"request.json", "progress.json", "log.txt"}
    wait_for(following, DONE)


def test_a_killed_analysis_loses_its_upload_when_the_program_starts_next(
    clip: Path, ask: Callable[..., Request]
) -> None:
    waiting, killed = upload(clip, ask()), upload(clip, ask())
    (killed.folder / ".rows.parquet-1234.part").touch()
    (killed.folder / ".annotated-picture.part.mp4").touch()
    write_json(killed.folder / "progress.json", {"state": RUNNING, "pid": 2**22 + 1, "birth": "long ago"})
    orphan = store.videos_dir() / "20200101-000000-000000-0123456789abcdef"
    orphan.mkdir()
    os.utime(orphan, (0, 0))
    store.sweep()
    assert killed.state == FAILED and names_in(killed) == {"request.json", "progress.json"}
    assert "stopped unexpectedly" in killed.progress().error  # type: ignore[union-attr, operator]
    assert waiting.state == QUEUED and (waiting.folder / "upload").exists()
    assert not orphan.exists()


def test_a_full_disk_is_told_in_a_sentence(
    clip: Path, ask: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: object, frame: object, info: VideoInfo) -> None:
        raise OSError(28, "No space left on device")

    job = upload(clip, ask())
    monkeypatch.setattr(worker._Watch, "__call__", full)
    worker.run(job.folder)
    progress = job.progress()
    assert progress is not None and (progress.state, progress.error) == (
        FAILED,
        "A file can't be read or written (No space left on device); check free space and permissions.",
    )
    assert names_in(job) == {"request.json", "progress.json"}

    monkeypatch.setattr(store.shutil, "copyfileobj", lambda *_: full(None, None, None))  # type: ignore[arg-type]
    with pytest.raises(VideoError, match=r"No space left on device\. Free some disk space, delete videos"):
        upload(clip, ask())
    assert len(store.list_videos()) == 1


@pytest.mark.parametrize("text", ["", "{", '{"name": 3}', '{"name": "a", "added": 1}', "[]"])
def test_a_damaged_record_is_recognised_and_can_be_deleted(fer_home: Path, text: str) -> None:
    folder = store.videos_dir() / new_id()
    folder.mkdir(parents=True)
    (folder / "request.json").write_text(text)
    job = store.find_video(folder.name)
    assert job is not None and job.state == DAMAGED and job.ended
    store.start_next()
    with pytest.raises(VideoError, match="are damaged; delete it and add it again"):
        stored.load_summary(folder)
    store.delete(job)
    assert store.list_videos() == []


@pytest.mark.parametrize("video_id", ["..", "", "../x", "20200101-000000-000000-0123456789abcdef/..", "lock"])
def test_only_folders_of_videos_are_found(fer_home: Path, video_id: str) -> None:
    (fer_home / "request.json").write_text("{}")
    store.videos_dir().mkdir()
    assert store.find_video(video_id) is None


@pytest.mark.parametrize(("chosen", "here", "used"), [("int8", "float32", "int8"), ("", "int8", "int8")])
def test_the_weights_that_the_page_has_chosen_answer(
    clip: Path,
    ask: Callable[..., Request],
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    chosen: str,
    here: str,
    used: str,
) -> None:
    monkeypatch.setenv("FER_WEIGHTS", here)
    made = make_int8_bundle(bundle)
    job = upload(clip, ask(annotated=False, weights=chosen))
    worker.run(job.folder)
    about = stored.load_summary(job.folder).about
    assert (about.weights, about.model_hash) == (used, made.with_int8_served().hash)


def test_a_missing_model_is_told(clip: Path, fer_home: Path) -> None:
    job = store.add_file(Request("clip.mp4", time.time(), str(fer_home / "gone"), "gone", path=str(clip)))
    worker.run(job.folder)
    assert job.state == FAILED


def test_the_shipped_model_can_be_used(fer_home: Path) -> None:
    assert store.add_upload(io.BytesIO(b"x"), Request("a", 1.0, str(SHIPPED_BUNDLE), "Shipped model")).state == QUEUED


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("moments", 0, "emotion"), "/../../request"),
        (("moments", 0, "time_s"), -1),
        (("people", 0, "shares"), [1.0]),
        (("lines", 0, "seconds"), []),
        (("lines", 0, "seconds"), [0.0] * 99),
        (("lines", 0, "probabilities", 0), [0.5]),
        (("width",), 0),
        (("about",), None),
    ],
)
def test_a_summary_that_someone_changed_is_damaged(
    clip: Path, ask: Callable[..., Request], place: tuple[str | int, ...], value: object
) -> None:
    job = upload(clip, ask(annotated=False))
    worker.run(job.folder)
    file = job.folder / "summary.json"
    values = inner = json.loads(file.read_text())
    assert stored.load_summary(job.folder).moments
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    file.write_text(json.dumps(values))
    with pytest.raises(VideoError, match="are damaged; delete it and add it again"):
        stored.load_summary(job.folder)
