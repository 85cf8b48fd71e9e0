"""The public interface: `import fer` is fast, and every public name exists."""

import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import fer
from fer.paths import CHECKOUT
from fer.vision.samples import sample_portrait
from tests.support.builders import make_bundle


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("photos") / "me.png"
    file.write_bytes(sample_portrait())
    return file


def test_every_public_name_exists_and_is_listed() -> None:
    assert set(fer.__all__) <= set(dir(fer))
    for name in fer.__all__:
        assert getattr(fer, name) is not None
    with pytest.raises(AttributeError, match="module 'fer' has no attribute 'analyse'"):
        _ = fer.analyse  # type: ignore[attr-defined]


def test_the_docs_list_every_public_name() -> None:
    table = (CHECKOUT / "docs" / "library.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `fer\.(\w+)", table, re.M)) == set(fer.__all__)


def test_import_fer_loads_no_large_library() -> None:
    code = "import sys, fer; print(sorted({'numpy', 'cv2', 'pandas', 'onnxruntime', 'streamlit'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_path_bytes_and_pixels_give_the_same_faces(photo: Path) -> None:
    pixels = np.asarray(cv2.imread(str(photo)), np.uint8)
    by_path, by_text, by_bytes, by_pixels = map(fer.analyze, (photo, str(photo), photo.read_bytes(), pixels))
    assert by_path.file == by_text.file == str(photo)
    assert (by_path.width, by_path.height) == (512, 512)
    for analysis in (by_path, by_text, by_bytes, by_pixels):
        (face,) = analysis.faces
        assert face.looks == "looks happy"
        assert face.box_xywh == by_path.faces[0].box_xywh
        np.testing.assert_allclose(face.probabilities, by_path.faces[0].probabilities, atol=1e-6)


def test_assumptions_about_a_photo_are_reported(tmp_path: Path) -> None:
    deep = tmp_path / "deep.png"
    deep.write_bytes(cv2.imencode(".png", np.full((64, 64), 1000, np.uint16))[1].tobytes())
    for image in (deep, deep.read_bytes()):
        assert "only 10 seem to be in use" in fer.analyze(image).note


def test_another_model_and_detector_are_used(photo: Path, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    (shipped,) = fer.analyze(photo).faces
    (other,) = fer.analyze(photo, model=bundle.path).faces
    (haar,) = fer.analyze(photo, detector="haar").faces
    assert other.box_xywh == shipped.box_xywh != haar.box_xywh
    assert np.abs(other.probabilities - shipped.probabilities).max() > 0.05


def test_bad_input_raises_with_a_sentence(photo: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.jpg"
    text.write_text("no image")
    for bad in (text, tmp_path / "missing.jpg", b"no image"):
        with pytest.raises(fer.ImageError):
            fer.analyze(bad)
    with pytest.raises(fer.DetectorError, match="eyes"):
        fer.analyze(photo, detector="eyes")
    with pytest.raises(fer.BundleError, match="empty"):
        fer.analyze(photo, model=tmp_path / "empty")


def test_no_image_gives_a_sentence() -> None:
    with pytest.raises(fer.ImageError, match=r"There is no image\..*give the file's path instead"):
        fer.analyze(None)  # type: ignore[arg-type]


def test_a_model_has_the_names_of_the_command_line(photo: Path, fer_home: Path) -> None:
    run_id = "20260101-000000-abcd"
    make_bundle(fer_home / "runs" / run_id / "bundle")
    shipped, by_id = fer.analyze(photo, model="shipped"), fer.analyze(photo, model=run_id)
    (theirs,), (default,), (named,) = by_id.faces, fer.analyze(photo).faces, shipped.faces
    assert named.confidence == default.confidence != theirs.confidence
    (loaded,) = fer.load_analyzer(run_id).analyze_file(photo).faces
    assert loaded.confidence == theirs.confidence
    for use in (
        lambda: fer.analyze(photo, model="nothing"),
        lambda: fer.load_analyzer("nothing"),
        lambda: fer.analyze_video("clip.mp4", model="nothing"),
    ):
        with pytest.raises(fer.BundleError, match="There is no model 'nothing'"):
            use()
