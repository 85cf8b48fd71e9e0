"""Each measure rises with its fault, and the reasons name it."""

import tracemalloc

import cv2
import numpy as np
import pytest

from fer.evaluation.robustness import LOWER_COVERS, STRENGTHS, TRANSFORMS
from fer.paths import CHECKOUT
from fer.results import QUALITY, QUALITY_IN_WORDS
from fer.vision.crops import crop_faces
from fer.vision.quality import MEASURES, measure, objections, reasons
from tests.support.builders import portrait_bgr

PLACE = {item.name: place for place, item in enumerate(MEASURES)}
CORRUPTED = {transform.name: transform for transform in (*TRANSFORMS, *LOWER_COVERS, *STRENGTHS)}


def face() -> np.ndarray:
    """Return the sample portrait's face, (48, 48) uint8."""
    crop: np.ndarray = crop_faces(portrait_bgr(), [(175, 60, 100, 130)], 1.0)[0, ..., 0]
    return crop


@pytest.mark.parametrize(
    ("corruption", "measures"),
    [
        ("blur", ("blur", "softness")),
        ("small", ("blur",)),
        ("noise", ("noise",)),
        ("covered", ("cover",)),
        ("left_black", ("cover", "hidden")),
        ("striped", ("hidden",)),
        ("under_cloth", ("hidden",)),
        ("jpeg_10", ("blocks",)),
        ("dark", ("darkness",)),
        ("bright", ("brightness",)),
    ],
)
def test_a_fault_raises_its_measure(corruption: str, measures: tuple[str, ...]) -> None:
    clean, corrupted = measure(np.stack([face(), CORRUPTED[corruption].apply(face(), 0)]))
    for name in measures:
        assert corrupted[PLACE[name]] > clean[PLACE[name]] + 0.1, name


def test_many_faces_are_measured_as_each_alone_in_little_memory() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (1500, 48, 48, 1), np.uint8)
    crops[::2, :24] = 90
    measure(crops[:1])  # reads the network
    tracemalloc.start()
    try:
        measures = measure(crops)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert measures.shape == (1500, len(MEASURES)) and measures.dtype == np.float32
    for place in (0, 255, 256, 777, 1499):
        assert measures[place] == pytest.approx(measure(crops[place : place + 1])[0], rel=1e-3, abs=1e-3)
    # All at once would take 98 kB for each face.
    assert peak < 1500 * 40_000


def test_stronger_noise_and_blur_measure_more() -> None:
    weak, middle, strong = measure(
        np.stack([CORRUPTED[name].apply(face(), 0) for name in ("noise_little", "noise", "noise_much")])
    )[:, PLACE["noise"]]
    assert weak < middle < strong
    little, much = measure(np.stack([CORRUPTED[name].apply(face(), 0) for name in ("blurred_little", "blurred_much")]))
    assert little[PLACE["softness"]] < much[PLACE["softness"]]


@pytest.mark.parametrize("start", range(8))
def test_blocks_are_found_wherever_their_grid_begins(start: int) -> None:
    blocks = np.kron(np.random.default_rng(0).integers(60, 200, (8, 8)), np.ones((8, 8))).astype(np.uint8)
    crop = blocks[start : start + 48, start : start + 48]
    assert measure(crop[None])[0, PLACE["blocks"]] > 2


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_flat_face_has_finite_measures(grey: int) -> None:
    values = measure(np.full((1, 48, 48, 1), grey, np.uint8))
    assert values.shape == (1, len(MEASURES)) and values.dtype == np.float32 and np.isfinite(values).all()


def test_no_faces_have_no_measures() -> None:
    assert measure(np.empty((0, 48, 48, 1), np.uint8)).shape == (0, len(MEASURES))


def test_a_good_face_has_no_flaws() -> None:
    assert reasons(measure(face()[None])[0]) == ()


@pytest.mark.parametrize(
    ("corruption", "reason"),
    [
        ("blurred_much", "the face is blurred"),
        ("noise", "the picture is noisy"),
        ("covered", "part of the face seems to be covered"),
        ("striped", "part of the face seems to be covered"),
        ("jpeg_10", "the picture is heavily compressed"),
    ],
)
def test_a_reason_is_given_once(corruption: str, reason: str) -> None:
    found = reasons(measure(CORRUPTED[corruption].apply(face(), 0)[None])[0])
    assert found.count(reason) == 1


WHOLE = (1000, 800)


@pytest.mark.parametrize(
    ("box", "doubts", "flaws"),
    [
        ((100, 100, 18, 22), ("the face is only 18 pixels wide",), ()),
        ((100, 100, 20.4, 26), (), ("the face is only 20 pixels wide",)),
        ((100, 100, 26, 30), (), ("the face is only 26 pixels wide",)),
        ((100, 100, 34, 26), (), ("the face is only 26 pixels wide",)),
        ((100, 100, 60, 70), (), ()),
        ((-20, 100, 100, 100), (), ("the face is cut off by the edge of the picture",)),
        ((100, 750, 100, 100), ("the face is cut off by the edge of the picture",), ()),
        ((-3, 100, 100, 100), (), ()),
    ],
)
def test_size_and_place_in_the_picture(box: tuple[float, ...], doubts: tuple[str], flaws: tuple[str]) -> None:
    found = objections(face(), box, WHOLE)
    assert (found.doubts, found.flaws) == (doubts, flaws)


def test_a_face_without_contrast_is_doubted_and_a_faint_one_is_not() -> None:
    faint = cv2.convertScaleAbs(face(), alpha=0.3, beta=80)
    assert objections(faint, (100, 100, 60, 70), WHOLE).doubts == ()
    flat = np.full((48, 48, 1), 90, np.uint8)
    found = objections(flat, (100, 100, 60, 70), WHOLE)
    assert found.doubts == ("the face has almost no contrast",) and "the face has little contrast" not in found.flaws


def test_the_measures_are_told_by_the_names_that_files_have() -> None:
    assert tuple(measure.name for measure in MEASURES) == QUALITY
    crop = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    assert objections(crop, (100, 100, 60, 70), WHOLE).measures == tuple(measure(crop[None])[0].tolist())


def test_the_docs_say_what_each_measure_means_and_its_limit() -> None:
    text = (CHECKOUT / "docs" / "photos.md").read_text("utf-8")
    for item in MEASURES:
        assert f"| `{item.name}` | {QUALITY_IN_WORDS[item.name]} | {item.limit:g} |" in text


@pytest.mark.parametrize(
    ("outside", "doubts", "flaws"),
    [
        ((), (), ()),
        (((0, 0),), (), ("the face is cut off by the edge of the picture",)),
        (((0, 0), (1, 0)), ("the face is cut off by the edge of the picture",), ()),
        (((0, 1), (1, 1)), ("the face is cut off by the edge of the picture",), ()),
    ],
)
def test_a_face_without_an_eye_is_cut_off_and_without_both_never_answered(
    outside: tuple[tuple[int, int], ...], doubts: tuple[str, ...], flaws: tuple[str, ...]
) -> None:
    landmarks = np.array([(120, 140), (160, 140), (140, 160), (125, 180), (155, 180)], np.float32)
    for index, axis in outside:
        landmarks[index, axis] = 1
    found = objections(face(), (100, 100, 90, 100), WHOLE, landmarks_xy=landmarks)
    assert (found.doubts, found.flaws) == (doubts, flaws)


@pytest.mark.parametrize(
    ("worse", "said"),
    [
        (("cover", "blocks"), "part of the face seems to be covered"),
        (("cover", "hidden", "blocks"), "part of the face seems to be covered"),
        (("hidden",), "part of the face seems to be covered"),
        (("darkness", "flatness"), "the face is dark"),
        (("brightness", "flatness"), "the face is very bright"),
        (("blocks",), "the picture is heavily compressed"),
        (("flatness",), "the face has little contrast"),
    ],
)
def test_what_goes_without_saying_is_not_said(worse: tuple[str, ...], said: str) -> None:
    values = np.array([item.limit - 1 for item in MEASURES], np.float32)
    for name in worse:
        values[PLACE[name]] += 2
    assert reasons(values) == (said,)
