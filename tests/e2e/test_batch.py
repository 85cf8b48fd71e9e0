"""The Batch page in a real browser: choose a folder, start, watch it end, see the results, download them."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import pandas as pd
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect

from fer.batch import store
from fer.batch.job import BatchJob
from tests.support.browser import App, expect_to_fit
from tests.support.builders import portrait_bgr

# Its processes have a lower priority than everything else on the machine.
BATCH_MS = 240_000
DOWNLOADS = {"Parquet": "parts.zip", "Faces as CSV": "faces.csv", "Files as CSV": "files.csv"}


@pytest.fixture(autouse=True)
def no_process_is_left(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FER_HOME", str(home))
    yield
    for batch_id in store.list_ids():
        job = BatchJob(store.batches_dir() / batch_id)
        store.stop(job)
        store.delete(job)


def test_a_folder_is_analysed_watched_and_saved(app: App, home: Path) -> None:
    photos = home / "data" / "photos"
    for name in ("anna/1.png", "anna/2.png", "ben/1.png"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(photos / name), portrait_bgr())
    (photos / "ben" / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")

    page = app.open("Batch")
    page.get_by_role("combobox", name="Folders and files").click()
    page.get_by_role("option", name="data/photos", exact=True).click()
    page.keyboard.press("Escape")
    expect(page.get_by_text("4 photos")).to_be_visible()
    page.get_by_role("spinbutton", name="Workers").fill("1")
    page.get_by_role("spinbutton", name="Workers").press("Enter")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("Analysing data/photos")).to_be_visible()
    # A tab that comes later sees the same.
    page.reload()
    expect(page.get_by_role("link", name="Parquet", exact=True)).to_be_visible(timeout=BATCH_MS)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    for label, value in (("Files", "4"), ("Faces in photos", "3"), ("Failed", "1")):
        metric = page.get_by_test_id("stMetric").filter(has_text=label)
        expect(metric.get_by_test_id("stMetricValue")).to_have_text(value)
    expect(page.get_by_text("By folder")).to_be_visible()
    expect_to_fit(page)

    answers = {}
    for label, name in DOWNLOADS.items():
        address = page.get_by_role("link", name=label, exact=True).get_attribute("href")
        answer = page.context.request.get(f"{app.server.url}/{address}")
        assert answer.status == 200 and name in answer.headers["content-disposition"]
        answers[name] = answer.body()
    with zipfile.ZipFile(io.BytesIO(answers["parts.zip"])) as archive:
        parts = [name for name in archive.namelist() if name.startswith("faces/")]
        assert sum(pq.read_metadata(io.BytesIO(archive.read(part))).num_rows for part in parts) == 3
    files = pd.read_csv(io.BytesIO(answers["files.csv"])).set_index("file")
    assert files["error"].notna().sum() == 1 and isinstance(files.loc[f"{photos}/ben/cut.jpg", "error"], str)

    page.get_by_role("button", name="Delete (").click()
    expect(page.get_by_role("link", name="Parquet", exact=True)).to_have_count(0)
    assert store.list_ids() == [] and (photos / "anna" / "1.png").exists()
