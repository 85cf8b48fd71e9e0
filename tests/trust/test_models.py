"""Malicious models: each is refused before it runs, and one that gets through is taken out of use."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import streamlit as st
from onnx import helper
from streamlit.testing.v1 import AppTest

from fer import paths
from fer.errors import BundleError, SlowModelError
from fer.recognition import classifier as classifier_module
from fer.recognition import current
from fer.recognition.bundle import Bundle, load_bundle, sha256_of, write_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.runs import graph_check, importing
from fer.runs.bundle_check import check, probing_faces
from fer.runs.graph_check import OPERATORS, check_graph
from tests.support.builders import brightness_model, faces_of, make_bundle, save_onnx
from tests.support.hostile_models import REFUSED, before_logits, constant, looping_bundle


@pytest.mark.parametrize("name", REFUSED)
def test_a_malicious_graph_is_refused_before_it_runs(tmp_path: Path, name: str) -> None:
    change, sentence = REFUSED[name]
    model = brightness_model()
    change(model)
    with pytest.raises(BundleError, match=sentence):
        check_graph(save_onnx(model, tmp_path))


def test_no_allowed_operator_loops_branches_or_is_random() -> None:
    """The list contains only names that ONNX has, so a misspelt one is found, and no dangerous ones."""
    known = {schema.name for schema in onnx.defs.get_all_schemas()}
    assert known >= OPERATORS - {"Swish"}
    dangerous = {
        "Loop",
        "Scan",
        "If",
        "SequenceMap",
        "NonZero",
        "Unique",
        "Compress",
        "Range",
        "ConstantOfShape",
        "TopK",
    }
    assert not OPERATORS & dangerous
    assert not {name for name in OPERATORS if name.startswith(("Random", "Sequence", "Optional", "String"))}
    with_graphs = {
        schema.name
        for schema in onnx.defs.get_all_schemas()
        if any(item.type == onnx.defs.OpSchema.AttrType.GRAPH for item in schema.attributes.values())
    }
    assert not OPERATORS & with_graphs


@pytest.mark.parametrize("file", [paths.SHIPPED_BUNDLE / "model.onnx"])
def test_the_shipped_model_is_well_within_the_limits(file: Path) -> None:
    bounds = check_graph(file)
    assert 50e6 < bounds.work < graph_check.MAX_WORK / 5
    assert bounds.face_bytes < graph_check.MAX_FACE_BYTES / 10
    assert bounds.weight_bytes < graph_check.MAX_WEIGHT_BYTES / 10
    check(paths.SHIPPED_BUNDLE)


@pytest.mark.training
@pytest.mark.parametrize("network", ["residual", "small", "baseline"])
def test_every_network_and_its_int8_copy_pass(tmp_path: Path, network: str) -> None:
    from fer.training.export import export_network, serving_network
    from fer.training.networks import build_network, cost
    from fer.training.quantize import quantize

    built = build_network(network)
    export_network(serving_network(network, built.get_weights()), tmp_path)
    bounds = check_graph(tmp_path / "model.onnx")
    # The graph's count includes everything that Keras counts, and the maps.
    assert cost(built).multiply_adds <= bounds.work <= 1.5 * cost(built).multiply_adds + 2e6
    faces = np.random.default_rng(0).integers(0, 256, (64, 48, 48, 1), dtype=np.uint8)
    quantize(tmp_path / "model.onnx", faces, tmp_path / "int8.onnx")
    check_graph(tmp_path / "int8.onnx")


@pytest.mark.parametrize("name", ["work", "expand", "loop"])
def test_a_refused_import_says_why_and_leaves_nothing(fer_home: Path, tmp_path: Path, name: str) -> None:
    change, sentence = REFUSED[name]
    model = brightness_model()
    change(model)
    file = save_onnx(model, tmp_path)
    values = Bundle(path=tmp_path).to_dict() | {"files": {"model.onnx": {"sha256": sha256_of(file)}}}
    with pytest.raises(BundleError, match=sentence):
        importing.import_model(file.read_bytes(), json.dumps(values).encode(), "theirs")
    assert importing.list_imported() == []


def fails_on(shade: str, folder: Path) -> Bundle:
    """Return a model whose logits are NaN only on black or only on white faces, because it divides zero by zero."""
    model = brightness_model()
    limit = {"black": 0.0, "white": 255.0}[shade]
    constant(model, "limit", np.array(limit, np.float32))
    before_logits(
        model,
        helper.make_node("Sub", ["mean", "limit"], ["distance_to_limit"]),
        helper.make_node("Div", ["distance_to_limit", "distance_to_limit"], ["one_or_nan"]),
        helper.make_node("Mul", ["plain", "one_or_nan"], ["logits"]),
    )
    make_bundle(folder)
    save_onnx(model, folder)
    return write_bundle(Bundle(path=folder))


@pytest.mark.parametrize("shade", ["black", "white"])
def test_a_model_is_tried_on_black_and_white_faces(tmp_path: Path, shade: str) -> None:
    bundle = fails_on(shade, tmp_path)
    assert np.isfinite(EmotionClassifier(bundle).probabilities(faces_of(100))).all()
    with pytest.raises(BundleError, match="NaN or infinite"):
        check(tmp_path)


def test_trial_faces_are_of_every_kind() -> None:
    faces = probing_faces()
    assert {"a black face", "a white face", "grey faces", "random faces", "dark faces", "synthetic faces"} == set(faces)
    assert faces["a black face"].max() == 0 and faces["a white face"].min() == 255
    assert faces["dark faces"].max() < 16 and len(faces["synthetic faces"]) == 7
    assert all(item.shape[1:] == (48, 48, 1) and item.dtype == np.uint8 for item in faces.values())


# The following tests have an unchecked model in use, such as one that was copied there by hand.


@pytest.fixture
def looping(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> EmotionClassifier:
    """Use a looping model, with a time limit of a second."""
    monkeypatch.setattr(classifier_module, "CALL_SECONDS", 1.0)
    monkeypatch.setattr(current, "_aside", set())
    bundle = looping_bundle(fer_home / "runs" / "theirs" / "bundle")
    current.use_bundle(bundle.path)
    return EmotionClassifier(bundle)


def test_an_endless_call_is_ended_and_the_shipped_model_used(looping: EmotionClassifier) -> None:
    assert looping.probabilities(faces_of(200)).shape == (1, 7)
    assert current.current_bundle_path() == looping.bundle.path and current.set_aside_model() is None
    start = time.monotonic()
    with pytest.raises(SlowModelError, match="'theirs' took more than 1 s"):
        looping.probabilities(faces_of(10))
    assert time.monotonic() - start < 30
    assert current.current_bundle_path() == paths.SHIPPED_BUNDLE
    assert current.set_aside_model() == "theirs"
    # It isn't called again, even if someone puts it to use again.
    current.use_bundle(looping.bundle.path)
    with pytest.raises(SlowModelError):
        looping.probabilities(faces_of(200))
    assert current.current_bundle_path() == paths.SHIPPED_BUNDLE


def test_a_model_is_given_the_time_that_other_programs_take(
    looping: EmotionClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier_module, "CALL_SECONDS", 0.1)
    monkeypatch.setattr(time, "process_time", lambda: 0.0)
    monkeypatch.setattr(classifier_module, "_MOST_WAITS", 5)
    waits = []
    wait = threading.Event.wait

    def counted(event: threading.Event, timeout: float | None = None) -> bool:
        if timeout == 0.1:
            waits.append(event)
        return wait(event, timeout)

    monkeypatch.setattr(threading.Event, "wait", counted)
    with pytest.raises(SlowModelError):
        looping.probabilities(faces_of(10))
    assert len(waits) == 5


def test_a_model_stays_out_of_use_after_a_restart_until_one_is_chosen(
    looping: EmotionClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SlowModelError):
        looping.probabilities(faces_of(10))
    monkeypatch.setattr(current, "_aside", set())
    assert current.current_bundle_path() == paths.SHIPPED_BUNDLE and current.set_aside_model() == "theirs"
    current.use_bundle(looping.bundle.path)
    assert current.current_bundle_path() == looping.bundle.path and current.set_aside_model() is None
    current.set_aside(looping.bundle)
    current.use_shipped()
    assert current.set_aside_model() is None


def test_a_choice_that_cannot_be_written_falls_back_in_this_process(
    looping: EmotionClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(current, "write_json", read_only)
    with pytest.raises(SlowModelError):
        looping.probabilities(faces_of(10))
    assert current.current_bundle_path() == paths.SHIPPED_BUNDLE
    assert current.set_aside_model() == "theirs"


def test_another_model_than_the_one_in_use_changes_nothing(looping: EmotionClassifier, fer_home: Path) -> None:
    chosen = make_bundle(fer_home / "runs" / "mine" / "bundle")
    current.use_bundle(chosen.path)
    with pytest.raises(SlowModelError):
        looping.probabilities(faces_of(10))
    assert current.current_bundle_path() == chosen.path and current.set_aside_model() is None


@pytest.mark.parametrize("temperature", [0.05, 20.0])
def test_every_allowed_temperature_gives_probabilities(tmp_path: Path, temperature: float) -> None:
    bundle = make_bundle(tmp_path, sharpness=1e30, temperature=temperature)
    probabilities = EmotionClassifier(bundle).probabilities(faces_of(0, 77, 255))
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


ODD_ABOUT: dict[str, dict[str, Any]] = {
    "text for an accuracy": {"metrics": {"test": {"accuracy": "very good"}}},
    "an accuracy beyond 1": {"metrics": {"test": {"accuracy": 7}}},
    "an accuracy that is true": {"metrics": {"test": {"accuracy": True}}},
    "an infinite accuracy": {"metrics": {"test": {"accuracy": float("inf")}}},
    "a split that is text": {"metrics": {"test": "accuracy"}},
    "a split that is a number": {"metrics": {"validation": 3}},
    "a name that is a list": {"data": {"name": [1, 2]}},
    "a lone surrogate": {"data": {"name": "a\udcffb"}},
    "synthetic that is text": {"data": {"synthetic": "no"}},
    "a number of hundreds of digits": {"network": {"parameters": 10**400}},
}


@pytest.mark.parametrize("name", ODD_ABOUT)
def test_a_models_own_texts_never_break_home(fer_home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    folder = fer_home / "runs" / "theirs" / "bundle"
    make_bundle(folder)
    values = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(values | ODD_ABOUT[name]))
    current.use_bundle(folder)
    load_bundle(folder)
    home = AppTest.from_file(str(paths.PROGRAM / "app.py"), default_timeout=60).run()
    assert not home.exception
    assert "not measured" in [metric.value for metric in home.metric] or "metrics" not in ODD_ABOUT[name]


def test_a_page_says_that_a_model_was_taken_out_of_use(fer_home: Path) -> None:
    paths.runs_dir().mkdir()
    paths.current_model_file().write_text(json.dumps({"set_aside": "the *lab's*"}))
    home = AppTest.from_file(str(paths.PROGRAM / "app.py"), default_timeout=60).run()
    assert not home.exception
    (warning,) = home.warning
    assert r"the \*lab\'s\*" in warning.value and "shipped model" in warning.value


def test_importing_a_model_that_loops_on_dark_faces_gives_one_sentence(fer_home: Path, tmp_path: Path) -> None:
    """The whole way of the small input that came from outside: two files, a name, one sentence."""
    bundle = looping_bundle(tmp_path / "theirs")
    with pytest.raises(BundleError, match=r"doesn't need \(Loop\)"):
        importing.import_model(bundle.served_file.read_bytes(), (bundle.path / "bundle.json").read_bytes(), "theirs")
    assert importing.list_imported() == []


def test_pages_continue_with_the_shipped_model_and_say_so(looping: EmotionClassifier) -> None:
    """Home tries the model in use on a black face, on which this one loops forever."""
    st.cache_resource.clear()
    home = AppTest.from_file(str(paths.PROGRAM / "app.py"), default_timeout=60).run()
    deadline = time.monotonic() + 60
    while current.set_aside_model() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    home.run()
    assert not home.exception
    assert "'theirs' took too long" in home.warning[0].value
    assert "theirs" not in " ".join(item.value for item in home.caption)
    upload = home.switch_page("pages/2_Upload.py").run()
    assert not upload.exception and "'theirs' took too long" in upload.warning[0].value
    assert current.current_bundle_path() == paths.SHIPPED_BUNDLE
