"""Parts: what is written is read, and only whole parts that belong together count."""

import errno
import io
import json
import os
import shutil
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest

from fer.batch.attempt import attempt
from fer.batch.coverage import coverage, examine
from fer.batch.joining import write_csv
from fer.batch.output import FACES, FILES, SUPERSEDED, LocalOutput, Output, cannot_write, open_output, part_name
from fer.batch.parts import FACE_COLUMNS, FILES_SCHEMA, FileResult, Totals, totals_of, valid_tasks, writing_parts
from fer.batch.plan import Task, make_task, split
from fer.errors import BatchError, OutputError
from fer.results import FRAME_COLUMNS
from tests.support.batch import ABOUT, SETTINGS, face, made, names, rows, work_for


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def output(out: Path) -> Output:
    output = open_output(str(out))
    output.prepare()
    return output


@pytest.fixture
def task(tmp_path: Path, out: Path, output: Output) -> Task:
    """A task of three files with three faces, which is done."""
    task = make_task(made(tmp_path / "in", "a.jpg", "bad.jpg", "two.jpg"), SETTINGS)
    attempt(task, work_for(out))
    return task


def test_the_parts_have_a_row_for_each_file_and_each_face(task: Task, out: Path, output: Output) -> None:
    files, faces = rows(out, FILES), rows(out, FACES)
    assert [Path(row["file"]).name for row in files] == ["a.jpg", "bad.jpg", "two.jpg"]
    assert [(row["faces"], row["error"], row["size"]) for row in files] == [
        (1, None, 1),
        (0, "It is bad.", 1),
        (2, None, 1),
    ]
    assert files[0]["modified"].timestamp() == pytest.approx(task.inputs[0].modified, abs=1e-5)
    assert [(Path(row["file"]).name, row["face"]) for row in faces] == [("a.jpg", 1), ("two.jpg", 1), ("two.jpg", 2)]
    assert totals_of(output, task.name) == Totals(files=3, failed=1, faces=3)
    assert valid_tasks(output) == {task.name: Totals(3, 1, 3)}


def test_the_columns_are_those_of_the_csv_and_the_moment_of_a_video(task: Task, out: Path) -> None:
    part = pq.read_schema(out / part_name(FACES, task.name))
    assert tuple(part.names) == FACE_COLUMNS == (*FRAME_COLUMNS, "frame", "time_s", "person")
    assert pq.read_schema(out / part_name(FILES, task.name)).names == FILES_SCHEMA.names
    footer = json.loads(pq.read_metadata(out / part_name(FACES, task.name)).metadata[b"fer"])
    assert footer["task"] == task.name and footer["about"] == ABOUT.to_dict()


def test_two_attempts_leave_one_result(task: Task, out: Path) -> None:
    attempt(task, work_for(out))
    assert len(rows(out, FILES)) == 3 and len(rows(out, FACES)) == 3


@pytest.mark.parametrize("kind", [FACES, FILES])
@pytest.mark.parametrize("damage", ["cut", "gone", "empty", "of another task", "of another attempt"])
def test_a_damaged_part_makes_the_task_undone_and_another_attempt_repairs_it(
    kind: str, damage: str, task: Task, out: Path, output: Output, tmp_path: Path
) -> None:
    part = out / part_name(kind, task.name)
    if damage == "cut":
        part.write_bytes(part.read_bytes()[:-20])
    elif damage == "gone":
        part.unlink()
    elif damage == "empty":
        part.write_bytes(b"")
    elif damage == "of another task":
        other = make_task(made(tmp_path / "in", "d.jpg", "e.jpg"), SETTINGS)
        attempt(other, work_for(tmp_path / "elsewhere"))
        shutil.copy(tmp_path / "elsewhere" / part_name(kind, other.name), part)
    else:
        with writing_parts(LocalOutput(tmp_path / "elsewhere"), task.name, {}) as written:
            for one in task.inputs[:2]:
                written.add_faces([face(one.path, 1)])
                written.add_file(one, FileResult(1))
        shutil.copy(tmp_path / "elsewhere" / part_name(kind, task.name), part)
    assert totals_of(output, task.name) is None
    attempt(task, work_for(out))
    assert totals_of(output, task.name) == Totals(3, 1, 3)


def test_an_attempt_that_fails_leaves_nothing(tmp_path: Path, out: Path, output: Output) -> None:
    with pytest.raises(RuntimeError), writing_parts(output, "abc", {}) as written:
        written.add_faces([face("a", 1)])
        raise RuntimeError
    assert [file for file in out.rglob("*") if file.is_file()] == []


@pytest.mark.parametrize("at", ["write", "fsync", "rename"])
def test_a_full_disk_is_told_and_leaves_nothing_that_counts(
    at: str, tmp_path: Path, out: Path, output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    task = make_task(made(tmp_path / "in", "a.jpg"), SETTINGS)
    target = {
        "write": "pyarrow.parquet.ParquetWriter.write_table",
        "fsync": "os.fsync",
        "rename": "pathlib.Path.replace",
    }
    with monkeypatch.context() as patch:
        patch.setattr(target[at], full)
        with pytest.raises(OutputError, match=r"out can't be written: No space left on device. Free some space"):
            attempt(task, work_for(out))
    assert [file for file in out.rglob("*") if file.is_file()] == []
    attempt(task, work_for(out))
    assert totals_of(output, task.name) == Totals(1, 0, 1)


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.ENOTDIR, "A part of this path is a file, so name another folder"),
        (errno.EACCES, "Check your rights"),
        (errno.EROFS, "Check your rights"),
    ],
)
def test_the_advice_fits_what_went_wrong(number: int, advice: str, output: Output) -> None:
    told = str(cannot_write(output, OSError(number, os.strerror(number))))
    assert f"{os.strerror(number)}. {advice}" in told and told.count("Free some") == int(number == errno.ENOSPC)


@pytest.mark.parametrize("damage", [None, b"", b"PAR1 and nothing"])
def test_a_part_that_cannot_be_joined_is_named_and_not_the_target(
    damage: bytes | None, task: Task, out: Path, output: Output
) -> None:
    part = out / part_name(FACES, task.name)
    part.unlink()
    if damage is not None:
        part.write_bytes(damage)
    with pytest.raises(BatchError, match=f"{part.name} can't be read .*Start the batch again"):
        write_csv(output, FACES, [task.name], ABOUT, io.BytesIO())


def test_what_a_killed_writer_left_is_removed(out: Path, output: Output) -> None:
    (out / FILES / ".part-x.parquet-0a0b.part").write_bytes(b"x")
    output.prepare()
    assert list((out / FILES).iterdir()) == []


def test_what_is_left_is_the_plan_without_valid_parts_and_pieces_count(tmp_path: Path, out: Path) -> None:
    inputs = made(tmp_path / "in", *(f"{index:02}.jpg" for index in range(20)))
    whole, divided = make_task(inputs[:4], SETTINGS), make_task(inputs[4:], SETTINGS)
    pieces = split(divided, SETTINGS)
    smaller = split(pieces[1], SETTINGS)
    none = Totals(1)
    assert coverage([whole, divided], {}, SETTINGS).todo == (whole, divided)
    covered = coverage([whole, divided], {whole.name: none, pieces[0].name: none, smaller[0].name: none}, SETTINGS)
    assert covered.todo == (*smaller[1:], *pieces[2:])
    assert covered.done == (whole.name, pieces[0].name, smaller[0].name) and covered.totals.files == 3
    # A worker that was believed dead may have done the whole task: then the pieces don't count.
    both = coverage([divided], {divided.name: none, pieces[0].name: none}, SETTINGS)
    assert both.todo == () and both.done == (divided.name,)


def test_parts_that_would_count_twice_or_belong_to_other_inputs_are_moved_away(
    task: Task, tmp_path: Path, out: Path, output: Output
) -> None:
    for piece in split(task, SETTINGS)[:2]:
        attempt(piece, work_for(out))
    attempt(make_task(made(tmp_path / "in", "old.jpg"), SETTINGS), work_for(out))
    assert len(rows(out, FILES)) == 6
    covered = examine(output, [task], SETTINGS)
    assert covered.todo == () and covered.totals == Totals(3, 1, 3)
    assert list(names(out)) == ["a.jpg", "bad.jpg", "two.jpg"] and len(rows(out, FACES)) == 3
    assert sorted(names(out / SUPERSEDED)) == ["a.jpg", "bad.jpg", "old.jpg"]


def test_an_object_store_keeps_the_first_of_two_attempts(tmp_path: Path) -> None:
    url = "memory://parts/out"
    output, memory = open_output(url), fsspec.filesystem("memory")
    output.prepare()
    task = make_task(made(tmp_path / "in", "a.jpg", "two.jpg"), SETTINGS)
    attempt(task, work_for(url))
    first = memory.created(f"/parts/out/{part_name(FILES, task.name)}")
    attempt(task, work_for(url))
    assert memory.created(f"/parts/out/{part_name(FILES, task.name)}") == first
    assert valid_tasks(output) == {task.name: Totals(2, 0, 3)}
    memory.pipe_file(f"/parts/out/{part_name(FILES, task.name)}", b"damaged")
    assert valid_tasks(output) == {}
    attempt(task, work_for(url))
    assert valid_tasks(output) == {task.name: Totals(2, 0, 3)}
    assert examine(output, [], SETTINGS).done == () and output.tasks_with(FILES) == set()
    assert memory.exists(f"/parts/out/{SUPERSEDED}/{part_name(FILES, task.name)}")
