"""The Data page in a real browser: import, relabel, clean, and train on the result."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from fer.datasets.doctor.crowd import EMOTION_COLUMNS
from fer.datasets.faces import FaceDataset
from fer.datasets.readers.sources import read_path
from fer.datasets.store.corrections import apply_corrections, correct
from fer.emotions import EMOTIONS
from fer.paths import CHECKOUT
from tests.support.browser import App, expect_to_fit
from tests.support.forms import csv_lines, image_files, plus, synthetic_faces, unanimous, votes_lines, zip_bytes

_TRAINING_S = 150
# Of the dataset below: labels that the crowd rejects, the clearest first; a copy; a blank.
_WRONG, _WRONG_TOO, _COPY, _BLANK = 20, 10, 98, 99


def sick_set() -> FaceDataset:
    dataset = synthetic_faces(70, 14, 14)
    dataset = plus(dataset, dataset.images[3], int(dataset.labels[3]))
    return plus(dataset, np.zeros((48, 48)), 0)


def zip_of(dataset: FaceDataset) -> bytes:
    votes = unanimous(dataset)
    for index, others in ((_WRONG_TOO, 9), (_WRONG, 10)):
        votes[index] = 0
        votes[index, EMOTION_COLUMNS[dataset.labels[index]]] = 10 - others
        votes[index, EMOTION_COLUMNS[(dataset.labels[index] + 1) % 7]] = others
    lines = csv_lines(dataset)
    lines.insert(30, "7" + lines[1][1:])
    rows = votes_lines(dataset, votes)
    rows.insert(30, rows[1])
    return zip_bytes(
        {"archive/fer2013.csv": "\n".join(lines).encode(), "archive/fer2013new.csv": "\n".join(rows).encode()}
    )


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "fer2013.zip"
    path.write_bytes(zip_of(sick_set()))
    return path


@pytest.fixture
def clean_home(app: App) -> Iterator[App]:
    """Delete all datasets after the test."""
    yield app
    for folder in (app.server.home / "data").glob("[!.]*"):
        shutil.rmtree(folder)


def fer(*arguments: str, environment: dict[str, str], module: str = "fer") -> str:
    """Run `python -m fer` and return its standard output."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=_TRAINING_S)
    assert done.returncode == 0, done.stderr
    return done.stdout


def import_zip(page: Page, archive: Path) -> None:
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(archive)
    page.get_by_role("button", name="Import", exact=True).click()


def turn_to(page: Page, view: str) -> None:
    page.get_by_test_id("stButtonGroup").get_by_text(view, exact=False).first.click()


def expect_keys(page: Page) -> None:
    """Wait until images can be reviewed: a shortcut works only once its button exists."""
    expect(page.get_by_text("0 of 2 doubtful images")).to_be_visible()
    for name in (*EMOTIONS, "Discard"):
        expect(page.get_by_test_id("stMain").get_by_role("button", name=name).first).to_be_visible()


@pytest.mark.training
@pytest.mark.timeout(400)
def test_a_small_zip_is_imported_fixed_and_trained_on(clean_home: App, archive: Path) -> None:
    app, dataset = clean_home, sick_set()
    page = app.open("Data")
    import_zip(page, archive)
    expect(page.get_by_text("101 rows read, 100 kept, 1 rejected.")).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Not imported, as CSV").click()
    (rejected,) = csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text()))
    assert rejected == {
        "where": "line 31",
        "reason": "label '7' is not the name or number of a class; try --labels ckplus",
    }

    turn_to(page, "Relabel")
    expect(page.get_by_text("0 of 2 doubtful images")).to_be_visible()
    expect_keys(page)
    right = (int(dataset.labels[_WRONG]) + 1) % 7
    # One with a key, one with a click.
    page.keyboard.press(str(right + 1))
    expect(page.get_by_text("1 of 2 doubtful images")).to_be_visible()
    right_too = (int(dataset.labels[_WRONG_TOO]) + 1) % 7
    page.get_by_role("button", name=EMOTIONS[right_too]).first.click()
    expect(page.get_by_text("All doubtful images are reviewed.")).to_be_visible()
    expect(page.get_by_text("2 corrected, 0 discarded, 0 confirmed")).to_be_visible()

    turn_to(page, "Doctor")
    page.get_by_role("button", name="Examine 100 images").click()
    expect(page.get_by_role("heading", name="Make a cleaned copy")).to_be_visible()
    page.get_by_role("button", name="Make the copy", exact=True).click()
    expect(page.get_by_text("Made 'fer2013-cleaned': 98 images kept, 2 left out.")).to_be_visible()

    environment = {**os.environ, "FER_HOME": str(app.server.home)}
    made = [correct(dataset, _WRONG, right), correct(dataset, _WRONG_TOO, right_too)]
    expected = apply_corrections(dataset, made).take(np.delete(np.arange(100), [_COPY, _BLANK])).fingerprint
    shown = json.loads(fer("data", "show", "fer2013-cleaned", "--json", environment=environment))
    assert shown["fingerprint"] == expected
    options = ("--epochs", "1", "--warmup-epochs", "0", "--batch-size", "16", "--precision", "float32")
    # The real command, with a network that trains in a second.
    tiny = "tests.support.tiny_run"
    run_id = fer("train", "--data", "fer2013-cleaned", *options, environment=environment, module=tiny).split()[0]
    bundle = json.loads((app.server.home / "runs" / run_id / "bundle" / "bundle.json").read_text())
    assert bundle["data"]["fingerprint"] == expected


def test_a_malicious_zip_is_refused_in_one_sentence(clean_home: App, tmp_path: Path) -> None:
    path = tmp_path / "evil.zip"
    path.write_bytes(zip_bytes({"../evil.png": b"x", "train/happy/a.png": b"x"}))
    page = clean_home.open("Data")
    import_zip(page, path)
    expect(page.get_by_text("a path that leads out of it")).to_be_visible()
    assert not list((clean_home.server.home / "data").glob("[!.]*"))


def test_the_label_order_of_numbered_classes_is_confirmed_by_their_faces(clean_home: App, tmp_path: Path) -> None:
    dataset, affectnet = synthetic_faces(70, 0, 0), [6, 3, 4, 5, 2, 1, 0]
    path = tmp_path / "affectnet.zip"
    path.write_bytes(zip_bytes(image_files(dataset, [str(affectnet.index(label)) for label in range(7)])))
    page = clean_home.open("Data")
    import_zip(page, path)
    expect(page.get_by_text("Which number is which class?")).to_be_visible()
    expect(page.get_by_alt_text("Face of class 0")).to_have_count(6)
    assert not list((clean_home.server.home / "data").glob("[!.]*"))
    page.get_by_role("combobox", name="Label order").click()
    page.get_by_role("option", name="AffectNet").click()
    expect(page.get_by_text("0: neutral")).to_be_visible()
    page.get_by_role("button", name="Import with this order").click()
    expect(page.get_by_text("70 files read, 70 kept, 0 rejected.")).to_be_visible()
    info = json.loads((clean_home.server.home / "data" / "affectnet" / "dataset.json").read_text())
    assert info["fingerprint"] == dataset.fingerprint


def test_a_reload_stays_there_and_shows_no_old_message(clean_home: App, archive: Path) -> None:
    page = clean_home.open("Data")
    import_zip(page, archive)
    expect(page.get_by_text("100 kept")).to_be_visible()
    turn_to(page, "Relabel")
    expect(page.get_by_text("0 of 2 doubtful images")).to_be_visible()
    page.reload()
    expect(page.get_by_text("0 of 2 doubtful images")).to_be_visible()
    expect(page.get_by_text("100 kept")).to_have_count(0)


def test_an_export_is_downloaded_and_imports_as_the_same_dataset(clean_home: App, archive: Path) -> None:
    page = clean_home.open("Data")
    import_zip(page, archive)
    expect(page.get_by_text("100 kept")).to_be_visible()
    turn_to(page, "Export")
    page.get_by_text("Image folders").click()
    # Each form has a button of its own, and that of the previous form stays until the page has followed.
    with page.expect_download() as waiting:
        page.locator('[class*="st-key-data_export_"][class*="_folders_"] button').click()
    expect(page.get_by_text("Exported 100 images, fingerprint")).to_be_visible()
    with zipfile.ZipFile(waiting.value.path()) as exported:
        assert sum(name.endswith(".png") for name in exported.namelist()) == 100
    assert read_path(Path(waiting.value.path())).dataset.fingerprint == sick_set().fingerprint


def test_undo_and_discard_have_keys(clean_home: App, archive: Path) -> None:
    page = clean_home.open("Data")
    import_zip(page, archive)
    expect(page.get_by_text("100 kept")).to_be_visible()
    turn_to(page, "Relabel")
    expect_keys(page)
    page.keyboard.press("x")
    expect(page.get_by_text("0 corrected, 1 discarded, 0 confirmed")).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_text("0 of 2 doubtful images")).to_be_visible()
    assert not (clean_home.server.home / "data" / "fer2013" / "corrections.csv").exists()


def test_deleting_asks_first(clean_home: App, archive: Path) -> None:
    page = clean_home.open("Data")
    import_zip(page, archive)
    expect(page.get_by_text("100 kept")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The file it was imported from stays where it is.")).to_be_visible()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("'fer2013' was deleted.")).to_be_visible()
    # While the page is redrawn, the help is there twice.
    clean_home.settle()
    expect(page.get_by_text("How to get FER-2013")).to_be_visible()
    assert not list((clean_home.server.home / "data").glob("[!.]*"))


@pytest.mark.parametrize("width", [400, 1280])
def test_the_page_fits_its_window(clean_home: App, archive: Path, width: int) -> None:
    clean_home.page.set_viewport_size({"width": width, "height": 900})
    page = clean_home.open("Data")
    import_zip(page, archive)
    expect(page.get_by_text("100 kept")).to_be_visible()
    for view, text in (
        ("Look", "Mean face of each class"),
        ("Doctor", "Examine"),
        ("Relabel", "What does this face look like?"),
        ("Export", "the file gives the same fingerprint"),
    ):
        turn_to(page, view)
        expect(page.get_by_text(text).filter(visible=True).first).to_be_visible()
        clean_home.settle()
        expect_to_fit(page)
