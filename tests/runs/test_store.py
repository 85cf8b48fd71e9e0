"""Reading runs: states, the table, and that 200 runs cost as little as two."""

import builtins
import os
from datetime import datetime
from pathlib import Path
from unittest.mock import Mock

import pytest

from fer import paths
from fer.emotions import EMOTIONS
from fer.errors import RunError
from fer.runs import curves, layout, making, process, store
from fer.runs.config import TrainConfig
from fer.runs.presets import PRESETS
from fer.storage import files
from tests.support.run_folders import change_progress


def test_a_new_run_has_all_files_and_a_name(home):
    config = TrainConfig(data="/x/fer2013.csv", epochs=7)
    run_id = making.create_run(config)
    run = store.read_run(run_id)
    assert (run.name, run.state, run.progress.epochs) == ("Standard on fer2013.csv, epochs 7", "queued", 7)
    assert store.read_config(run_id) == config
    assert store.read_run(making.create_run(config, "  my \n run  ")).name == "my run"


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "Standard on fer2013.csv"),
        (vars(PRESETS[0].settings("/x/fer2013.csv")), "Quick look on fer2013.csv"),
        (
            vars(PRESETS[3].settings("/x/fer2013.csv")) | {"seed": 1},
            "Fine-tune the shipped model on fer2013.csv, seed 1",
        ),
        ({"epochs": 60, "holdout": 0.04, "seed": 3}, "Best on fer2013.csv, seed 3"),
        (
            {"network": "small", "learning_rate": 0.001, "flip": False, "teacher": ("/models/a", "/models/b")},
            "Standard on fer2013.csv, network small, learning rate 0.001, no flip, 1 more",
        ),
        ({"data": f"/x/{'long' * 30}.csv", "flip": False}, f"Standard on {'long' * 7}lo..., no flip"),
    ],
)
def test_a_name_begins_with_the_preset_and_tells_what_differs(settings, name):
    assert making.default_name(TrainConfig(**({"data": "/x/fer2013.csv"} | settings))) == name


def test_runs_of_equal_settings_get_names_that_tell_them_apart(home, monkeypatch):
    monkeypatch.setattr(making, "datetime", Mock(now=lambda: datetime(2026, 1, 2, 3, 4, 5)))
    config = TrainConfig(data="/x/fer2013.csv")
    assert [store.read_run(making.create_run(config)).name for _ in range(3)] == [
        "Standard on fer2013.csv",
        "Standard on fer2013.csv, 2026-01-02 03:04",
        "Standard on fer2013.csv, 2026-01-02 03:04:05",
    ]


def test_an_ended_run_has_the_accuracies_of_the_model_that_it_exported(make_run):
    run_id = make_run(epochs_done=3)
    assert (store.read_run(run_id).validation_accuracy, store.read_run(run_id).test_accuracy) == (
        pytest.approx(0.32),
        None,
    )
    report = {"epoch": 3, "metrics": {"validation": {"accuracy": 0.35}, "test": {"accuracy": 0.3}}}
    files.write_json(layout.run_folder(run_id) / layout.REPORT, report)
    assert (store.read_run(run_id).validation_accuracy, store.read_run(run_id).test_accuracy) == (0.35, 0.3)
    (entry,) = (run.to_dict() for run in store.list_runs())
    assert (entry["best"], entry["test"]) == (0.35, 0.3)


@pytest.mark.parametrize(
    "report", [{"epoch": 2, "metrics": {"validation": {"accuracy": 0.35}}}, {"epoch": 3, "metrics": {"validation": 7}}]
)
def test_a_report_of_another_epoch_or_a_damaged_one_doesnt_count(make_run, report):
    run_id = make_run(epochs_done=3)
    files.write_json(layout.run_folder(run_id) / layout.REPORT, report)
    assert store.read_run(run_id).validation_accuracy == pytest.approx(0.32)


def test_a_start_in_an_unwritable_folder_gives_a_sentence(home):
    (home / "runs").write_text("a file in the way")
    with pytest.raises(RunError, match="check free space"):
        making.create_run(TrainConfig())


@pytest.mark.parametrize("run_id", ["nobody", "../../etc", "", "20260101-000000-zzzz", "20990101-000000-0000"])
def test_an_unknown_run_is_refused_by_name(home, run_id):
    with pytest.raises(RunError, match="There is no run"):
        store.read_run(run_id)


@pytest.mark.parametrize("state", ["finished", "stopped", "failed"])
def test_an_ended_run_has_its_recorded_state(make_run, state):
    run = store.read_run(make_run(state=state))
    assert run.state == state
    assert not run.active
    assert run.resumable == (state != "finished")


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_run_recorded_as_running_without_a_process_is_interrupted(make_run, state):
    run = store.read_run(make_run(state=state, ended=None))
    assert run.state == "interrupted"
    assert run.resumable
    with process.holding_run(run.folder):
        assert store.read_run(run.id).state == state


def test_a_run_being_started_is_queued_and_after_ten_seconds_interrupted(home):
    run_id = making.create_run(TrainConfig())
    assert store.read_run(run_id).state == "queued"
    folder = layout.run_folder(run_id)
    change_progress(folder, started=store.Progress.read(folder).started - 9)
    assert store.read_run(run_id).state == "interrupted"


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"state": "asleep"}'])
def test_an_unreadable_progress_file_hides_nothing_else(make_run, text):
    run_id = make_run()
    (layout.run_folder(run_id) / layout.PROGRESS).write_text(text)
    assert [run.state for run in store.list_runs()] == ["interrupted"]


def test_runs_are_listed_newest_first_and_other_folders_ignored(make_run):
    ids = [make_run() for _ in range(3)]
    for name in ("models", ".20260101-000000-0000.part", "imported", "notes"):
        (paths.runs_dir() / name).mkdir()
    assert [run.id for run in store.list_runs()] == ids[::-1]


def test_the_json_has_the_documented_fields(make_run):
    make_run(epoch=3, best_accuracy=0.5, best_epoch=2, state="stopped")
    (entry,) = (run.to_dict() for run in store.list_runs())
    assert set(entry) == {"id", "state", "epoch", "epochs", "best", "test", "started", "sweep"}
    assert (entry["state"], entry["epoch"], entry["epochs"], entry["best"]) == ("stopped", 3, 5, 0.5)
    assert entry["started"] == "2023-11-14T22:13:21+00:00"


@pytest.mark.parametrize("state", ["finished", "running"])
def test_two_hundred_runs_are_listed_without_reading_one_again(make_run, monkeypatch, state):
    """Those recorded as running were interrupted, because their process has ended."""
    ids = [make_run(state=state) for _ in range(200)]
    for run_id in ids:
        files.write_json(layout.run_folder(run_id) / layout.PROCESS, {"pid": os.getpid(), "birth": "another time"})
    store.list_runs()
    opened = []
    real_open, real_read = builtins.open, Path.read_text
    monkeypatch.setattr(builtins, "open", lambda file, *a, **k: opened.append(str(file)) or real_open(file, *a, **k))
    monkeypatch.setattr(Path, "read_text", lambda self, *a, **k: opened.append(str(self)) or real_read(self, *a, **k))
    assert len(store.list_runs()) == 200
    assert opened == []
    assert {run.state for run in store.list_runs()} == {"finished" if state == "finished" else "interrupted"}
    change_progress(layout.run_folder(ids[7]), epoch=4)
    opened.clear()
    (changed,) = [run for run in store.list_runs() if run.progress.epoch == 4]
    assert changed.id == ids[7]
    assert len(opened) <= 2


def test_the_disk_space_of_an_ended_run_is_measured_at_its_end(make_run):
    run_id = make_run(state="running")
    folder = layout.run_folder(run_id)
    with process.holding_run(folder):
        begun = store.read_run(run_id).bytes
        (folder / "checkpoint").write_bytes(bytes(1_000_000))
        assert store.read_run(run_id).bytes == begun, "an active run is not measured every second"
    assert store.read_run(run_id).state == "interrupted"
    assert store.read_run(run_id).bytes >= begun + 1_000_000


def test_a_run_whose_loss_became_nan_is_not_resumable(make_run):
    run = store.read_run(make_run(state="failed", hopeless=True))
    assert not run.resumable


def test_a_run_that_was_deleted_is_forgotten(make_run):
    run_id = make_run()
    store.list_runs()
    layout.run_folder(run_id).rename(paths.runs_dir() / "gone")
    assert store.list_runs() == []


def test_names_and_notes_are_stored_separately_from_the_run(make_run):
    run_id = make_run(name="before")
    making.set_notes(run_id, name="after")
    making.set_notes(run_id, notes="learned little")
    run = store.read_run(run_id)
    assert (run.name, run.notes) == ("after", "learned little")
    making.set_notes(run_id, name="   ")
    assert store.read_run(run_id).name == "Standard on synthetic, epochs 5, batch size 64"


def test_curves_have_their_columns_even_without_rows(make_run):
    run_id = make_run()
    assert list(curves.read_metrics(run_id).columns) == list(curves.METRICS_COLUMNS)
    assert curves.METRICS_COLUMNS[0] == "epoch"
    assert curves.METRICS_COLUMNS[-7:] == tuple(f"accuracy_{emotion}" for emotion in EMOTIONS)
    row = ",".join(str(value) for value in range(1, 1 + len(curves.METRICS_COLUMNS)))
    (layout.run_folder(run_id) / layout.METRICS).write_text(",".join(curves.METRICS_COLUMNS) + "\n" + row + "\n")
    metrics = curves.read_metrics(run_id)
    assert metrics["epoch"].tolist() == [1]
    assert metrics["val_accuracy"].tolist() == [5]


def test_the_tail_of_a_long_log_is_its_last_lines(make_run):
    run_id = make_run()
    (layout.run_folder(run_id) / layout.LOG).write_text("".join(f"line {i}\n" for i in range(100_000)))
    assert store.read_log_tail(run_id, lines=2) == "line 99998\nline 99999"


def test_a_failed_write_keeps_the_old_text_and_leaves_nothing_else(tmp_path, monkeypatch):
    file = tmp_path / "notes.json"
    files.write_text(file, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fer.storage.files.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_text(file, "new", durable=True)
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["notes.json"]


def test_a_folder_is_replaced_and_restored_after_a_kill_in_between(tmp_path):
    part, target = tmp_path / "part", tmp_path / "bundle"
    for folder, text in ((target, "old"), (part, "new")):
        folder.mkdir()
        (folder / "file").write_text(text)
    target.rename(tmp_path / ".bundle.old")
    files.restore_folder(target)
    assert (target / "file").read_text() == "old"
    files.replace_folder(part, target)
    assert (target / "file").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
