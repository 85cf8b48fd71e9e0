import numpy as np
import pandas as pd
import pytest

from fer.emotions import EMOTIONS
from fer.results import FILE_COLUMNS, FRAME_COLUMNS, Face, ImageAnalysis, Pose, faces_frame, files_frame

BOX = (-3, 4, 50, 60)
LANDMARKS = ((10.0, 20.0), (30.0, 20.126), (20.0, 30.0), (12.0, 44.0), (28.0, 44.0))
PROBABILITIES = (0.05, 0.02, 0.03, 0.6, 0.1, 0.15, 0.05)


def face(**changes: object) -> Face:
    values = {
        "box_xywh": BOX,
        "probabilities": np.array(PROBABILITIES, np.float32),
        "confidence_threshold": 0.5,
        **changes,
    }
    return Face(**values)


def test_a_face_names_its_most_probable_class() -> None:
    happy = face()
    assert happy.emotion == "happy" and happy.confidence == pytest.approx(0.6)
    assert happy.sure and happy.looks == "looks happy"


@pytest.mark.parametrize("index", range(7))
def test_probabilities_are_in_the_order_of_the_classes(index: int) -> None:
    one_hot = face(probabilities=np.eye(7)[index])
    assert one_hot.emotion == EMOTIONS[index]
    assert one_hot.to_dict()["probabilities"][EMOTIONS[index]] == 1.0


@pytest.mark.parametrize(("confidence_threshold", "sure"), [(0.0, True), (0.59, True), (0.61, False), (1.0, False)])
def test_a_face_is_sure_from_its_threshold_upward(confidence_threshold: float, sure: bool) -> None:
    found = face(confidence_threshold=confidence_threshold)
    assert found.sure is sure
    assert found.looks == ("looks happy" if sure else "not sure")


def test_confidence_at_the_threshold_is_sure() -> None:
    assert face(probabilities=np.array([0.5, 0.5, 0, 0, 0, 0, 0]), confidence_threshold=0.5).sure


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"probabilities": np.full(6, 1 / 6)}, r"\(7,\).*\(6,\)"),
        ({"probabilities": np.full((1, 7), 1 / 7)}, r"\(1, 7\)"),
        ({"probabilities": np.full(7, 0.2)}, "sum to 1"),
        ({"probabilities": np.array([1.2, -0.2, 0, 0, 0, 0, 0])}, "0 or more"),
        ({"probabilities": np.full(7, np.nan)}, "sum to 1"),
        ({"box_xywh": (1, 2, 0, 5)}, "width > 0"),
        ({"box_xywh": (1, 2, 5, -1)}, "height > 0"),
        ({"box_xywh": (1, 2, 3)}, "width > 0"),
        ({"landmarks": LANDMARKS[:4]}, "5 pairs"),
        ({"landmarks": tuple((x, y, 0.9) for x, y in LANDMARKS)}, "5 pairs"),
        ({"candidates": ("happy", "joyful")}, "names of"),
        ({"quality": (1.0, 2.0)}, "9 numbers"),
    ],
)
def test_an_impossible_face_is_refused(changes: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        face(**changes)


def test_a_face_keeps_a_read_only_copy() -> None:
    given = np.array(PROBABILITIES, np.float32)
    found = face(probabilities=given)
    given[:] = 0
    assert found.probabilities.sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="read-only"):
        found.probabilities[0] = 1


def test_a_face_as_json_values() -> None:
    values = face(box_xywh=tuple(np.array(BOX, np.int64))).to_dict()
    assert values == {
        "box": [-3, 4, 50, 60],
        "label": "happy",
        "emotion": "happy",
        "confidence": 0.6,
        "sure": True,
        "probabilities": dict(zip(EMOTIONS, PROBABILITIES, strict=True)),
        "valence": 0.5,
        "landmarks": None,
        "pose": None,
        "quality": None,
        "reasons": [],
        "candidates": [],
    }
    assert all(type(value) is int for value in values["box"])


def test_pose_doubts_and_candidates_as_json_values() -> None:
    values = face(
        landmarks=LANDMARKS, pose=Pose(-12.34, 5, 179.96), doubts=("it is dark",), candidates=("happy", "neutral")
    ).to_dict()
    assert values["landmarks"] == [[10, 20], [30, 20.13], [20, 30], [12, 44], [28, 44]]
    assert values["pose"] == {"yaw": -12.3, "pitch": 5, "roll": 180.0}
    assert values["reasons"] == ["it is dark"] and values["candidates"] == ["happy", "neutral"]


def test_a_doubt_makes_a_confident_face_unsure() -> None:
    doubted = face(doubts=("the face is only 18 pixels wide",))
    assert doubted.confidence > doubted.confidence_threshold and not doubted.sure and doubted.looks == "not sure"


def test_a_flaw_is_told_whether_the_face_is_sure_or_not() -> None:
    blurred = ("the face is blurred",)
    sure, unsure = face(flaws=blurred), face(flaws=blurred, confidence_threshold=0.9)
    assert sure.sure and sure.details == "" and sure.label == "happy"
    assert not unsure.sure and unsure.details == "Not sure: the face is blurred." and unsure.label == "not sure"
    for found in (sure, unsure):
        assert found.reasons == blurred and found.to_dict()["reasons"] == list(blurred)
        assert ImageAnalysis("a.png", 9, 9, (found,)).to_frame()["reasons"].tolist() == ["the face is blurred"]


@pytest.mark.parametrize(
    ("probabilities", "valence"),
    [
        ((0.1, 0.1, 0.1, 0.1, 0.4, 0.1, 0.1), -0.3),
        ((0.5, 0, 0, 0.2, 0.3, 0, 0), -0.3),
        ((0, 0.25, 0.25, 0.5, 0, 0, 0), 0.25),
        ((0, 0, 0, 0.3, 0, 0.4, 0.3), 0.3),  # surprise and neutral are not negative
        ((0, 0, 0, 0, 0, 0.5, 0.5), 0),
    ],
)
def test_valence_is_happy_minus_the_strongest_negative(probabilities: tuple[float, ...], valence: float) -> None:
    assert face(probabilities=np.array(probabilities)).valence == pytest.approx(valence)


def test_a_table_groups_by_what_faces_count_as() -> None:
    unsure = face(confidence_threshold=0.9)
    table = faces_frame([ImageAnalysis("a.png", 9, 9, (face(), unsure)), ImageAnalysis("b.png", 9, 9, (face(),))])
    assert table.groupby("label").size().to_dict() == {"happy": 2, "not sure": 1}
    assert set(table["emotion"]) == {"happy"}


def test_a_table_of_files_has_those_without_a_face_and_those_that_failed() -> None:
    unsure = face(confidence_threshold=0.9)
    table = files_frame(
        [
            ImageAnalysis("two.png", 640, 480, (face(), unsure), note="10 bits."),
            ImageAnalysis("none.png", 64, 48),
            ImageAnalysis.failed("bad.png", "It is damaged."),
        ]
    )
    assert tuple(table.columns) == FILE_COLUMNS
    assert table["faces"].tolist() == [2, 0, pd.NA] and table["width"].tolist() == [640, 64, pd.NA]
    assert table.loc[0, ["happy", "not sure", "sad"]].tolist() == [1, 1, 0]  # type: ignore[operator]
    assert table["error"].tolist() == ["", "", "It is damaged."] and table["note"].tolist() == ["10 bits.", "", ""]
    assert len(files_frame([])) == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "Not sure."),
        ({"doubts": ("it is small",)}, "Not sure: it is small."),
        ({"doubts": ("it is small",), "flaws": ("it is dark", "it is small")}, "Not sure: it is small and it is dark."),
        (
            {"flaws": ("it is small", "it is dark", "it is blurred")},
            "Not sure: it is small, it is dark and it is blurred.",
        ),
        ({"candidates": ("happy", "sad")}, "Not sure. Perhaps happy or sad."),
        ({"candidates": ("happy", "sad", "fear", "angry")}, "Not sure."),
    ],
)
def test_why_a_face_is_unsure_and_what_it_may_be(changes: dict, sentence: str) -> None:
    assert face(confidence_threshold=0.9, **changes).details == sentence


@pytest.mark.parametrize("angles", [(181, 0, 0), (0, float("nan"), 0), (0, 0, float("-inf"))])
def test_an_impossible_pose_is_refused(angles: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match=r"-180\.\.180"):
        Pose(*angles)


def test_an_analysis_as_json_values() -> None:
    assert ImageAnalysis("a.png", 640, 480).to_dict() == {
        "file": "a.png",
        "width": 640,
        "height": 480,
        "faces": [],
        "error": None,
        "note": None,
    }
    assert ImageAnalysis.failed("b.png", "It is damaged.").to_dict() == {
        "file": "b.png",
        "width": None,
        "height": None,
        "faces": [],
        "error": "It is damaged.",
        "note": None,
    }


@pytest.mark.parametrize(
    "values",
    [{}, {"width": 10}, {"width": 0, "height": 5}, {"width": 4, "height": 4, "error": "x", "faces": (face(),)}],
)
def test_an_analysis_has_a_size_or_an_error_but_never_faces_with_an_error(values: dict) -> None:
    with pytest.raises(ValueError, match=r"a\.png"):
        ImageAnalysis("a.png", **values)


def test_a_name_that_is_not_valid_text_is_escaped() -> None:
    named = ImageAnalysis.failed("caf\udce9.jpg", "x")
    assert named.file == "caf\\udce9.jpg"
    assert ImageAnalysis.failed("café.jpg", "x").file == "café.jpg"


def test_a_table_has_one_row_per_face() -> None:
    analyses = [
        ImageAnalysis("a.png", 640, 480, (face(), face(box_xywh=(100, 4, 9, 8), confidence_threshold=0.9))),
        ImageAnalysis("none.png", 640, 480),
        ImageAnalysis.failed("bad.png", "It is damaged."),
        ImageAnalysis("z.png", 64, 48, (face(),)),
    ]
    table = faces_frame(analyses)
    assert tuple(table.columns) == FRAME_COLUMNS
    assert table[["file", "face", "x", "width", "sure"]].values.tolist() == [
        ["a.png", 1, -3, 50, True],
        ["a.png", 2, 100, 9, False],
        ["z.png", 1, -3, 50, True],
    ]
    np.testing.assert_allclose(table.loc[0, list(EMOTIONS)].astype(float), PROBABILITIES, atol=1e-6)
    pd.testing.assert_frame_equal(analyses[0].to_frame(), table[:2])


def test_a_table_has_pose_reasons_and_candidates() -> None:
    known = face(pose=Pose(-12.5, 5, 90), doubts=("it is dark", "it is blurred"), candidates=("happy", "neutral"))
    table = ImageAnalysis("a.png", 640, 480, (known, face())).to_frame()
    assert table.loc[0, ["yaw", "pitch", "roll", "reasons", "candidates"]].tolist() == [  # type: ignore[operator]
        *(-12.5, 5, 90, "it is dark; it is blurred", "happy or neutral")
    ]
    assert table.loc[1, ["yaw", "pitch", "roll"]].isna().all()  # type: ignore[operator]
    assert table.loc[1, ["reasons", "candidates"]].tolist() == ["", ""]  # type: ignore[operator]
    assert table["yaw"].dtype == np.float64


def test_an_empty_table_has_its_columns() -> None:
    assert tuple(faces_frame([]).columns) == FRAME_COLUMNS and len(faces_frame([])) == 0
