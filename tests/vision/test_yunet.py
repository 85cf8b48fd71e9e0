from pathlib import Path

import cv2
import numpy as np
import pytest

from fer.paths import SHIPPED_BUNDLE
from fer.vision.detection import create_detector, yunet_file
from fer.vision.yunet import YuNet
from tests.support.builders import group_bgr, portrait_bgr


@pytest.fixture(scope="module")
def file() -> Path:
    found = yunet_file()
    assert found
    return found


@pytest.mark.parametrize("size", [(640, 480), (320, 240), (333, 271), (640, 300)])
def test_it_finds_what_opencv_finds(file: Path, size: tuple[int, int]) -> None:
    image_bgr = cv2.resize(group_bgr(4, 3, side=160), size, interpolation=cv2.INTER_AREA)
    opencv = cv2.FaceDetectorYN.create(str(file), "", size, 0.6)
    _, rows = opencv.detect(image_bgr)
    assert rows is not None
    found = create_detector("yunet", side=640).detect(image_bgr)
    assert found.landmarks_xy is not None
    ours, theirs = np.argsort(found.boxes_xywh[:, :2].sum(axis=1)), np.argsort(rows[:, :2].sum(axis=1))
    np.testing.assert_allclose(found.boxes_xywh[ours], rows[theirs, :4], atol=0.1)
    np.testing.assert_allclose(found.scores[ours], rows[theirs, 14], atol=1e-3)
    np.testing.assert_allclose(found.landmarks_xy[ours].reshape(-1, 10), rows[theirs, 4:14], atol=0.1)


def test_a_face_has_overlapping_candidates_and_more_below_a_lower_score(file: Path) -> None:
    network = YuNet(file)
    found = network.candidates(portrait_bgr(), 0.5)
    boxes, scores = found.boxes_xywh, found.scores
    assert boxes.shape == (len(scores), 4) and len(scores) > 1
    assert boxes.dtype == scores.dtype == np.float32
    assert scores.min() >= 0.5 and scores.max() <= 1
    assert np.ptp(boxes[:, :2], axis=0).max() < 60, "one face, so one place"
    assert len(network.candidates(portrait_bgr(), 0.1)) > len(scores)


@pytest.mark.parametrize("shape", [(1, 1), (31, 33), (32, 32), (1, 640)])
def test_images_of_any_size_work(file: Path, shape: tuple[int, int]) -> None:
    found = YuNet(file).candidates(np.full((*shape, 3), 200, np.uint8), 0.0)
    # Every place it searches, in whole squares of 32.
    squares = -(-shape[0] // 32) * -(-shape[1] // 32)
    assert len(found) == squares * (16 + 4 + 1)
    assert np.isfinite(found.boxes_xywh).all() and np.isfinite(found.landmarks_xy).all()


def test_a_grey_image_is_searched_as_the_same_one_in_three_channels(file: Path) -> None:
    network, grey = YuNet(file), cv2.cvtColor(portrait_bgr(), cv2.COLOR_BGR2GRAY)
    found, expected = network.candidates(grey, 0.3), network.candidates(cv2.merge([grey] * 3), 0.3)
    assert len(found) > 1
    np.testing.assert_array_equal(found.boxes_xywh, expected.boxes_xywh)
    np.testing.assert_array_equal(found.scores, expected.scores)


@pytest.mark.parametrize("damage", [b"", b"damaged", None])
def test_another_file_is_refused(file: Path, tmp_path: Path, damage: bytes | None) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(file.read_bytes()[:1000] if damage is None else damage)
    with pytest.raises(ValueError, match=r"other\.onnx' can't be read"):
        YuNet(other)


def test_another_network_is_refused() -> None:
    with pytest.raises(ValueError, match="isn't YuNet"):
        YuNet(SHIPPED_BUNDLE / "model.onnx")
