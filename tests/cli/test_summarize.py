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


def test_tables_name_groups_without_a_summary_also_of_a_failed_photo(analyze, study, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (study / "before" / "broken.png").write_bytes(b"no image")
    result = analyze(study, "--files-csv", "files.csv", "--group-by", "folder", "--quiet")
    assert result.exit_code == 1, result.output
    photos = pd.read_csv("files.csv")
    assert photos["group"].tolist() == [Path(file).parent.name for file in photos["file"]] and len(photos) == 5


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["folder"], "All files are in one folder"),
        (["pattern", "--pattern", "x{group}y"], "fits no file name"),
        (["pattern", "--pattern", "*"], "needs {group} once"),
        (["table", "--groups", "groups.csv"], "No row of the table names one of the files"),
        (["table", "--groups", "groups.csv", "--column", "mood"], "has no column 'mood'"),
    ],
)
def test_groups_that_cannot_be_are_told_before_the_work(analyze, study, monkeypatch, options, sentence) -> None:
    monkeypatch.chdir(study / "after")
    Path("groups.csv").write_text("file,group\nother.png,a\n")
    result = analyze("anna_1.png", "--files-csv", "files.csv", "--annotated", "seen", "--group-by", *options)
    assert result.exit_code == 1 and sentence in " ".join(result.stderr.split())
    assert not Path("files.csv").exists() and not list(Path("seen").iterdir())


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--group-by", "folder"], 2, "needs a file that names the groups"),
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
