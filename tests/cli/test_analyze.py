"""`fer analyze`, as users type it."""

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from rich.console import Console

from fer.cli import analyze as module
from fer.cli import main
from fer.emotions import EMOTIONS
from fer.recognition.analyzer import FaceAnalyzer
from fer.recognition.bundle import load_bundle
from fer.results import Face, ImageAnalysis
from tests.support.builders import encoded, group_bgr, make_bundle, portrait_bgr


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Make a folder of two levels: one face, twelve small ones, none, and four kinds of unreadable files."""
    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    cv2.imwrite(str(folder / "one.png"), portrait_bgr())
    cv2.imwrite(str(folder / "deeper" / "group.jpg"), group_bgr(4, 3))
    cv2.imwrite(str(folder / "wall.png"), np.full((200, 300, 3), 90, np.uint8))
    (folder / "text.png").write_text("no picture")
    (folder / "cut.png").write_bytes(encoded(Image.new("RGB", (64, 64)))[:60])
    (folder / "nothing.jpg").touch()
    (folder / "deeper" / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "notes.txt").write_text("left out")
    return folder


def parsed(result: Result) -> dict[str, dict]:
    """Return the objects on standard output by file name, and fail if anything else was printed there."""
    entries = json.loads(result.stdout)["files"]
    assert len({entry["file"] for entry in entries}) == len(entries)
    return {Path(entry["file"]).name: entry for entry in entries}


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


def test_missing_paths_do_not_stop_the_others(analyze, photos, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    result = analyze(tmp_path / "gone.jpg", tmp_path / "empty", photos / "one.png", "--json", "-")
    entries = parsed(result)
    assert result.exit_code == 1
    assert len(entries["one.png"]["faces"]) == 1
    assert "cannot be read" in entries["gone.jpg"]["error"]
    assert "no image in this folder" in entries["empty"]["error"]


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
    rows = list(csv.DictReader(io.StringIO(target.read_text())))
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


def test_an_impossible_file_name_does_not_stop_the_others(analyze, photos) -> None:
    result = analyze("x" * 300 + ".png", photos / "one.png")
    assert result.exit_code == 1 and "looks like" in result.stdout.replace("\n", " ")
    assert "File name too long" in result.stderr and "1 photo, 1 face, 1 failed" in result.stderr


def test_annotated_images_are_not_analysed_the_next_time(analyze, photos) -> None:
    for _ in range(2):
        result = analyze(photos, "--annotated", photos / "out", "--json", "-")
        assert sorted(path.name for path in (photos / "out").iterdir()) == [
            "group-annotated.jpg",
            "one-annotated.jpg",
            "wall-annotated.jpg",
        ]
        assert len(parsed(result)) == 7


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--json", "-", "--csv", "-"], 2, "Standard output can hold --csv or --json, not both"),
        (["--json", "out", "--csv", "./out"], 2, "'out' can hold --csv or --json, not both"),
        (["--csv", "no/such/folder.csv"], 1, "there is no folder 'no/such'"),
        (["--json", "."], 1, "is a folder"),
        (["--json", "x" * 300], 1, "cannot be written (File name too long)"),
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


@pytest.mark.parametrize(
    "name", ["\x1b[31mred.png", "[bold red]markup.png", "line\nbreak.png", os.fsdecode(b"\xff.png")]
)
def test_control_characters_in_a_name_are_escaped(analyze, photos, tmp_path, name) -> None:
    file = tmp_path / name
    file.write_bytes((photos / "one.png").read_bytes())
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
    assert len((tmp_path / "faces.csv").read_text().splitlines()) == 2


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
    for name in (b"Andr\xe9.jpg", b"Ren\xe9.jpg", b"back\\slash.jpg"):
        (folder / os.fsdecode(name)).write_bytes(face)
    assert analyze(folder, "--annotated", tmp_path / "out").exit_code == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["Andr_udce9-annotated.jpg", "Ren_udce9-annotated.jpg", "back_slash-annotated.jpg"]


@pytest.mark.parametrize("name", ["photo.jfif", "photo.jpe", "photo.mpo", "photo", "photo.heic", "photo.dat"])
def test_photos_in_a_folder_are_recognised_by_their_content(analyze, tmp_path, name) -> None:
    heic = Path(__file__).parents[1] / "vision" / "pictures" / "portrait.heic"
    data = heic.read_bytes() if name.endswith("heic") else cv2.imencode(".jpg", portrait_bgr())[1].tobytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(data)
    (entry,) = parsed(analyze(tmp_path / "in", "--json", "-")).values()
    assert len(entry["faces"]) == 1 and entry["error"] is None


def test_assumptions_about_a_photo_are_reported(analyze, tmp_path) -> None:
    cv2.imwrite(str(tmp_path / "ten.png"), cv2.cvtColor(portrait_bgr(), cv2.COLOR_BGR2GRAY).astype(np.uint16) * 4)
    result = analyze(tmp_path / "ten.png", "--json", "-")
    (entry,) = parsed(result).values()
    assert len(entry["faces"]) == 1 and "only 10 seem to be in use" in entry["note"]
    assert entry["note"] in result.stderr


def test_quiet_prints_only_failures(analyze, photos) -> None:
    good = analyze(photos / "one.png", "--quiet")
    assert (good.exit_code, good.stdout, good.stderr) == (0, "", "")
    bad = analyze(photos / "one.png", photos / "nothing.jpg", "--quiet")
    assert bad.exit_code == 1 and bad.stdout == "" and bad.stderr.count("\n") == 1 and "nothing.jpg" in bad.stderr


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
    files = list(csv.DictReader(io.StringIO(targets["files.csv"].read_text())))
    assert [(Path(row["file"]).name, row["faces"]) for row in files] == [
        ("one.png", "1"),
        ("wall.png", "0"),
        ("cut.png", ""),
    ]
    assert "damaged" in files[2]["error"]
    for row in (*files, *csv.DictReader(io.StringIO(targets["faces.csv"].read_text()))):
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
