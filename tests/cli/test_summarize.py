"""The summary that `fer analyze --summary` writes, and how it groups photos."""

import json
import re
from pathlib import Path

import cv2
import pandas as pd
import pytest

from fer.recognition.bundle import load_bundle
from tests.support.builders import portrait_bgr

# Each summary is made in a process that draws its charts.
pytestmark = pytest.mark.slow


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two folders with two photos each; the names carry the person."""
    for group in ("after", "before"):
        (tmp_path / "study" / group).mkdir(parents=True)
        for person in ("anna", "ben"):
            cv2.imwrite(str(tmp_path / "study" / group / f"{person}_1.png"), portrait_bgr())
    return tmp_path / "study"


@pytest.mark.parametrize(
    ("options", "groups"),
    [
        ([], []),
        (["--group-by", "folder"], ["after", "before"]),
        (["--group-by", "pattern", "--pattern", "{group}_*"], ["anna", "ben"]),
        (["--group-by", "table", "--groups", "groups.csv"], ["calm", "loud", "no group"]),
        (["--group-by", "table", "--groups", "groups.csv", "--column", "age"], ["30", "40", "no group"]),
    ],
)
def test_a_summary_compares_groups(analyze, study, tmp_path, monkeypatch, options, groups) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{study}/after/anna_1.png,calm,30", f"{study}/before/ben_1.png,loud,40"]
    (tmp_path / "groups.csv").write_text("\n".join(["file,group,age", *rows]))
    result = analyze(study, "--summary", "summary.html", "--quiet", *options)
    assert result.exit_code == 0, result.output
    page = (tmp_path / "summary.html").read_text("utf-8")
    header = page[page.index("<thead>") : page.index("</thead>")]
    assert re.findall(r'scope="col">([^<]*)<', header) == ["", "all photos", *groups]
    assert "We analysed 4 photos" in page and load_bundle(tmp_path / "bundle").hash in page


def test_the_tables_have_the_groups_of_the_summary(analyze, study, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    targets = ["--csv", "faces.csv", "--files-csv", "files.csv", "--json", "faces.json", "--summary", "s.html"]
    assert analyze(study, *targets, "--group-by", "folder", "--quiet").exit_code == 0
    photos = pd.read_csv("files.csv")
    assert photos["group"].tolist() == [Path(file).parent.name for file in photos["file"]]
    assert set(photos["group"]) == {"after", "before"} and "group" in pd.read_csv("faces.csv").columns
    assert {file["group"] for file in json.loads(Path("faces.json").read_text("utf-8"))["files"]} == {"after", "before"}


def test_photos_that_make_no_groups_are_written_all_the_same(analyze, study, monkeypatch) -> None:
    monkeypatch.chdir(study / "after")
    result = analyze("anna_1.png", "--files-csv", "files.csv", "--summary", "s.html", "--group-by", "folder")
    assert result.exit_code == 1 and "All files are in one folder" in result.output
    assert pd.read_csv("files.csv")["file"].tolist() == ["anna_1.png"]


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--group-by", "folder"], 2, "needs --summary"),
        (["--summary", "s.html", "--group-by", "pattern"], 2, "needs --pattern"),
        (["--summary", "s.html", "--group-by", "table"], 2, "needs --groups"),
        (["--summary", "s.html", "--pattern", "{group}"], 2, "belongs to --group-by pattern"),
        (["--summary", "s.html", "--group-by", "table", "--groups", "no.csv"], 1, "name a CSV file"),
        (["--summary", "no/s.html"], 1, "there is no folder 'no'"),
        (["--summary", "a", "--csv", "a"], 2, "can hold --csv or --summary, not both"),
        (["--summary", "s.html", "--group-by", "folder"], 1, "All files are in one folder"),
    ],
)
def test_a_summary_that_cannot_be_made_is_told(analyze, study, monkeypatch, options, code, sentence) -> None:
    monkeypatch.chdir(study / "after")
    result = analyze("anna_1.png", *options)
    assert result.exit_code == code and sentence in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
