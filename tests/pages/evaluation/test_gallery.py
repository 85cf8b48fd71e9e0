"""The gallery of faces, and maps of what decided a class."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fer.emotions import EMOTIONS
from fer.evaluation.class_activation_maps import evidence, overlay
from fer.recognition.bundle import Bundle, load_bundle
from fer.ui import explanation, resources
from fer.ui.upload.photobook import Photo
from fer.vision.crops import crop_faces
from fer.vision.detection import photo_detector_name
from fer.vision.images import decode, encode_png
from tests.support.builders import portrait_bgr
from tests.support.evaluation_page import EVALUATION, OpenPage, box, evaluated, texts


def gallery(page: AppTest) -> list[str]:
    return [text.value.strip("*") for text in page.markdown if text.value.startswith("**true ")]


def test_the_gallery_shows_the_most_confident_mistakes_or_the_chosen_cell(bundle: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle)
    page = open_page(EVALUATION)
    shown = gallery(page)
    confidences = [float(text.rsplit(", ", 1)[1]) for text in shown]
    assert len(shown) == 6
    assert confidences == sorted(confidences, reverse=True)
    assert all(text.split()[1].rstrip(",") != text.split()[3].rstrip(",") for text in shown)
    box(page, "True class").set_value("happy").run()
    assert gallery(page) and all(text.startswith("true happy, predicted ") for text in gallery(page))
    box(page, "Predicted class").set_value("happy").run()
    assert all(text.startswith("true happy, predicted happy, ") for text in gallery(page))


def test_a_cell_without_faces_says_so(bundle: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle)
    page = open_page(EVALUATION)
    box(page, "True class").set_value("happy").run()
    box(page, "Predicted class").set_value("angry").run()
    assert "No faces match" in texts(page)
    assert not page.exception


def test_a_cell_of_the_second_model_is_deselected_with_it(bundle: Bundle, second: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle, second)
    page = open_page(EVALUATION)
    box(page, "Model B").set_value(str(second.path)).run()
    box(page, "Predictions of").set_value(1).run()
    box(page, "Model B").set_value("").run()
    assert not page.exception
    assert gallery(page)


def test_each_face_has_the_map_of_its_own_crop_and_class(
    tiny_model: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = load_bundle(tiny_model)
    # A dark face on the left and a bright one on the right: this model tells classes apart by brightness.
    left, right = portrait_bgr() // 3, 255 - (255 - portrait_bgr()) // 3
    image_bgr = np.hstack([left, right])
    photo = Photo("two.png", encode_png(image_bgr), "two faces", "two faces")
    analyzer = resources.analyzer(bundle, photo_detector_name())
    analysis = analyzer.analyze(image_bgr, photo.name)
    faces = analysis.faces
    assert len(faces) == 2 and faces[0].emotion != faces[1].emotion
    monkeypatch.setattr("fer.ui.explanation.st.toggle", lambda *_, **__: True)
    # Its cache belongs to a viewer's session, which doesn't exist here.
    monkeypatch.setattr(explanation, "_explained", explanation._explained.__wrapped__)  # type: ignore[attr-defined]
    draw = explanation.switch(bundle, photo_detector_name())
    assert draw is not None
    pictures = draw(photo, analysis)
    assert len(pictures) == 2
    for picture, face in zip(pictures, faces, strict=True):
        crop = crop_faces(image_bgr, [face.box_xywh], analyzer.detector.crop_scale)
        maps = analyzer.classifier.explain(crop)[1][0]
        expected = overlay(crop[0, ..., 0], evidence(maps, EMOTIONS.index(face.emotion)))
        assert np.array_equal(decode(picture)[..., ::-1], expected)


def test_upload_shows_maps_if_switched_on(tiny_model: Path, open_page: OpenPage) -> None:
    page = open_page("pages/2_Upload.py")
    page.segmented_control(key="upload_source").set_value("Try a sample").run()
    next(button for button in page.button if "sample" in button.label).click().run()
    before = len(page.get("image"))
    assert before == 2, "the photo and its face"
    page.toggle(key="upload_why").set_value(True).run()
    assert not page.exception
    assert len(page.get("image")) == before + 1
