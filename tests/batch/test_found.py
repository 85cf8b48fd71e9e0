"""What a batch has found: counts by folder and over time that agree with the parts, and all failures."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fer.batch import found
from fer.batch.attempt import attempt
from fer.batch.found import Found
from fer.batch.inputs import Input
from fer.batch.output import FACES, open_output, part_name
from fer.batch.parts import FACE_COLUMNS, FileResult, writing_parts
from fer.batch.plan import make_task
from fer.errors import BatchError
from fer.streams.record import OUTCOMES
from tests.support.batch import SETTINGS, face, made_one, work_for

HAPPY, SAD, NOT_SURE = (OUTCOMES.index(name) for name in ("happy", "sad", "not sure"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    open_output(str(tmp_path / "out")).prepare()
    return tmp_path / "out"


def dated(file: Path, *moment: int) -> Input:
    """Write a file that was last changed at a moment in UTC."""
    file.parent.mkdir(parents=True, exist_ok=True)
    year, month, day, *time = moment
    seconds = datetime(year, month, day, *time).replace(tzinfo=UTC).timestamp()
    one = made_one(file)
    os.utime(file, (seconds, seconds))
    return one._replace(modified=seconds)


def analysed(out: Path, *inputs: Input) -> str:
    task = make_task(inputs, SETTINGS)
    attempt(task, work_for(out))
    return task.name


def looked_at(out: Path, *tasks: str, root: Path) -> Found:
    return found.find(open_output(str(out)), tasks, [root], out / "failures.parquet")


def test_faces_are_counted_by_folder_and_failures_are_listed(tmp_path: Path, out: Path) -> None:
    top = tmp_path / "photos"
    files = [top / "anna" / "1.jpg", top / "anna" / "two.jpg", top / "ben" / "1.jpg", top / "ben" / "bad.jpg"]
    tasks = [analysed(out, dated(file, 2026, 1, 1)) for file in files]
    whole = looked_at(out, *tasks, root=top)
    assert (whole.n_files, whole.n_failed, whole.videos) == (4, 1, None)
    assert whole.photos is not None
    assert [(row.name, row.n_files, row.n_rows) for row in whole.photos.folders] == [
        ("photos/anna", 2, 3),
        ("photos/ben", 1, 1),
    ]
    assert whole.photos.total.counts[HAPPY] == 4 and whole.photos.total.n_files == 3
    assert found.read_failures(out, 0, 10).to_pylist() == [{"file": str(files[3]), "reason": "It is bad."}]
    found.save(whole, out)
    assert found.load(out) == whole


def test_labels_count_and_videos_are_apart(tmp_path: Path, out: Path) -> None:
    clip = made_one(tmp_path / "clip.MP4")
    task = make_task([clip], SETTINGS)
    row = list(face(clip.path, 1))
    with writing_parts(open_output(str(out)), task.name, {}) as rows:
        for label in ("not sure", "sad", "sad"):
            row[FACE_COLUMNS.index("label")] = label
            rows.add_faces([tuple(row)])
        rows.add_file(clip, FileResult(3, "d" * 64, 4, 3, 3))
    photo = analysed(out, made_one(tmp_path / "1.jpg"))
    whole = looked_at(out, photo, task.name, root=tmp_path)
    assert whole.videos is not None and whole.photos is not None
    assert (whole.videos.total.counts[SAD], whole.videos.total.counts[NOT_SURE], whole.videos.total.n_rows) == (2, 1, 3)
    assert whole.videos.total.shares[SAD] == pytest.approx(2 / 3) and whole.photos.total.n_rows == 1


def test_the_date_of_the_camera_goes_before_that_of_the_file(tmp_path: Path, out: Path) -> None:
    inputs = [dated(tmp_path / f"{number}.jpg", 2026, 1, 1) for number in range(3)]
    task = make_task(inputs, SETTINGS)
    with writing_parts(open_output(str(out)), task.name, {}) as rows:
        for one, year in zip(inputs, (2019, 2020, None), strict=True):
            taken = None if year is None else datetime(year, 5, 6, 7)
            rows.add_faces([face(one.path, 1)])
            rows.add_file(one, FileResult(1, "d" * 64, 4, 3, taken=taken))
    kind = looked_at(out, task.name, root=tmp_path).photos
    assert kind is not None and (kind.dated_by, kind.n_undated) == ("taken", 1)
    assert [(row.name, row.n_files) for row in kind.times] == [("2019-05", 1), ("2020-05", 1)]


@pytest.mark.parametrize(
    ("moments", "unit", "names"),
    [
        ([(2026, 3, 1, 14), (2026, 3, 1, 14, 59), (2026, 3, 1, 20)], "hour", ["2026-03-01T14", "2026-03-01T20"]),
        ([(2026, 3, day, hour) for day in (1, 2, 28) for hour in range(23)], "day", ["2026-03-01", "2026-03-02"]),
        # Few files, but far from each other.
        ([(2026, 3, 1, 5), (2026, 8, 2, 6)], "month", ["2026-03", "2026-08"]),
        ([(2026, 1 + day // 28, 1 + day % 28) for day in range(100)], "month", ["2026-01", "2026-02"]),
        ([(1900 + month // 12, 1 + month % 12, 1) for month in range(900, 990)], "year", ["1975", "1976"]),
    ],
)
def test_time_is_cut_as_finely_as_can_be_seen(
    moments: list[tuple[int, ...]], unit: str, names: list[str], tmp_path: Path, out: Path
) -> None:
    inputs = [dated(tmp_path / "in" / f"{number:03}.jpg", *moment) for number, moment in enumerate(moments)]
    kind = looked_at(out, analysed(out, *inputs), root=tmp_path).photos
    assert kind is not None and (kind.unit, kind.dated_by) == (unit, "modified")
    assert [row.name for row in kind.times[:2]] == names
    assert sum(row.n_files for row in kind.times) == len(moments) and kind.n_undated == 0


def test_files_without_a_date_and_many_folders_are_said(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found, "_MOST_FOLDERS", 2)
    inputs = [Input(str(tmp_path / f"{name}" / "1.jpg"), 1, "etag") for name in ("a", "two", "c")]
    inputs += [Input(str(tmp_path / "two" / "two.jpg"), 1, "etag")]
    kind = looked_at(out, analysed(out, *inputs), root=tmp_path).photos
    assert kind is not None and kind.n_undated == 4 and kind.times == ()
    assert [Path(row.name).name for row in kind.folders] == ["a", "two"] and kind.n_more_folders == 1


def test_more_rows_than_a_batch_of_rows_are_all_counted(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found, "_BATCH_ROWS", 3)
    inputs = [made_one(tmp_path / f"{number}-two.jpg") for number in range(10)]
    whole = looked_at(out, analysed(out, *inputs), root=tmp_path)
    assert whole.photos is not None and whole.photos.total.n_rows == 20 and whole.photos.total.n_files == 10


def test_a_damaged_part_and_a_damaged_summary_are_told(tmp_path: Path, out: Path) -> None:
    task = analysed(out, made_one(tmp_path / "1.jpg"))
    (out / part_name(FACES, task)).write_bytes(b"PAR1")
    with pytest.raises(BatchError, match="Start the batch again"):
        looked_at(out, task, root=tmp_path)
    (out / found.FOUND).write_text('{"n_files": -1}')
    for read in (lambda: found.load(out), lambda: found.read_failures(out / "gone", 0, 1)):
        with pytest.raises(BatchError, match=r"The summary of this batch is missing or damaged\. Reload the page"):
            read()
