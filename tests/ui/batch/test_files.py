"""The route that serves the results of a batch: whole, in pieces, and only to those who may open the page."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from fer.batch.job import BatchJob
from fer.provenance import PROVENANCE_COLUMNS
from fer.recognition.current import use_bundle
from fer.ui.access import gate
from fer.ui.access.settings import Role
from fer.ui.batch import files
from tests.support.batches import done, photos
from tests.support.builders import make_bundle


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=[files.batch_files()])) as client:
        yield client


@pytest.fixture
def job(fer_home: Path) -> BatchJob:
    use_bundle(make_bundle(fer_home / "runs" / "tiny" / "bundle").path)
    job = done(photos("1.jpg", "two.jpg", "bad.jpg"))
    copies = job.results / "annotated" / "0a"
    copies.mkdir(parents=True)
    (copies / "1-0a.jpg").write_bytes(b"copy")
    return job


def address(job: BatchJob, name: str) -> str:
    return f"/{files.address_of(job, name)}"


def test_the_zip_has_whole_parts_and_the_tables_all_rows(client: TestClient, job: BatchJob) -> None:
    (job.results / "faces" / "part-half.parquet").write_bytes(b"PAR1")
    (job.results / "files" / "part-half.parquet").write_bytes(b"PAR1")
    answer = client.get(address(job, "parts.zip"))
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == f'attachment; filename="batch-{job.id[:15]}-parts.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        kinds = sorted(name.partition("/")[0] for name in archive.namelist())
        assert kinds == ["faces", "files", "manifest.json"]
        [part] = [name for name in archive.namelist() if name.startswith("faces/")]
        assert pq.read_table(io.BytesIO(archive.read(part))).num_rows == 3
    csv = {kind: client.get(address(job, f"{kind}.csv")).content for kind in ("faces", "files")}
    faces, table = (pd.read_csv(io.BytesIO(data)) for data in csv.values())
    assert len(faces) == 3 and set(faces["label"]) == {"happy"} and set(PROVENANCE_COLUMNS) <= set(faces.columns)
    assert table["error"].dropna().tolist() == ["It is bad."] and set(table["model"]) == {"tiny"}
    with zipfile.ZipFile(io.BytesIO(client.get(address(job, "annotated.zip")).content)) as archive:
        assert archive.read("annotated/0a/1-0a.jpg") == b"copy"


def test_a_part_that_vanishes_and_a_damaged_manifest_are_told(client: TestClient, job: BatchJob) -> None:
    (job.results / "manifest.json").write_text("{}")
    answer = client.get(address(job, "faces.csv"))
    assert answer.status_code == 500 and "has no readable manifest.json. Press Resume" in answer.text
    (job.results / "manifest.json").unlink()
    assert client.get(address(job, "parts.zip")).status_code == 500


@pytest.mark.parametrize("name", ["request.json", "log.txt", "manifest.json", "..%2Frequest.json", "found.json"])
def test_nothing_else_is_served(client: TestClient, job: BatchJob, name: str) -> None:
    assert client.get(address(job, name)).status_code == 404
    assert client.get(f"/batches/..%2F{job.id}/parts.zip").status_code == 404


def test_a_viewer_and_nobody_get_nothing(client: TestClient, job: BatchJob, monkeypatch: pytest.MonkeyPatch) -> None:
    for person, status in (
        (None, 404),
        (gate.Person("v", "issuer v", Role.VIEWER), 404),
        (gate.Person("t", "issuer t", Role.TRAINER), 200),
    ):
        monkeypatch.setattr(files, "person_of", lambda _, person=person: person)
        assert client.get(address(job, "parts.zip")).status_code == status
