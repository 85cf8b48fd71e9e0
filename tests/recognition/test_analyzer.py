import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import fer.recognition
from fer.errors import BundleError, DetectorError, SlowModelError
from fer.paths import SHIPPED_BUNDLE
from fer.recognition import analyzer as module
from fer.recognition import face_temperature
from fer.recognition.analyzer import FaceAnalyzer, load_analyzer
from fer.recognition.bundle import load_bundle
from fer.recognition.candidates import ClassSets
from fer.recognition.classifier import EmotionClassifier
from fer.vision import detection, quality
from fer.vision.boxes import Detections
from fer.vision.detection import DETECTORS, create_detector
from tests.support.builders import encoded, group_bgr, make_bundle, portrait_bgr


class FixedDetector:
    """A detector that finds given boxes and records whether two threads ever used it at once."""

    name = "haar"

    def __init__(self, *boxes: tuple[float, float, float, float], crop_scale: float = 1.0) -> None:
        self.boxes = np.array(boxes, np.float32).reshape(-1, 4)
        self.crop_scale = crop_scale
        self.seen: list[tuple[int, ...]] = []
        self.crowded = False
        self._inside = 0

    def detect(self, image_bgr: np.ndarray) -> Detections:
        self._inside += 1
        self.crowded |= self._inside > 1
        self.seen.append(image_bgr.shape)
        time.sleep(0.001)
        self._inside -= 1
        return Detections.upright(self.boxes)

    def roll(self, image_bgr: np.ndarray, box_xywh: object) -> float:
        return 0.0


@pytest.fixture
def classifier(tmp_path: Path) -> EmotionClassifier:
    return EmotionClassifier(make_bundle(tmp_path / "bundle", confidence_threshold=0.6))


def striped(*grays: int, side: int = 100) -> np.ndarray:
    """Return a picture of squares in a row, each of one grey, (side, N * side, 3)."""
    return np.repeat(np.repeat(np.array([grays], np.uint8), side, axis=1), side, axis=0)[..., None].repeat(3, axis=2)


def test_faces_are_ordered_from_left_to_right_with_their_expressions(classifier: EmotionClassifier) -> None:
    detector = FixedDetector((210, 10, 80, 80), (10, 10, 80, 80), (110, 10, 80, 80))
    found = FaceAnalyzer(detector, classifier).analyze(striped(0, 128, 255), "three.png")
    assert (found.file, found.width, found.height, found.error) == ("three.png", 300, 100, None)
    assert [(face.box_xywh[0], face.emotion) for face in found.faces] == [
        (10, "angry"),
        (110, "happy"),
        (210, "neutral"),
    ]


def test_small_and_cut_off_faces_are_unsure_with_their_reason(classifier: EmotionClassifier) -> None:
    detector = FixedDetector((20, 10, 18, 20), (90, 20, 50, 50), (-40, 120, 80, 80))
    image_bgr = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    small, good, cut = FaceAnalyzer(detector, classifier).analyze(image_bgr).faces
    assert small.doubts == ("the face is only 18 pixels wide",) and not small.sure
    assert cut.doubts == ("the face is cut off by the edge of the picture",) and not cut.sure
    assert good.doubts == () and "the picture is noisy" in good.flaws


def test_candidates_come_from_the_models_sets_of_classes(tmp_path: Path) -> None:
    classifier = EmotionClassifier(make_bundle(tmp_path, sharpness=0.5, sets=ClassSets(0.9, 0.2)))
    detector = FixedDetector((10, 10, 80, 80))
    (found,) = FaceAnalyzer(detector, classifier).analyze(striped(106)).faces
    # A grey of 106 is 2.5, halfway between fear and happy.
    assert set(found.candidates) == {"fear", "happy"}


def test_all_faces_are_classified_in_one_call(classifier: EmotionClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    real = classifier.probabilities
    monkeypatch.setattr(
        classifier, "probabilities", lambda crops, **more: sizes.append(len(crops)) or real(crops, **more)
    )
    FaceAnalyzer(FixedDetector(*[(x, 0, 50, 50) for x in range(0, 100, 10)]), classifier).analyze(striped(9, 9))
    assert sizes == [10]


def test_each_face_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []
    real = quality.measure
    for place in (quality, module, face_temperature):
        monkeypatch.setattr(place, "measure", lambda crops: measured.append(len(crops)) or real(crops))
    shipped = EmotionClassifier(load_bundle(SHIPPED_BUNDLE))
    assert shipped.bundle.quality is not None
    faces = FaceAnalyzer(FixedDetector((0, 0, 50, 50), (120, 0, 50, 50)), shipped).analyze(striped(9, 200)).faces
    assert measured == [2]
    assert [face.quality[-2] for face in faces] == [9, 200]


def test_the_detectors_own_crop_rule_is_used(classifier: EmotionClassifier) -> None:
    image_bgr = np.zeros((200, 200, 3), np.uint8)
    image_bgr[75:125, 75:125] = 255
    box = (75, 75, 50, 50)
    tight = FaceAnalyzer(FixedDetector(box, crop_scale=1.0), classifier).analyze(image_bgr)
    wide = FaceAnalyzer(FixedDetector(box, crop_scale=2.0), classifier).analyze(image_bgr)
    # White alone is brightness 1, class 6; a quarter of white is 6 / 4, between classes 1 and 2.
    assert tight.faces[0].emotion == "neutral"
    assert wide.faces[0].emotion in ("disgust", "fear")
    assert tight.faces[0].box_xywh == wide.faces[0].box_xywh == box


def test_faces_have_the_models_threshold(classifier: EmotionClassifier) -> None:
    (between,) = FaceAnalyzer(FixedDetector((0, 0, 90, 90)), classifier).analyze(striped(21)).faces
    # With a lighter edge, because a face without contrast is never sure.
    dark = striped(0)
    dark[:20] = 20
    (clear,) = FaceAnalyzer(FixedDetector((0, 0, 90, 90)), classifier).analyze(dark).faces
    assert between.confidence_threshold == 0.6 and not between.sure and clear.sure


def test_boxes_are_whole_pixels_of_the_image_and_may_reach_over_its_edge(classifier: EmotionClassifier) -> None:
    detector = FixedDetector((-20.4, -3.6, 60.5, 70.4), (90.2, 90.2, 0.3, 0.4))
    faces = FaceAnalyzer(detector, classifier).analyze(striped(50)).faces
    assert [face.box_xywh for face in faces] == [(-20, -4, 60, 70), (90, 90, 1, 1)]


def test_an_image_without_faces_is_a_result(classifier: EmotionClassifier) -> None:
    found = FaceAnalyzer(FixedDetector(), classifier).analyze(striped(50))
    assert found.faces == () and found.error is None and found.width == 100


@pytest.mark.parametrize("name", DETECTORS)
def test_grey_images_give_the_same_as_their_colour_version(classifier: EmotionClassifier, name: str) -> None:
    analyzer = FaceAnalyzer(create_detector(name), classifier)
    gray = cv2.cvtColor(portrait_bgr(), cv2.COLOR_BGR2GRAY)
    from_gray = analyzer.analyze(gray)
    from_colour = analyzer.analyze(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR))
    assert len(from_gray.faces) == 1
    assert from_gray.to_dict() == from_colour.to_dict()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((5, 5, 1), np.uint8),
        np.zeros((5, 5, 3), np.float32),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros(5, np.uint8),
        np.zeros((1, 5, 5, 3), np.uint8),
    ],
    ids=lambda image: f"{image.dtype}{image.shape}",
)
def test_wrong_arrays_are_refused(classifier: EmotionClassifier, image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected uint8 \(H, W, 3\) or \(H, W\)\. Received"):
        FaceAnalyzer(FixedDetector(), classifier).analyze(image)


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 3000)])
def test_tiny_and_long_pictures_have_no_face(classifier: EmotionClassifier, name: str, size: tuple[int, int]) -> None:
    data = encoded(Image.effect_noise(size, 80))
    found = FaceAnalyzer(create_detector(name), classifier).analyze_bytes(data, "thin.png")
    assert (found.width, found.height, found.faces, found.error) == (*size, (), None)


def test_an_encoded_picture_is_analysed_upright(classifier: EmotionClassifier) -> None:
    analyzer = FaceAnalyzer(create_detector("yunet"), classifier)
    tall = np.vstack([portrait_bgr(), np.zeros((200, 512, 3), np.uint8)])
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.fromarray(np.ascontiguousarray(tall[..., ::-1])).transpose(Image.Transpose.ROTATE_90)
    turned = analyzer.analyze_bytes(encoded(stored, "PNG", exif=exif), "turned.png")
    assert (turned.width, turned.height) == (512, 712)
    assert turned.to_dict()["faces"] == analyzer.analyze(tall).to_dict()["faces"] and len(turned.faces) == 1


def test_unreadable_files_are_results_with_a_reason(classifier: EmotionClassifier, tmp_path: Path) -> None:
    detector = FixedDetector((0, 0, 5, 5))
    analyzer = FaceAnalyzer(detector, classifier)
    for found in (
        analyzer.analyze_bytes(b"rubbish", "bad.jpg"),
        analyzer.analyze_bytes(b"", "bad.jpg"),
        analyzer.analyze_file(tmp_path / "bad.jpg"),
        analyzer.analyze_file(tmp_path),
    ):
        assert found.error and found.error.endswith(".") and found.faces == () and found.width is None
    assert detector.seen == []


def test_a_stopped_model_is_not_reported_as_a_fault_of_the_file(
    classifier: EmotionClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "_too_slow", True)
    with pytest.raises(SlowModelError):
        FaceAnalyzer(FixedDetector((0, 0, 5, 5)), classifier).analyze_bytes(encoded(Image.new("RGB", (30, 20))), "a")


def test_a_file_is_analysed_under_its_path(classifier: EmotionClassifier, tmp_path: Path) -> None:
    file = tmp_path / "photo.txt"
    file.write_bytes(encoded(Image.new("RGB", (30, 20))))
    found = FaceAnalyzer(FixedDetector(), classifier).analyze_file(file)
    assert (found.file, found.width, found.height) == (str(file), 30, 20)
    assert FaceAnalyzer(FixedDetector(), classifier).analyze_file(str(file)) == found


def test_threads_use_the_detector_one_at_a_time(classifier: EmotionClassifier) -> None:
    detector = FixedDetector((10, 10, 80, 80))
    analyzer = FaceAnalyzer(detector, classifier)
    wrong: list[int] = []

    def work(gray: int, emotion: str) -> None:
        for _ in range(15):
            if analyzer.analyze(striped(gray)).faces[0].emotion != emotion:
                wrong.append(gray)

    threads = [threading.Thread(target=work, args=item) for item in ((0, "angry"), (128, "happy"), (255, "neutral"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and not detector.crowded and len(detector.seen) == 45


def test_by_default_yunet_finds_every_face_of_a_group(tmp_path: Path) -> None:
    analyzer = fer.recognition.load_analyzer(make_bundle(tmp_path).path)
    assert analyzer.detector.name == "yunet"
    found = analyzer.analyze(group_bgr(4, 3, side=160))
    assert len(found.faces) == 12 and len(found.to_frame()) == 12


def test_the_shipped_model_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = make_bundle(tmp_path / "shipped")
    monkeypatch.setattr(module, "SHIPPED_BUNDLE", shipped.path)
    assert load_analyzer().classifier.bundle.path == shipped.path
    assert load_analyzer(str(make_bundle(tmp_path / "own").path)).classifier.bundle.path == tmp_path / "own"


def test_haar_is_used_if_yunets_file_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "yunet_file", lambda: None)
    bundle = make_bundle(tmp_path)
    assert load_analyzer(bundle.path).detector.name == "haar"
    with pytest.raises(DetectorError):
        load_analyzer(bundle.path, "yunet")


def test_what_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="nowhere"):
        load_analyzer(tmp_path / "nowhere")
    with pytest.raises(DetectorError, match="mtcnn"):
        load_analyzer(make_bundle(tmp_path).path, "mtcnn")


def test_yunet_has_landmarks_and_pose_and_haar_has_neither(classifier: EmotionClassifier) -> None:
    (face,) = FaceAnalyzer(create_detector("yunet"), classifier).analyze(portrait_bgr()).faces
    assert face.landmarks is not None and face.pose is not None
    (right_eye, left_eye, nose, *_) = face.landmarks
    assert right_eye[0] < nose[0] < left_eye[0] and nose[1] > max(right_eye[1], left_eye[1])
    assert face.pose.roll == face.roll == 0 and face.doubts == ()
    (face,) = FaceAnalyzer(create_detector("haar"), classifier).analyze(portrait_bgr()).faces
    assert face.landmarks is None and face.pose is None and face.roll == 0


def test_the_crop_of_a_face_can_be_cut_out_again(classifier: EmotionClassifier) -> None:
    analyzer = FaceAnalyzer(create_detector("yunet"), classifier)
    sideways = np.ascontiguousarray(np.rot90(portrait_bgr()))
    (upright,), (turned,) = analyzer.analyze(portrait_bgr()).faces, analyzer.analyze(sideways).faces
    assert turned.roll == pytest.approx(-90, abs=12)
    one, other = analyzer.crops(portrait_bgr(), [upright])[0], analyzer.crops(sideways, [turned])[0]
    np.testing.assert_allclose(classifier.probabilities(other[None])[0], turned.probabilities, atol=1e-6)
    # The same face, upright in both crops: far more similar to each other than to the unturned face.
    apart = np.abs(one.astype(int) - other).mean()
    assert apart < 0.5 * np.abs(one.astype(int) - np.rot90(other)).mean()


def test_a_face_turned_away_is_not_sure_and_says_why(classifier: EmotionClassifier) -> None:
    class Aside(FixedDetector):
        def detect(self, image_bgr: np.ndarray) -> Detections:
            # Eyes close together, the nose far to the right of both.
            landmarks = np.array([[[40, 40], [52, 40], [66, 55], [42, 70], [50, 70]]], np.float32)
            return Detections.upright(self.boxes, landmarks_xy=landmarks)

    (face,) = FaceAnalyzer(Aside((10, 10, 80, 80)), classifier).analyze(striped(0)).faces
    assert face.pose is not None and face.pose.yaw > 50
    assert face.confidence > face.confidence_threshold and not face.sure
    # A plain face also has no contrast, which is another doubt.
    assert face.doubts[-1] == "the face is turned too far to the side"
