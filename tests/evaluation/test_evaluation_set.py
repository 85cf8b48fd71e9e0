"""The evaluated faces are the same from any source."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer.datasets.store.importing import import_path
from fer.datasets.store.loading import load_dataset
from fer.emotions import EMOTIONS
from fer.errors import DatasetError, EvaluationError, FerError
from fer.evaluation import photo_folders, store
from fer.evaluation.evaluation_result import evaluate_model
from fer.evaluation.evaluation_set import EvaluationSet, Source, default_split, load_evaluation_set, locate
from fer.evaluation.photo_folders import NO_FACE, has_photos
from fer.evaluation.robustness import measure_robustness
from fer.recognition.analyzer import FaceAnalyzer
from fer.vision.crops import crop_faces
from fer.vision.detection import create_detector, photo_detector_name
from tests.support.builders import portrait_bgr
from tests.support.evaluations import evaluation_set, grey_faces, tiny_classifier
from tests.support.forms import csv_lines, image_files, synthetic_faces, votes_lines, write_files, write_lines


def test_csv_and_folders_of_the_same_images_are_the_same_evaluation_set(tmp_path: Path) -> None:
    faces = synthetic_faces()
    table = write_lines(tmp_path / "fer2013.csv", csv_lines(faces))
    folders = write_files(tmp_path / "folders", image_files(faces))
    one, other = load_evaluation_set(Source(str(table))), load_evaluation_set(Source(str(folders)))
    assert one.split == other.split == "test"
    assert np.array_equal(one.faces.images, other.faces.images)
    assert np.array_equal(one.faces.labels, other.faces.labels)
    assert one.key == other.key == one.faces.fingerprint
    assert one.origins[0].startswith("line ") and other.origins[0].endswith(".png")


def test_each_face_has_its_own_origin(tmp_path: Path) -> None:
    faces = synthetic_faces()
    folders = write_files(tmp_path / "folders", image_files(faces))
    found = load_evaluation_set(Source(str(folders), split="train"))
    for image, label, origin in zip(found.faces.images, found.faces.labels, found.origins, strict=True):
        assert origin.startswith(f"train/{EMOTIONS[label]}/")
        assert np.array_equal(cv2.imread(str(folders / origin), cv2.IMREAD_GRAYSCALE), image)


@pytest.mark.parametrize(
    ("sizes", "split"), [((7, 7, 7), "test"), ((7, 7, 0), "validation"), ((7, 0, 0), "train"), ((0, 0, 7), "test")]
)
def test_the_most_informative_split_is_the_default(sizes: tuple[int, int, int], split: str) -> None:
    faces = synthetic_faces(*sizes)
    assert default_split(faces) == split
    assert len(evaluation_set(faces).faces) == 7


def test_an_empty_dataset_gives_a_sentence() -> None:
    with pytest.raises(EvaluationError, match="no labelled face"):
        default_split(grey_faces(0))


def test_a_missing_split_is_named_with_the_existing_ones(tmp_path: Path) -> None:
    table = write_lines(tmp_path / "fer2013.csv", csv_lines(synthetic_faces(14, 7, 0)))
    with pytest.raises(DatasetError, match=r"no split 'test'.*train, validation"):
        load_evaluation_set(Source(str(table), split="test"))


def test_validation_of_data_without_one_is_the_tenth_that_training_takes(tmp_path: Path) -> None:
    faces = synthetic_faces(140, 0, 7)
    folders = write_files(tmp_path / "folders", image_files(faces))
    found = load_evaluation_set(Source(str(folders), split="validation"))
    expected = load_dataset(folders).split("validation")
    assert (found.split, found.derived, len(found.faces)) == ("validation", True, 14)
    assert found.faces.fingerprint == expected.fingerprint
    assert all(origin.startswith("train/") for origin in found.origins)
    assert not load_evaluation_set(Source(str(folders), split="test")).derived


def test_validation_cannot_be_taken_from_a_missing_train_split(tmp_path: Path) -> None:
    table = write_lines(tmp_path / "fer2013.csv", csv_lines(synthetic_faces(0, 0, 7)))
    with pytest.raises(DatasetError, match=r"no split 'validation'.*test"):
        load_evaluation_set(Source(str(table), split="validation"))


def test_an_imported_dataset_is_found_by_its_name(tmp_path: Path, fer_home: Path) -> None:
    import_path(write_lines(tmp_path / "fer2013.csv", csv_lines(synthetic_faces())), "mine")
    assert load_evaluation_set(Source("mine")).faces.name == "mine"


@pytest.mark.parametrize("path", ["~nosuchuser/x", "x" * 300, "a\0b"])
def test_an_impossible_path_gives_a_sentence(path: str, fer_home: Path) -> None:
    with pytest.raises(FerError) as caught:
        load_evaluation_set(Source(path))
    assert len(str(caught.value)) < 200 and str(caught.value).endswith(".")


def test_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faces").mkdir()
    assert locate("faces") == tmp_path.resolve() / "faces"


@pytest.mark.parametrize(("split", "n_left_out"), [("train", 2), ("validation", 0), ("test", 1)])
@pytest.mark.parametrize("form", ["table", "table in a folder", "folders"])
def test_faces_left_out_are_counted_by_split(form: str, split: str, n_left_out: int, tmp_path: Path) -> None:
    faces = synthetic_faces(28, 14, 28)
    if form == "folders":
        files = image_files(faces)
        files |= {
            f"{place}/happy/bad{number}.png": b"bad" for place, number in (("train", 1), ("train", 2), ("test", 3))
        }
        source = write_files(tmp_path / "folders", files)
    else:
        bad = [f"3,1 2 3,{usage}" for usage in ("Training", "Training", "PrivateTest")]
        (tmp_path / "data").mkdir()
        table = write_lines(tmp_path / "data" / "fer2013.csv", [*csv_lines(faces), *bad])
        source = table if form == "table" else table.parent
    found = load_evaluation_set(Source(str(source), split=split))
    assert len(found.left_out) == n_left_out


def test_votes_next_to_the_table_are_read_and_change_the_key(tmp_path: Path) -> None:
    faces = synthetic_faces()
    table = write_lines(tmp_path / "fer2013.csv", csv_lines(faces))
    without = load_evaluation_set(Source(str(table)))
    write_lines(tmp_path / "fer2013new.csv", votes_lines(faces))
    found = load_evaluation_set(Source(str(table)))
    assert without.faces.votes is None
    assert found.faces.votes is not None
    assert (found.faces.votes.max(1) == 10).all()
    assert found.key != without.key


def test_synthetic_needs_no_file() -> None:
    found = load_evaluation_set(Source("synthetic"))
    assert found.faces.synthetic
    assert len(found.faces) == 140


def test_the_key_depends_on_pixels_and_labels_but_not_order() -> None:
    faces = grey_faces(14, noise=20)
    key = evaluation_set(faces).key
    assert evaluation_set(faces.take(np.arange(14)[::-1])).key == key
    assert evaluation_set(grey_faces(14, wrong=1, noise=20)).key != key


def test_origins_and_faces_must_have_the_same_number() -> None:
    with pytest.raises(ValueError, match="origins: expected 7"):
        EvaluationSet(grey_faces(7), "test", ("one",))


@pytest.fixture
def analyzer(tmp_path: Path) -> FaceAnalyzer:
    return FaceAnalyzer(create_detector(photo_detector_name()), tiny_classifier(tmp_path / "bundle"))


def write_photos(root: Path) -> Path:
    portrait = portrait_bgr()
    # A second, smaller copy next to the portrait. The larger face counts.
    pair = np.hstack([np.zeros_like(portrait), portrait])
    pair[-200:, :200] = cv2.resize(portrait, (200, 200), interpolation=cv2.INTER_AREA)
    for name, image in (
        ("happy/portrait.png", portrait),
        ("Surprised/pair.png", pair),
        ("angry/wall.png", portrait * 0),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
    (root / "happy" / "broken.jpg").write_bytes(b"no picture")
    return root


def test_photos_are_searched_and_cropped_as_when_analysed(tmp_path: Path, analyzer: FaceAnalyzer) -> None:
    folder = write_photos(tmp_path / "photos")
    found = load_evaluation_set(Source(str(folder), photos=True), lambda: analyzer)
    assert dict(zip(found.origins, found.faces.labels, strict=True)) == {
        "happy/portrait.png": EMOTIONS.index("happy"),
        "Surprised/pair.png": EMOTIONS.index("surprise"),
    }
    (face,) = analyzer.analyze(portrait_bgr()).faces
    expected = crop_faces(portrait_bgr(), [face.box_xywh], analyzer.detector.crop_scale)[0, ..., 0]
    place = found.origins.index("happy/portrait.png")
    assert np.array_equal(found.faces.images[place], expected)
    # The larger of two faces looks like the same portrait, not like a shrunk one.
    other = found.faces.images[1 - place].astype(int)
    assert np.abs(other - expected.astype(int)).mean() < 25
    reasons = {item.where: item.reason for item in found.left_out}
    assert reasons["angry/wall.png"] == NO_FACE
    assert "happy/broken.jpg" in reasons


def test_a_photo_in_a_folder_without_a_known_split_or_class_is_left_out(tmp_path: Path, analyzer: FaceAnalyzer) -> None:
    for place in ("train/happy", "extra/happy", "train/holiday"):
        (tmp_path / place).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / place / "me.png"), portrait_bgr())
    found = load_evaluation_set(Source(str(tmp_path), photos=True), lambda: analyzer)
    assert (found.split, found.origins) == ("train", ("train/happy/me.png",))
    assert {item.where: item.reason for item in found.left_out} == {
        "extra/happy/me.png": "its folder names no split",
        "train/holiday/me.png": "its folder names no class",
    }


@pytest.mark.parametrize("name", ["missing", "empty", "classless"])
def test_a_folder_without_photos_of_a_class_gives_a_sentence(name: str, tmp_path: Path, analyzer: FaceAnalyzer) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "classless" / "holiday").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "classless" / "holiday" / "me.png"), portrait_bgr())
    with pytest.raises(EvaluationError, match=r"happy/me\.jpg"):
        load_evaluation_set(Source(str(tmp_path / name), photos=True), lambda: analyzer)


def test_photos_without_any_face_give_a_sentence(tmp_path: Path, analyzer: FaceAnalyzer) -> None:
    (tmp_path / "photos" / "sad").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "photos" / "sad" / "wall.png"), np.zeros((200, 200, 3), np.uint8))
    with pytest.raises(EvaluationError, match="No face was found in 1 photo of photos"):
        load_evaluation_set(Source(str(tmp_path / "photos"), photos=True), lambda: analyzer)


def test_whole_photos_are_recognised_unless_told_otherwise(tmp_path: Path, analyzer: FaceAnalyzer) -> None:
    folder = write_photos(tmp_path / "photos")
    (folder / "happy" / "broken.jpg").unlink()
    found = load_evaluation_set(Source(str(folder)), lambda: analyzer)
    assert found.photos and found.detector == "yunet" and len(found.faces) == 2
    told = load_evaluation_set(Source(str(folder), photos=False), lambda: analyzer)
    assert not told.photos


def test_photos_of_a_label_file_are_recognised_and_cropped(tmp_path: Path, analyzer: FaceAnalyzer) -> None:
    cv2.imwrite(str(tmp_path / "me.png"), portrait_bgr())
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((300, 600, 3), 90, np.uint8))
    (tmp_path / "labels.csv").write_text("file,label,split\nme.png,2,test\nwall.png,1,test\n")
    found = load_evaluation_set(Source(str(tmp_path), labels="affectnet", photos=True), lambda: analyzer)
    assert found.photos and found.faces.labels.tolist() == [EMOTIONS.index("sad")]
    assert [(item.where, item.reason) for item in found.left_out] == [("labels.csv, line 3", NO_FACE)]
    assert has_photos(tmp_path, analyzer.detector)


def test_a_photo_that_speaks_against_an_answer_is_never_counted_as_answered(
    tmp_path: Path, analyzer: FaceAnalyzer, fer_home: Path
) -> None:
    folder = tmp_path / "happy"
    folder.mkdir()
    cv2.imwrite(str(folder / "large.png"), portrait_bgr())
    cv2.imwrite(str(folder / "tiny.png"), cv2.resize(portrait_bgr(), None, fx=0.2, fy=0.2))
    found = load_evaluation_set(Source(str(tmp_path), photos=True), lambda: analyzer)
    assert found.faces.doubted is not None
    assert dict(zip(found.origins, found.faces.doubted.tolist(), strict=True)) == {
        "happy/large.png": False,
        "happy/tiny.png": True,
    }
    made = evaluate_model(analyzer.classifier, found, robustness=True)
    sure = replace(made, model=replace(made.model, confidence_threshold=0.0))
    assert sure.answered.coverage == 0.5
    assert measure_robustness(analyzer.classifier, found.faces, 1.0, 0.0)[0].sure == 0.5
    assert replace(found, faces=replace(found.faces, doubted=None)).key != found.key
    store.save_evaluation_set("photos", found)
    again = store.find_evaluation_set("photos")
    assert again is not None and again.faces.doubted is not None
    assert again.faces.doubted.tolist() == found.faces.doubted.tolist()


@pytest.mark.parametrize("side", [48, 96, 224])
def test_cropped_faces_of_any_size_are_not_taken_for_photos(side: int, tmp_path: Path, analyzer: FaceAnalyzer) -> None:
    (face,) = analyzer.analyze(portrait_bgr()).faces
    x, y, w, h = face.box_xywh
    crop = portrait_bgr()[max(0, y) : y + h, max(0, x) : x + w]
    (tmp_path / "happy").mkdir()
    cv2.imwrite(str(tmp_path / "happy" / "me.png"), cv2.resize(crop, (side, side)))
    assert not has_photos(tmp_path, analyzer.detector)
    assert has_photos(write_photos(tmp_path / "photos"), analyzer.detector)


def test_a_file_or_an_empty_folder_is_not_taken_for_photos(tmp_path: Path, analyzer: FaceAnalyzer) -> None:
    (tmp_path / "faces.csv").write_text("emotion,pixels\n")
    assert not has_photos(tmp_path / "faces.csv", analyzer.detector)
    (tmp_path / "empty").mkdir()
    assert not has_photos(tmp_path / "empty", analyzer.detector)


def test_a_defect_in_one_photo_does_not_end_the_others(
    tmp_path: Path, analyzer: FaceAnalyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails_on_the_wall(data: bytes, analyzer: FaceAnalyzer) -> tuple[np.ndarray, bool]:
        if data == wall:
            raise ZeroDivisionError
        return largest_face(data, analyzer)

    largest_face = photo_folders._largest_face
    monkeypatch.setattr(photo_folders, "_largest_face", fails_on_the_wall)
    root = write_photos(tmp_path / "photos")
    wall = (root / "angry" / "wall.png").read_bytes()
    found = load_evaluation_set(Source(str(root), photos=True), lambda: analyzer)
    assert len(found.faces) == 2
    reasons = {item.where: item.reason for item in found.left_out}
    assert "unexpectedly (ZeroDivisionError)" in reasons["angry/wall.png"]
