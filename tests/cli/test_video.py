import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from fer.cli import main
from tests.support.builders import make_bundle
from tests.support.cli import Command, command
from tests.support.clips import Clip, moving_portrait, plain

# Each encodes or decodes clips.
pytestmark = pytest.mark.slow


@pytest.fixture
def video(tmp_path: Path) -> Command:
    """Run `fer video` with a model that classifies by brightness."""
    return command("video", "--model", make_bundle(tmp_path / "bundle").path)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return Clip().write(tmp_path / "clip.mp4", [*plain(2), *moving_portrait(4)])


def test_every_format_has_the_same_rows(video: Command, clip: Path, tmp_path: Path) -> None:
    targets = [tmp_path / f"rows.{kind}" for kind in ("csv", "parquet", "json")]
    result = video(clip, "--csv", targets[0], "--parquet", targets[1], "--json", targets[2])
    assert result.exit_code == 0, result.output
    csv, parquet = pd.read_csv(targets[0]), pd.read_parquet(targets[1])
    (document,) = json.loads(targets[2].read_text("utf-8"))["files"]
    assert csv["status"].tolist() == ["no face"] * 2 + ["face"] * 4
    for column in ("frame", "time_s", "status", "happy", "smooth_neutral"):
        expected = csv[column].dropna().tolist()
        assert parquet[column].dropna().tolist() == expected
        assert [row[column] for row in document["rows"] if row[column] is not None] == expected
    assert (document["file"], document["width"], document["frames"]) == (str(clip), 192, 6)
    assert document["people"][0]["person"] == 1
    assert "clip.mp4" in result.stdout and "1" in result.stdout


def test_a_file_that_fails_does_not_end_the_others(video: Command, clip: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_text("ffconcat version 1.0\nfile clip.mp4\n")
    result = video(broken, clip, "--json", "-", "--quiet")
    assert result.exit_code == 1
    first, second = json.loads(result.stdout)["files"]
    assert first["error"].startswith("This file isn't a readable video") and first["rows"] == []
    assert second["error"] is None and len(second["rows"]) == 6
    assert result.stderr.count("Failed: ") == 1 and "broken.mp4: This file isn't a readable video" in result.stderr


def test_skipping_is_told_row_by_row(video: Command, clip: Path, tmp_path: Path) -> None:
    video(clip, "--every", 2, "--csv", tmp_path / "rows.csv")
    table = pd.read_csv(tmp_path / "rows.csv")
    assert table["status"].tolist() == ["no face", "skipped", "face", "skipped", "face", "skipped"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--every", "2", "--fps", "5"), "not both"),
        (("--csv", "rows.x", "--json", "rows.x"), "can hold --csv or --json, not both"),
        (("--parquet", "-"), "can't be written to standard output"),
        (("--csv", "no/such/rows.csv"), "there is no folder"),
    ],
)
def test_what_cannot_be_is_refused_before_the_work(
    video: Command,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = video(clip, *arguments)
    assert result.exit_code != 0 and sentence in result.stderr


def test_analyze_says_what_to_type_for_a_video(clip: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["analyze", str(clip)])
    assert result.exit_code == 1
    assert f"This is a video; type: fer video '{clip}'" in result.stderr.replace("\n", "")


def test_annotated_videos_get_names_of_their_own(video: Command, clip: Path, tmp_path: Path) -> None:
    other = tmp_path / "clip.mkv"
    Clip(sound="aac").write(other, plain(3))
    result = video(clip, other, "--annotated", tmp_path, "--quiet")
    assert result.exit_code == 0, result.output
    made = {path.name for path in tmp_path.glob("*annotated*")}
    assert made == {"clip-annotated.mp4", "clip-annotated.vtt", "clip-annotated-2.mp4", "clip-annotated-2.vtt"}
    assert not list(tmp_path.glob(".*"))


def test_the_report_has_all_videos(video: Command, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_text("no video")
    result = video(clip, tmp_path / "broken.mp4", "--report", tmp_path / "report.html")
    assert result.exit_code == 1
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("<h2>") == 2 and "This file isn&#39;t a readable video" in page and "Person 1" in page


def test_a_summary_compares_groups_of_videos(video: Command, clip: Path, tmp_path: Path) -> None:
    for folder in ("calm", "loud"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "clip.mp4").write_bytes(clip.read_bytes())
    files = tmp_path / "calm/clip.mp4", tmp_path / "loud/clip.mp4"
    result = video(*files, "--summary", tmp_path / "s.html", "--group-by", "folder", "--quiet")
    assert result.exit_code == 0, result.output
    page = (tmp_path / "s.html").read_text("utf-8")
    header = page[page.index("<thead>") : page.index("</thead>")]
    assert [name for name in ("all videos", "calm", "loud") if f">{name}<" in header] == ["all videos", "calm", "loud"]
    assert "12 frames of 2 videos; 4 had no detected face" in page and "<td>4 (33 %)</td>" in page


def test_groups_that_cannot_be_are_told_before_the_work(video: Command, clip: Path, tmp_path: Path) -> None:
    result = video(clip, "--summary", tmp_path / "s.html", "--group-by", "folder", "--csv", tmp_path / "rows.csv")
    assert result.exit_code == 1 and "All files are in one folder" in " ".join(result.stderr.split())
    assert not (tmp_path / "rows.csv").exists()


def test_every_table_names_the_groups_also_without_a_summary(video: Command, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "other_1.mp4").write_bytes(clip.read_bytes())
    targets = {name: tmp_path / f"rows.{name}" for name in ("csv", "parquet", "json")}
    options = [word for name, target in targets.items() for word in (f"--{name}", target)]
    result = video(clip, tmp_path / "other_1.mp4", *options, "--group-by", "pattern", "--pattern", "{group}_*")
    assert result.exit_code == 0, result.output
    table = pd.read_csv(targets["csv"])
    assert list(table.columns[:3]) == ["file", "group", "frame"]
    assert table.groupby("group")["file"].unique().to_dict() == {
        "no group": [str(clip)],
        "other": [str(tmp_path / "other_1.mp4")],
    }
    assert pd.read_parquet(targets["parquet"])["group"].tolist() == table["group"].tolist()
    files = json.loads(targets["json"].read_text("utf-8"))["files"]
    assert [row["group"] for file in files for row in file["rows"]] == table["group"].tolist()


def test_groups_that_no_file_would_name_are_refused(video: Command, clip: Path) -> None:
    result = video(clip, "--group-by", "folder")
    assert result.exit_code == 2 and "--group-by needs a file that names the groups" in " ".join(result.stderr.split())
