"""`fer analyze` with files, names and requests that it can't or can hardly use."""

import csv
import io
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from fer.recognition.analyzer import FaceAnalyzer
from fer.results import ImageAnalysis
from tests.support.builders import portrait_bgr
from tests.support.cli import parsed
from tests.support.odd_files import write_or_skip

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows tells only when it writes")


def test_missing_paths_do_not_stop_the_others(analyze, photos, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    result = analyze(tmp_path / "gone.jpg", tmp_path / "empty", photos / "one.png", "--json", "-")
    entries = parsed(result)
    assert result.exit_code == 1
    assert len(entries["one.png"]["faces"]) == 1
    assert "cannot be read" in entries["gone.jpg"]["error"]
    assert "no image in this folder" in entries["empty"]["error"]


def test_an_impossible_file_name_does_not_stop_the_others(analyze, photos) -> None:
    result = analyze("x" * 300 + ".png", photos / "one.png")
    assert result.exit_code == 1 and "looks like" in result.stdout.replace("\n", " ")
    assert "Failed: xxx" in result.stderr and "1 photo, 1 face, 1 failed" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--json", "-", "--csv", "-"], 2, "Standard output can hold --csv or --json, not both"),
        (["--json", "out", "--csv", "./out"], 2, "'out' can hold --csv or --json, not both"),
        (["--csv", "no/such/folder.csv"], 1, f"there is no folder '{Path('no/such')}'"),
        (["--json", "."], 1, "is a folder"),
        pytest.param(["--json", "x" * 300], 1, "cannot be written (File name too long)", marks=POSIX),
        (["--annotated", "one.png/inside"], 1, "cannot be written"),
        (["--detector", "mtcnn"], 2, "haar"),
        (["--model", "nowhere"], 1, "There is no model 'nowhere'"),
    ],
)
def test_impossible_requests_give_one_sentence(analyze, photos, monkeypatch, arguments, code, sentence) -> None:
    monkeypatch.chdir(photos)
    result = analyze("one.png", *arguments)
    assert result.exit_code == code
    assert sentence in result.stderr and result.stdout == ""
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["\x1b[31mred.png", "[bold red]markup.png", "line\nbreak.png", "\udcff.png"])
def test_control_characters_in_a_name_are_escaped(analyze, photos, tmp_path, name) -> None:
    file = tmp_path / name
    write_or_skip(file, (photos / "one.png").read_bytes())
    good = analyze(file, "--json", tmp_path / "out.json", "--csv", tmp_path / "out.csv")
    assert good.exit_code == 0
    file.write_bytes(b"rubbish")
    bad = analyze(file)
    assert bad.exit_code == 1
    for text in (good.stdout, bad.stderr):
        assert "\x1b" not in text
        shown = "".join(text.split())
        assert "".join(ascii(name)[1:-1].split()) in shown
    (entry,) = json.loads((tmp_path / "out.json").read_bytes())["files"]
    known_as = str(file).encode("utf-8", "backslashreplace").decode()
    assert entry["file"] == known_as
    (row,) = csv.DictReader(io.StringIO((tmp_path / "out.csv").read_bytes().decode()))
    assert row["file"] == known_as


def test_a_photo_that_cannot_be_written_is_reported_and_the_others_are_written(analyze, photos, tmp_path) -> None:
    Image.new("1", (1_000_001, 1)).save(photos / "wide.png")
    result = analyze(
        *(photos / "wide.png", photos / "one.png"),
        *("--annotated", tmp_path / "out", "--json", tmp_path / "faces.json", "--csv", tmp_path / "faces.csv"),
    )
    assert result.exit_code == 1
    assert "wide.png: An image with a side of 1,000,001 pixels" in result.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["one-annotated.jpg"]
    assert [entry["error"] for entry in json.loads((tmp_path / "faces.json").read_bytes())["files"]] == [None, None]
    assert len((tmp_path / "faces.csv").read_text("utf-8").splitlines()) == 2


def test_a_defect_in_one_photo_does_not_end_the_others(analyze, photos, monkeypatch) -> None:
    def fails_on_the_wall(self: FaceAnalyzer, image_bgr: np.ndarray, file: str) -> ImageAnalysis:
        if "wall" in file:
            raise ZeroDivisionError
        return original(self, image_bgr, file)

    original = FaceAnalyzer.analyze
    monkeypatch.setattr(FaceAnalyzer, "analyze", fails_on_the_wall)
    entries = parsed(analyze(photos / "wall.png", photos / "one.png", "--json", "-"))
    assert "unexpectedly (ZeroDivisionError)" in entries["wall.png"]["error"]
    assert len(entries["one.png"]["faces"]) == 1


def test_names_that_are_not_utf8_stay_distinct(analyze, photos, tmp_path) -> None:
    face = (photos / "one.png").read_bytes()
    folder = tmp_path / "names"
    folder.mkdir()
    for name in ("Andr\udce9.jpg", "Ren\udce9.jpg", "back\\slash.jpg"):
        write_or_skip(folder / name, face)
    assert analyze(folder, "--annotated", tmp_path / "out").exit_code == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["Andr_udce9-annotated.jpg", "Ren_udce9-annotated.jpg", "back_slash-annotated.jpg"]


def test_quiet_prints_only_failures(analyze, photos) -> None:
    good = analyze(photos / "one.png", "--quiet")
    assert (good.exit_code, good.stdout, good.stderr) == (0, "", "")
    bad = analyze(photos / "one.png", photos / "nothing.jpg", "--quiet")
    assert bad.exit_code == 1 and bad.stdout == "" and bad.stderr.count("\n") == 1 and "nothing.jpg" in bad.stderr


def test_assumptions_about_a_photo_are_reported(analyze, tmp_path) -> None:
    cv2.imwrite(str(tmp_path / "ten.png"), cv2.cvtColor(portrait_bgr(), cv2.COLOR_BGR2GRAY).astype(np.uint16) * 4)
    result = analyze(tmp_path / "ten.png", "--json", "-")
    (entry,) = parsed(result).values()
    assert len(entry["faces"]) == 1 and "only 10 seem to be in use" in entry["note"]
    assert entry["note"] in result.stderr


@pytest.mark.parametrize("name", ["photo.jfif", "photo.jpe", "photo.mpo", "photo", "photo.heic", "photo.dat"])
def test_photos_in_a_folder_are_recognised_by_their_content(analyze, tmp_path, name) -> None:
    heic = Path(__file__).parents[2] / "vision" / "pictures" / "portrait.heic"
    data = heic.read_bytes() if name.endswith("heic") else cv2.imencode(".jpg", portrait_bgr())[1].tobytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(data)
    (entry,) = parsed(analyze(tmp_path / "in", "--json", "-")).values()
    assert len(entry["faces"]) == 1 and entry["error"] is None
