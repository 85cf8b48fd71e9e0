import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from fer.emotions import EMOTIONS
from fer.errors import BundleError
from fer.recognition import classifier as module
from fer.recognition.bundle import Bundle, write_bundle
from fer.recognition.classifier import EmotionClassifier
from tests.support.builders import brightness_model, faces_of, make_bundle, save_onnx

GRAYS = (0, 43, 85, 128, 170, 213, 255)  # the middle of each class, for the model of `make_bundle`


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make_bundle(tmp_path / "bundle")


def expected_logits(grays: tuple[int, ...], sharpness: float = 4.0) -> np.ndarray:
    return -sharpness * (6 * np.array(grays)[:, None] / 255 - np.arange(7)) ** 2


def test_each_class_is_recognised(bundle: Bundle) -> None:
    classifier = EmotionClassifier(bundle)
    np.testing.assert_allclose(classifier.logits(faces_of(*GRAYS)), expected_logits(GRAYS), atol=1e-3)
    probabilities = classifier.probabilities(faces_of(*GRAYS))
    assert probabilities.shape == (7, 7) and probabilities.dtype == np.float32
    assert [EMOTIONS[index] for index in probabilities.argmax(axis=1)] == list(EMOTIONS)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_temperature_divides_the_logits_and_nothing_else(tmp_path: Path, temperature: float) -> None:
    classifier = EmotionClassifier(make_bundle(tmp_path, temperature=temperature))
    grays = (10, 100)
    scaled = np.exp(expected_logits(grays) / temperature)
    np.testing.assert_allclose(
        classifier.probabilities(faces_of(*grays)), scaled / scaled.sum(axis=1, keepdims=True), atol=1e-5
    )
    np.testing.assert_allclose(classifier.logits(faces_of(*grays)), expected_logits(grays), atol=1e-3)


def test_large_logits_do_not_overflow(tmp_path: Path) -> None:
    probabilities = EmotionClassifier(make_bundle(tmp_path, sharpness=1e5)).probabilities(faces_of(0, 255))
    np.testing.assert_allclose(probabilities, np.eye(7)[[0, 6]], atol=1e-6)


def test_maps_come_with_the_same_probabilities(bundle: Bundle) -> None:
    classifier = EmotionClassifier(bundle)
    crops = faces_of(0, 255)
    crops[1, :24] = 0  # the lower half alone is bright
    probabilities, maps = classifier.explain(crops)
    np.testing.assert_array_equal(probabilities, classifier.probabilities(crops))
    assert maps.shape == (2, 8, 8, 7) and maps.dtype == np.float32
    assert np.all(maps[0] == 0)
    np.testing.assert_allclose(maps[1, 6, 3], np.arange(7), atol=1e-5)
    assert np.all(maps[1, :4] == 0)


def test_no_faces_need_no_call(bundle: Bundle) -> None:
    classifier = EmotionClassifier(bundle)
    none = np.empty((0, 48, 48, 1), np.uint8)
    assert classifier.logits(none).shape == classifier.probabilities(none).shape == (0, 7)
    probabilities, maps = classifier.explain(none)
    assert probabilities.shape == (0, 7) and len(maps) == 0 and maps.ndim == 4


def test_many_faces_are_classified_in_parts_and_keep_their_order(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = EmotionClassifier(bundle)
    monkeypatch.setattr(module, "_CHUNK", 4)
    grays = tuple(int(value) for value in np.linspace(0, 255, 11))
    np.testing.assert_allclose(classifier.logits(faces_of(*grays)), expected_logits(grays), atol=1e-3)
    probabilities, maps = classifier.explain(faces_of(*grays))
    assert len(probabilities) == len(maps) == 11
    np.testing.assert_allclose(maps[:, 0, 0, 6], 6 * np.array(grays) / 255, atol=1e-4)


def test_crops_may_be_a_view_of_another_array(bundle: Bundle) -> None:
    classifier = EmotionClassifier(bundle)
    whole = faces_of(*GRAYS)
    np.testing.assert_allclose(classifier.logits(whole[::-2]), classifier.logits(whole)[::-2], atol=1e-4)


@pytest.mark.parametrize(
    "crops",
    [
        np.zeros((1, 48, 48), np.uint8),
        np.zeros((1, 48, 48, 3), np.uint8),
        np.zeros((1, 1, 48, 48), np.uint8),
        np.zeros((1, 48, 48, 1), np.float32),
        np.zeros((48, 48, 1), np.uint8),
    ],
)
def test_crops_of_another_shape_or_type_are_refused(bundle: Bundle, crops: np.ndarray) -> None:
    with pytest.raises(
        ValueError, match=rf"expected uint8 \(N, 48, 48, 1\).*Received: .*{re.escape(str(crops.shape))}"
    ):
        EmotionClassifier(bundle).probabilities(crops)


def test_threads_can_share_a_classifier(bundle: Bundle) -> None:
    classifier = EmotionClassifier(bundle, threads=1)
    wrong: list[int] = []

    def ask(gray: int) -> None:
        expected = expected_logits((gray,))
        for _ in range(30):
            if not np.allclose(classifier.logits(faces_of(gray)), expected, atol=1e-3):
                wrong.append(gray)

    threads = [threading.Thread(target=ask, args=(gray,)) for gray in GRAYS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


Edit = Callable[[onnx.ModelProto], None]


def rename(old: str, new: str) -> Edit:
    def edit(model: onnx.ModelProto) -> None:
        for names in (*(node.input for node in model.graph.node), *(node.output for node in model.graph.node)):
            names[:] = [new if name == old else name for name in names]
        for end in (*model.graph.input, *model.graph.output):
            end.name = new if end.name == old else end.name

    return edit


def without_maps(model: onnx.ModelProto) -> None:
    del model.graph.output[1]


def one_face_alone(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def floats_in(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


def larger_faces(model: onnx.ModelProto) -> None:
    for index in (1, 2):
        model.graph.input[0].type.tensor_type.shape.dim[index].dim_value = 64


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (rename("images", "x"), "takes 'x'"),
        (rename("logits", "scores"), "gives 'scores'"),
        (without_maps, "'maps'"),
        (one_face_alone, "N free"),
        (floats_in, "tensor(float)"),
        (larger_faces, "64"),
    ],
)
def test_a_network_with_other_inputs_or_outputs_is_refused_by_name(bundle: Bundle, edit: Edit, words: str) -> None:
    model = brightness_model()
    # Shapes were inferred for the whole model, but only inputs and outputs should differ.
    del model.graph.value_info[:]
    edit(model)
    save_onnx(model, bundle.path)
    with pytest.raises(BundleError) as caught:
        EmotionClassifier(write_bundle(bundle))
    assert words in str(caught.value) and str(bundle.served_file) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"rubbish" * 100])
def test_a_file_that_is_not_a_network_is_refused(bundle: Bundle, content: bytes) -> None:
    bundle.served_file.write_bytes(content)
    with pytest.raises(BundleError, match="can't be opened"):
        EmotionClassifier(write_bundle(bundle))


def test_a_network_that_predicts_nan_is_refused(bundle: Bundle) -> None:
    model = brightness_model()
    for constant in model.graph.initializer:
        if constant.name == "minus_sharpness":
            constant.CopyFrom(helper.make_tensor(constant.name, TensorProto.FLOAT, [], [float("nan")]))
    save_onnx(model, bundle.path)
    classifier = EmotionClassifier(write_bundle(bundle))
    for ask in (classifier.probabilities, classifier.explain):
        with pytest.raises(BundleError, match="NaN or infinite"):
            ask(faces_of(10))


def test_another_served_file_is_used(bundle: Bundle) -> None:
    (bundle.path / "small.onnx").write_bytes(brightness_model(sharpness=2.0).SerializeToString())
    served = write_bundle(replace(bundle, served="small.onnx"))
    logits = EmotionClassifier(served).logits(faces_of(100))
    np.testing.assert_allclose(logits, expected_logits((100,), sharpness=2.0), atol=1e-3)


def test_threads_wait_without_spinning(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that spin between frames would take a core from the camera."""
    seen: list[Any] = []
    real = module.onnxruntime.InferenceSession

    def session(path: str, options: Any, **rest: object) -> object:
        seen.append(options)
        return real(path, options, **rest)

    monkeypatch.setattr(module.onnxruntime, "InferenceSession", session)
    EmotionClassifier(bundle)
    (options,) = seen
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.intra_op_num_threads == 2
