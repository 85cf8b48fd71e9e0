"""The downloads of a run."""

import io
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from fer.errors import RunError
from fer.recognition.bundle import load_bundle
from fer.runs import layout, store
from fer.runs.config import TrainConfig
from fer.ui.training.downloads import Download, downloads_of
from tests.support.run_folders import write_run


def offered(run_id: str) -> dict[str, Download]:
    return {download.key: download for download in downloads_of(store.read_run(run_id))}


def test_a_run_without_an_epoch_has_its_settings_and_log(fer_home: Path) -> None:
    found = offered(write_run(1, TrainConfig(seed=7, epochs=5), state="failed"))
    assert set(found) == {layout.CONFIG, layout.LOG}
    assert TrainConfig.from_json(found[layout.CONFIG].read().decode()) == TrainConfig(seed=7, epochs=5)
    assert found[layout.LOG].read() == b"the log of the run\n"


def test_each_file_is_read_on_request_and_named_after_its_run(fer_home: Path) -> None:
    run_id = write_run(1, epochs_done=2)
    folder = layout.run_folder(run_id)
    for name in ("report.html", layout.REPORT):
        (folder / name).write_text(f"the {name}")
    found = offered(run_id)
    assert layout.BUNDLE not in found
    assert found["report.html"].read() == b"the report.html"
    assert found["report.html"].mime == "text/html"
    assert found[layout.REPORT].read() == b"the report.json"
    (folder / layout.METRICS).write_text("more epochs")
    assert found[layout.METRICS].read() == b"more epochs"
    assert {download.file_name for download in found.values()} == {
        f"{run_id}-{name}" for name in (layout.CONFIG, layout.METRICS, "report.html", layout.REPORT, layout.LOG)
    }


def test_the_zip_is_a_bundle_that_can_be_served(fer_home: Path, tmp_path: Path) -> None:
    run_id = write_run(1, name="my: first run", bundle=True)
    download = offered(run_id)[layout.BUNDLE]
    assert download.file_name == "my-first-run.zip"
    with zipfile.ZipFile(io.BytesIO(download.read())) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "taken")
    taken, own = load_bundle(tmp_path / "taken"), load_bundle(layout.run_folder(run_id) / layout.BUNDLE)
    assert taken.hash == own.hash
    assert {file.name for file in taken.path.iterdir()} == {file.name for file in own.path.iterdir()}


def test_a_deleted_run_gives_a_sentence(fer_home: Path) -> None:
    run_id = write_run(1, epochs_done=2)
    found = offered(run_id)
    shutil.rmtree(layout.run_folder(run_id))
    with pytest.raises(RunError, match=r"metrics\.csv can't be read .*; reload the page"):
        found[layout.METRICS].read()


def test_large_files_are_made_on_request_and_again_after_a_change(fer_home: Path) -> None:
    run_id = write_run(1, epochs_done=2)
    report = layout.run_folder(run_id) / "report.html"
    report.write_text("one")
    os.utime(report, ns=(1, 1))
    before = offered(run_id)
    assert before["report.html"].large and not before[layout.METRICS].large
    report.write_text("another")
    assert offered(run_id)["report.html"].stamp != before["report.html"].stamp == 1
