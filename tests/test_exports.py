import csv
import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fer import __version__, exports
from fer.emotions import EMOTIONS
from fer.provenance import PROVENANCE_COLUMNS, Accuracy, Provenance
from fer.results import FILE_COLUMNS, FRAME_COLUMNS, Face, ImageAnalysis
from fer.vision import images
from tests.support.builders import encoded

ABOUT = Provenance(
    model="First try",
    model_hash="0123456789abcdef",
    detector="yunet",
    confidence_threshold=0.5,
    crop_scale=1.1,
    candidate_coverage=0.9,
    accuracy=Accuracy(0.7, "test", "fer2013.csv", 3589),
    weights="float32",
    date="2026-11-29T10:00:00+00:00",
)
ABOUT_VALUES = [
    "First try",
    "0123456789abcdef",
    "yunet",
    0.5,
    "crop_scale=1.1; weights=float32",
    __version__,
    "2026-11-29T10:00:00+00:00",
]


def face(emotion: str = "happy", confidence: float = 0.82, box: tuple[int, int, int, int] = (10, 12, 40, 44)) -> Face:
    probabilities = np.full(7, (1 - confidence) / 6, np.float32)
    probabilities[EMOTIONS.index(emotion)] = confidence
    return Face(box, probabilities, confidence_threshold=0.5)


def analysis(file: str, *faces: Face) -> ImageAnalysis:
    return ImageAnalysis(file, width=120, height=90, faces=faces)


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_csv_has_a_row_per_face() -> None:
    data = exports.to_csv(
        [
            analysis("two.jpg", face(), face("sad", 0.4, (60, 5, 20, 22))),
            analysis("none.jpg"),
            ImageAnalysis.failed("bad.jpg", "It is damaged; choose another."),
        ],
        ABOUT,
    )
    table = pd.read_csv(io.BytesIO(data))
    assert tuple(table.columns) == (*FRAME_COLUMNS, *PROVENANCE_COLUMNS)
    assert table[["file", "face", "x", "y", "width", "height", "label", "emotion", "sure"]].values.tolist() == [
        ["two.jpg", 1, 10, 12, 40, 44, "happy", "happy", True],
        ["two.jpg", 2, 60, 5, 20, 22, "not sure", "sad", False],
    ]
    np.testing.assert_allclose(table[list(EMOTIONS)].sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(table["confidence"], [0.82, 0.4], atol=1e-6)
    for _, row in table.iterrows():
        assert row[list(PROVENANCE_COLUMNS)].tolist() == ABOUT_VALUES


def test_groups_are_a_column_of_the_tables_and_a_value_in_json() -> None:
    analyses = [analysis("a.jpg", face(), face()), analysis("b.jpg"), ImageAnalysis.failed("bad.jpg", "Damaged.")]
    groups = {"a.jpg": "=calm", "b.jpg": "loud"}
    faces, files = (make(analyses, ABOUT, groups) for make in (exports.to_csv, exports.to_files_csv))
    assert [(row["file"], row["group"]) for row in rows(faces)] == [("a.jpg", "'=calm")] * 2
    assert [(row["file"], row["group"]) for row in rows(files)] == [
        ("a.jpg", "'=calm"),
        ("b.jpg", "loud"),
        ("bad.jpg", ""),
    ]
    told = json.loads(exports.to_json(analyses, ABOUT, groups))["files"]
    assert [file["group"] for file in told] == ["=calm", "loud", None] and len(told[0]["faces"]) == 2


@pytest.mark.parametrize("analyses", [[], [analysis("none.jpg")]])
def test_csv_without_faces_has_only_the_header(analyses: list[ImageAnalysis]) -> None:
    assert exports.to_csv(analyses, ABOUT).decode() == ",".join((*FRAME_COLUMNS, *PROVENANCE_COLUMNS)) + "\n"


@pytest.mark.parametrize(
    "name",
    [
        "=1+1.png",
        "+1.png",
        "-1.png",
        "@SUM(A1).png",
        "\t=1.png",
        "\r=1.png",
        "\n=1.png",
        " =1.png",
        "＝1.png",
        "%0A.png",
    ],
)
def test_a_name_is_never_a_formula(name: str) -> None:
    (row,) = rows(exports.to_csv([analysis(name, face())], ABOUT))
    assert row["file"].startswith("'") and row["file"][1:].splitlines()[-1] == name.splitlines()[-1]


@pytest.mark.parametrize("name", ["me.png", "a-b=c.png", "1+1.png", "naïve ☺.png", 'a;b,"c".png', ""])
def test_a_harmless_name_is_unchanged(name: str) -> None:
    (row,) = rows(exports.to_csv([analysis(name, face())], ABOUT))
    assert row["file"] == name


def test_a_table_of_files_says_what_made_it_where_no_face_was_found() -> None:
    table = pd.read_csv(io.BytesIO(exports.to_files_csv([analysis("none.jpg"), analysis("=1.jpg", face())], ABOUT)))
    assert tuple(table.columns) == (*FILE_COLUMNS, *PROVENANCE_COLUMNS)
    assert table[["file", "faces", "happy"]].values.tolist() == [["none.jpg", 0, 0], ["'=1.jpg", 1, 1]]
    assert table.loc[0, list(PROVENANCE_COLUMNS)].tolist() == ABOUT_VALUES  # type: ignore[operator]


def test_a_model_s_name_is_never_a_formula() -> None:
    (row,) = rows(exports.to_csv([analysis("a.jpg", face())], replace(ABOUT, model="=1+1")))
    assert row["model"] == "'=1+1"


def test_json_says_what_made_it_and_has_an_object_a_file() -> None:
    content = json.loads(
        exports.to_json([analysis("naïve.jpg", face()), ImageAnalysis.failed("bad.jpg", "It is damaged.")], ABOUT)
    )
    assert list(content) == ["about", "files"]
    assert content["about"] == {
        "program": "fer-dashboard",
        "model": "First try",
        "model_hash": "0123456789abcdef",
        "detector": "yunet",
        "confidence_threshold": 0.5,
        "crop_scale": 1.1,
        "candidate_coverage": 0.9,
        "accuracy": {"value": 0.7, "split": "test", "dataset": "fer2013.csv", "n_faces": 3589},
        "settings": {},
        "weights": "float32",
        "date": "2026-11-29T10:00:00+00:00",
        "version": __version__,
    }
    entries = content["files"]
    assert [list(entry) for entry in entries] == [["file", "width", "height", "faces", "error", "note"]] * 2
    assert entries[0]["file"] == "naïve.jpg" and (entries[0]["width"], entries[0]["height"]) == (120, 90)
    (found,) = entries[0]["faces"]
    assert found["box"] == [10, 12, 40, 44] and found["emotion"] == "happy" and found["sure"] is True
    assert list(found["probabilities"]) == list(EMOTIONS)
    assert entries[1] == {
        "file": "bad.jpg",
        "width": None,
        "height": None,
        "faces": [],
        "error": "It is damaged.",
        "note": None,
    }
    assert json.loads(exports.to_json([], ABOUT))["files"] == []


def test_the_zip_contains_images_with_boxes() -> None:
    photo = encoded(Image.new("RGB", (120, 90), (90, 90, 90)))
    wide = encoded(Image.new("1", (1_000_001, 1)))
    made = exports.annotated_zip(
        [
            (photo, analysis("trip/me.png", face())),
            (photo, analysis("C:\\home\\ME.jpg")),
            (wide, replace(analysis("wide.png"), width=1_000_001, height=1)),
            (b"rubbish", ImageAnalysis.failed("bad.jpg", "It is damaged.")),
        ],
        ABOUT,
    )
    (failure,) = made.not_written
    assert failure.file == "wide.png" and "a side of 1,000,001 pixels" in str(failure.error)
    with zipfile.ZipFile(io.BytesIO(made.data)) as archive:
        assert archive.namelist() == ["me-annotated.jpg", "ME-annotated-2.jpg"]
        files = [archive.read(name) for name in archive.namelist()]
    drawn, plain = map(images.decode, files)
    assert [Image.open(io.BytesIO(file)).info["comment"].decode() for file in files] == [ABOUT.text] * 2
    assert drawn.shape == plain.shape == (90, 120, 3)
    assert np.abs(plain.astype(int) - 90).max() <= 2
    assert np.abs(drawn.astype(int) - 90).max() > 60


def test_an_image_too_long_for_jpeg_becomes_a_png() -> None:
    long = np.zeros((1, 65_600, 3), np.uint8)
    made = exports.annotated_image(long, ImageAnalysis("long.png", 65_600, 1), ABOUT)
    assert images.decode(made).shape == long.shape
    assert Image.open(io.BytesIO(made)).info["Comment"] == ABOUT.text


JPEG, PNG = b"\xff\xd8", b"\x89PNG"


@pytest.mark.parametrize(
    ("file", "picture", "name"),
    [
        ("me.png", JPEG, "me-annotated.jpg"),
        ("me.jpg", PNG, "me-annotated.png"),
        ("../../etc/passwd", JPEG, "passwd-annotated.jpg"),
        ("C:\\photos\\me.jpg", JPEG, "me-annotated.jpg"),
        ("\\\\server\\photos\\me.jpg", JPEG, "me-annotated.jpg"),
        ("photos/Andr\\udce9.jpg", JPEG, "Andr_udce9-annotated.jpg"),
        ("one\\two.jpg", JPEG, "one_two-annotated.jpg"),
        ('a<b>c:"d|e?f*.jpg', JPEG, "a_b_c__d_e_f_-annotated.jpg"),
        ("line\nbreak\x1b.jpg", JPEG, "line_break_-annotated.jpg"),
        ("", JPEG, "image-annotated.jpg"),
        ("..", JPEG, "image-annotated.jpg"),
    ],
)
def test_names_never_leave_their_folder_and_are_safe_everywhere(file: str, picture: bytes, name: str) -> None:
    assert exports.AnnotatedNames().next(file, picture) == name


def test_names_never_collide() -> None:
    names = exports.AnnotatedNames(["ME-annotated.jpg"])
    given = [names.next(file, JPEG) for file in ("me.png", "a/me.jpg", "Me.webp", "me-annotated.jpg")]
    assert given == [
        "me-annotated-2.jpg",
        "me-annotated-3.jpg",
        "Me-annotated-4.jpg",
        "me-annotated-annotated.jpg",
    ]
    long = [names.next("ü" * 300 + ".jpg", JPEG) for _ in range(2)]
    assert long[0] != long[1] and all(len(name.encode()) <= 255 for name in long)


@given(st.lists(st.text(min_size=1), min_size=2, max_size=20))
def test_any_names_give_distinct_names_that_every_file_system_accepts(files: list[str]) -> None:
    names = exports.AnnotatedNames()
    made = [names.next(ImageAnalysis(file, 1, 1).file, JPEG) for file in files]
    assert len({name.casefold() for name in made}) == len(files)
    for name in made:
        assert len(name.encode()) <= 255 and not name.startswith(".") and name.isprintable()
        assert not set(name) & set('<>:"|?*\\/')
