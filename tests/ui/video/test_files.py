"""The route that serves results: in pieces, to their own person, and never as a page."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from fer.provenance import PROVENANCE_COLUMNS
from fer.ui.access import gate, records
from fer.ui.access.settings import Role
from fer.ui.video import files
from fer.video.job import VideoJob
from tests.support.clips import Clip, moving_portrait
from tests.support.videos import analysed, queued

ADA, BOB = gate.Person("ada", "issuer 1", Role.VIEWER), gate.Person("bob", "issuer 2", Role.ADMIN)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return Clip().write(tmp_path / "clip.mp4", moving_portrait(8))


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(Starlette(routes=[files.result_files()])) as client:
        yield client


def address(job: VideoJob, name: str, group: str | None = None) -> str:
    return f"/{files.address_of(job, name, group)}"


def test_every_result_is_a_download_with_the_videos_name(client: TestClient, clip: Path, fer_home: Path) -> None:
    job = analysed(clip, "Zoë & 'co'.mov")
    kinds = {
        "rows.csv": ("text/csv; charset=utf-8", ".csv"),
        "rows.json": ("application/json", ".json"),
        "rows.parquet": ("application/vnd.apache.parquet", ".parquet"),
        "report.html": ("text/html; charset=utf-8", ".html"),
        "subtitles.vtt": ("text/vtt; charset=utf-8", ".vtt"),
        "annotated.mp4": ("video/mp4", "-annotated.mp4"),
    }
    answers = {name: client.get(address(job, name)) for name in kinds}
    for name, (kind, ending) in kinds.items():
        headers = answers[name].headers
        assert (answers[name].status_code, headers["content-type"]) == (200, kind)
        assert headers["content-disposition"] == f"attachment; filename*=utf-8''Zo%C3%AB%20%26%20%27co%27{ending}"
        assert headers["cache-control"] == "no-store"
    shared = ["frame", "happy", "label", *PROVENANCE_COLUMNS]
    rows = pd.read_csv(io.BytesIO(answers["rows.csv"].content))
    assert rows["frame"].tolist() == list(range(8)) and set(rows["status"]) == {"face"}
    pd.testing.assert_frame_equal(
        pd.read_parquet(io.BytesIO(answers["rows.parquet"].content))[shared], rows[shared], check_dtype=False
    )
    [video] = json.loads(answers["rows.json"].content)["files"]
    assert video["file"] == "Zoë & 'co'.mov" and len(video["rows"]) == 8
    assert answers["subtitles.vtt"].text.startswith("WEBVTT\n\nNOTE Made by fer-dashboard: model=tiny;")


def test_the_tables_name_the_group_that_the_summary_gave(client: TestClient, clip: Path, fer_home: Path) -> None:
    job, group = analysed(clip, "=anna_1.mp4"), "=anna & 'co'"
    answers = {name: client.get(address(job, name, group)) for name in ("rows.csv", "rows.parquet", "rows.json")}
    assert {answer.status_code for answer in answers.values()} == {200}
    csv = pd.read_csv(io.BytesIO(answers["rows.csv"].content))
    assert list(csv.columns[:3]) == ["file", "group", "frame"] and set(csv["group"]) == {f"'{group}"}
    parquet = pd.read_parquet(io.BytesIO(answers["rows.parquet"].content))
    assert parquet["group"].tolist() == [group] * 8 and parquet["frame"].tolist() == list(range(8))
    assert answers["rows.parquet"].headers["content-disposition"].endswith("''%3Danna_1.parquet")
    [video] = json.loads(answers["rows.json"].content)["files"]
    assert {row["group"] for row in video["rows"]} == {group}
    assert files.address_of(job, "annotated.mp4", group) == files.address_of(job, "annotated.mp4")


def test_a_player_gets_the_part_that_it_asks_for(client: TestClient, clip: Path, fer_home: Path) -> None:
    job = analysed(clip)
    whole = (job.folder / "annotated.mp4").read_bytes()
    answer = client.get(address(job, "annotated.mp4"), headers={"Range": "bytes=100-199"})
    assert answer.status_code == 206 and answer.content == whole[100:200]
    assert answer.headers["content-range"] == f"bytes 100-199/{len(whole)}"


@pytest.mark.parametrize(
    "name", ["upload", "request.json", "log.txt", "now.jpg", "..%2Frequest.json", "moment-1-happy.jpg"]
)
def test_nothing_else_is_served(client: TestClient, clip: Path, fer_home: Path, name: str) -> None:
    job = queued(clip)
    assert client.get(address(job, name)).status_code == 404
    assert client.get(address(job, "annotated.mp4")).status_code == 404
    assert client.get("/videos/x/annotated.mp4").status_code == 404


def test_only_the_person_who_added_a_video_gets_its_results(
    client: TestClient, clip: Path, fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = analysed(clip)
    records.set_owner("video", job.id, ADA.id)
    for who, status in ((ADA, 200), (BOB, 404), (gate.Person("", "", Role.VIEWER), 404), (None, 404)):
        monkeypatch.setattr(files, "person_of", lambda cookies, who=who: who)
        assert [client.get(address(job, name)).status_code for name in ("rows.csv", "annotated.mp4")] == [status] * 2


def test_damaged_rows_are_told(client: TestClient, clip: Path, fer_home: Path) -> None:
    job = analysed(clip)
    (job.folder / "rows.parquet").write_bytes(b"PAR1")
    answer = client.get(address(job, "rows.csv"))
    assert answer.status_code == 500 and answer.text == (
        "The results of this video are damaged; delete it and add it again.\n"
    )
