"""`fer analyze`, as users type it: what it prints and writes."""

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from rich.console import Console

from fer.cli import analyze as module
from fer.cli import main
from fer.emotions import EMOTIONS
from fer.recognition.bundle import load_bundle
from fer.results import Face, ImageAnalysis
from tests.support.builders import encoded, make_bundle, portrait_bgr
from tests.support.cli import parsed


@pytest.mark.parametrize(("detector", "n_group"), [("yunet", 12), ("haar", None), (None, 12)])
def test_json_holds_every_file_and_nothing_else(analyze, photos, detector, n_group) -> None:
    result = analyze(photos, "--json", "-", *(["--detector", detector] if detector else []))
    entries = parsed(result)
    failed = {"text.png", "cut.png", "nothing.jpg", "drawing.svg"}
    assert set(entries) == {"one.png", "group.jpg", "wall.png", *failed}
    for entry in entries.values():
        assert set(entry) == {"file", "width", "height", "faces", "error", "note"}
    for name in failed:
        entry = entries[name]
        assert entry["width"] is entry["height"] is None and entry["faces"] == []
        assert entry["error"].endswith(".")
        assert f"{entry['file']}: {entry['error']}" in result.stderr
    assert (entries["one.png"]["width"], entries["one.png"]["height"], entries["one.png"]["error"]) == (512, 512, None)
    (face,) = entries["one.png"]["faces"]
    x, y, width, height = face["box"]
    assert x < 225 < x + width and y < 115 < y + height, "the box holds the portrait's nose"
    assert list(face["probabilities"]) == list(EMOTIONS)
    assert face["emotion"] == max(face["probabilities"], key=face["probabilities"].get)
    assert face["confidence"] == face["probabilities"][face["emotion"]]
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert face["sure"] is True
    assert entries["wall.png"]["faces"] == [] and entries["wall.png"]["error"] is None
    if n_group:
        boxes = [found["box"] for found in entries["group.jpg"]["faces"]]
        assert len(boxes) == n_group
        places = [(box[1] // 160, box[0] // 160) for box in boxes]
        assert places == [(row, column) for row in range(3) for column in range(4)], "as people read"
    assert result.exit_code == 1


def test_success_prints_a_table_and_exits_with_0(analyze, photos) -> None:
    result = analyze(photos / "one.png", photos / "wall.png")
    assert result.exit_code == 0
    assert "one.png" in result.stdout and "no face found" in result.stdout
    assert "2 photos, 1 face" in result.stderr and "failed" not in result.stderr


def test_csv_has_a_row_per_face_and_no_formulas(analyze, photos, tmp_path) -> None:
    evil = tmp_path / "=1+cmd;x,.png"
    evil.write_bytes((photos / "one.png").read_bytes())
    target = tmp_path / "faces.csv"
    previous = Path.cwd()
    os.chdir(tmp_path)
    try:
        result = analyze(evil.name, photos / "deeper" / "group.jpg", "--csv", target)
    finally:
        os.chdir(previous)
    assert result.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(target.read_text("utf-8"))))
    assert len(rows) == 13
    assert rows[0]["file"] == "'=1+cmd;x,.png"
    assert [row["face"] for row in rows[1:]] == [str(number) for number in range(1, 13)]
    assert sum(float(rows[0][name]) for name in EMOTIONS) == pytest.approx(1, abs=1e-5)


def test_annotated_images_never_overwrite_each_other_or_a_source(analyze, photos) -> None:
    twin = photos / "deeper" / "one.png"
    twin.write_bytes((photos / "one.png").read_bytes())
    taken = photos / "one-annotated.jpg"
    taken.write_bytes(cv2.imencode(".jpg", portrait_bgr())[1].tobytes())
    before = {path: path.read_bytes() for path in photos.rglob("*.*")}
    result = analyze(photos / "one.png", twin, taken, "--annotated", photos)
    assert result.exit_code == 0
    made = {path.name for path in photos.rglob("*.*")} - {path.name for path in before}
    assert made == {"one-annotated-2.jpg", "one-annotated-3.jpg", "one-annotated-annotated.jpg"}
    assert all(path.read_bytes() == content for path, content in before.items())
    drawn = cv2.imread(str(photos / "one-annotated-2.jpg"))
    assert drawn.shape == (512, 512, 3)
    difference = np.abs(drawn.astype(int) - portrait_bgr()).max(axis=2) > 60
    assert 500 < difference.sum() < 40_000, "lines and a label, and the rest as it was"


def test_the_csv_can_be_written_into_the_folder_of_annotated_images(analyze, photos) -> None:
    out = photos / "new"
    assert analyze(photos / "one.png", "--annotated", out, "--csv", out / "faces.csv").exit_code == 0
    assert {path.name for path in out.iterdir()} == {"one-annotated.jpg", "faces.csv"}


def test_annotated_images_are_not_analysed_the_next_time(analyze, photos) -> None:
    for _ in range(2):
        result = analyze(photos, "--annotated", photos / "out", "--json", "-")
        assert sorted(path.name for path in (photos / "out").iterdir()) == [
            "group-annotated.jpg",
            "one-annotated.jpg",
            "wall-annotated.jpg",
        ]
        assert len(parsed(result)) == 7


@pytest.mark.parametrize(("threshold", "sure"), [("0", True), ("1", False)])
def test_the_threshold_decides_which_faces_are_sure(analyze, photos, threshold, sure) -> None:
    (face,) = parsed(analyze(photos / "one.png", "--threshold", threshold, "--json", "-"))["one.png"]["faces"]
    assert face["sure"] is sure


def test_a_photo_is_read_from_standard_input(tmp_path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    arguments = ["analyze", "--model", str(bundle.path), "-", "--json", "-"]
    result = CliRunner().invoke(main, arguments, input=encoded(Image.fromarray(portrait_bgr()[..., ::-1])))
    assert result.exit_code == 0, result.output
    (entry,) = json.loads(result.stdout)["files"]
    assert entry["file"] == "standard input" and len(entry["faces"]) == 1


def test_the_files_say_what_made_them(analyze, photos, tmp_path) -> None:
    targets = {name: tmp_path / name for name in ("faces.csv", "files.csv", "faces.json")}
    analyze(
        *(photos / "one.png", photos / "wall.png", photos / "cut.png", "--threshold", "0.25", "--detector", "haar"),
        *("--csv", targets["faces.csv"], "--files-csv", targets["files.csv"], "--json", targets["faces.json"]),
    )
    about = json.loads(targets["faces.json"].read_bytes())["about"]
    bundle = load_bundle(tmp_path / "bundle")
    assert about["model_hash"] == bundle.hash and about["model"] == tmp_path.name
    assert (about["detector"], about["confidence_threshold"], about["crop_scale"]) == ("haar", 0.25, 1.0)
    files = list(csv.DictReader(io.StringIO(targets["files.csv"].read_text("utf-8"))))
    assert [(Path(row["file"]).name, row["faces"]) for row in files] == [
        ("one.png", "1"),
        ("wall.png", "0"),
        ("cut.png", ""),
    ]
    assert "damaged" in files[2]["error"]
    for row in (*files, *csv.DictReader(io.StringIO(targets["faces.csv"].read_text("utf-8")))):
        assert row["model_hash"] == bundle.hash and row["date"] == about["date"]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_table_shows_reasons_and_candidates_and_cuts_no_expression(photos, monkeypatch, columns) -> None:
    stream = io.StringIO()
    unsure = Face(
        (178, 63, 90, 113),
        np.array([0.05, 0.05, 0.3, 0, 0.1, 0.45, 0.05], np.float32),
        confidence_threshold=0.6,
        flaws=("the face is blurred", "the picture is noisy"),
        candidates=("surprise", "fear"),
    )
    sure = replace(unsure, confidence_threshold=0.4)
    console = Console(file=stream, force_terminal=True, width=columns, color_system=None)
    module._print_table([ImageAnalysis("holiday.png", 512, 512, (unsure, sure))], console)
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= columns
    words = " ".join(stream.getvalue().replace("│", " ").split())
    assert "not sure" in words and "surprised" in words and "blurred" in words
    assert ("178 63 90 113" in words) is (columns == 120)
    if columns == 120:
        assert "blurred; the picture is noisy; surprise or fear?" in words
