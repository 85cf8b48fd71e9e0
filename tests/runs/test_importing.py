"""Imported models: which are refused, and at which step."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from fer import paths
from fer.errors import BundleError, RunError
from fer.recognition.bundle import Bundle, load_bundle, write_bundle
from fer.recognition.candidates import ClassSets
from fer.recognition.current import current_bundle_path
from fer.runs import importing
from fer.runs.bundle_check import check
from fer.runs.graph_check import check_graph
from fer.storage.files import sha256_of
from tests.support.builders import brightness_model, make_bundle, save_onnx
from tests.support.confidence import rule


def files_of(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "model.onnx").read_bytes(), (folder / "bundle.json").read_bytes()


def described(model: onnx.ModelProto, folder: Path, **changes: Any) -> tuple[bytes, bytes]:
    """Return the two files of a bundle for a model, with changes to its bundle.json."""
    folder.mkdir(exist_ok=True)
    file = save_onnx(model, folder)
    values = Bundle(path=folder).to_dict() | {"files": {"model.onnx": {"sha256": sha256_of(file)}}} | changes
    return file.read_bytes(), json.dumps(values).encode()


def nothing_was_kept() -> bool:
    folder = paths.runs_dir() / "imported"
    return not folder.exists() or not list(folder.iterdir())


@pytest.fixture
def checked_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try models in this process: starting another one takes a second, and other tests do."""
    monkeypatch.setattr(importing, "_check_apart", check)


def test_a_valid_model_is_accepted_used_and_deleted(home, tmp_path):
    make_bundle(tmp_path / "theirs", temperature=2.0, metrics={"test": {"accuracy": 0.7}}, data={"name": "theirs"})
    model = importing.import_model(*files_of(tmp_path / "theirs"), "From the lab!")
    assert [one.name for one in importing.list_imported()] == [model.name] == ["From-the-lab"]
    bundle = importing.use_imported(model.name)
    assert current_bundle_path() == model.path
    assert (bundle.temperature, bundle.name, bundle.metrics["test"]) == (2.0, "From-the-lab", {"accuracy": 0.7})
    # bundle.json names a Keras file, which isn't part of the upload and isn't needed.
    assert set(bundle.files) == {"model.onnx"}
    with pytest.raises(RunError, match="in use"):
        importing.delete_imported(model.name)
    with pytest.raises(RunError, match="already"):
        importing.import_model(*files_of(tmp_path / "theirs"), "From the lab!")
    importing.current.use_shipped()
    importing.delete_imported(model.name)
    assert nothing_was_kept()


@pytest.mark.parametrize(
    ("calibrated_on", "kept"),
    [
        ("calibration", "calibration"),
        ("validation", "validation"),
        ("x", None),
        (["test"], None),
        ({}, None),
        (3, None),
    ],
)
def test_metrics_of_every_split_are_imported(home, checked_here, tmp_path, calibrated_on, kept):
    rates = {"accuracy": 1, "ece": 0.125}
    odd = {"n": 1149, "macro_f1": 1.5, "per_class": {"angry": 0.5}, "confusion_matrix": [[1]], "top2_accuracy": True}
    metrics = dict.fromkeys(("train", "validation", "calibration", "test"), rates | odd)
    make_bundle(tmp_path / "theirs", metrics=metrics | {"calibrated_on": calibrated_on})
    bundle = load_bundle(importing.import_model(*files_of(tmp_path / "theirs"), "theirs").path)
    assert bundle.metrics.pop("calibrated_on", None) == kept
    assert bundle.metrics == dict.fromkeys(("train", "validation", "calibration", "test"), rates)


def test_calibration_is_imported(home, tmp_path):
    theirs = make_bundle(tmp_path / "theirs", quality=rule(bias=0.5), sets=ClassSets(0.9, 0.125))
    model = importing.import_model(*files_of(tmp_path / "theirs"), "calibrated")
    imported = load_bundle(model.path)
    assert (imported.quality, imported.sets) == (theirs.quality, ClassSets(0.9, 0.125))


@pytest.mark.parametrize("changes", [{"sets": {"coverage": 2}}, {"quality": "good"}])
def test_invalid_calibration_is_refused(home, tmp_path, changes):
    with pytest.raises(BundleError, match=f"'{next(iter(changes))}' that doesn't fit"):
        importing.import_model(*described(brightness_model(), tmp_path / "theirs", **changes), "wrong")
    assert nothing_was_kept()


def foreign_operator() -> onnx.ModelProto:
    model = brightness_model()
    model.graph.node[0].domain = "com.stranger"
    model.opset_import.append(helper.make_opsetid("com.stranger", 1))
    return model


def foreign_operator_in_a_branch() -> onnx.ModelProto:
    model = brightness_model()
    value = helper.make_tensor_value_info("inner", TensorProto.FLOAT, [1])
    inner = helper.make_node("Evil", [], ["inner"], domain="com.stranger")
    branch = helper.make_graph([inner], "branch", [], [value])
    model.graph.node.append(helper.make_node("If", ["to_class"], ["unused"], then_branch=branch, else_branch=branch))
    return model


def own_function() -> onnx.ModelProto:
    model = brightness_model()
    model.functions.append(
        helper.make_function(
            "com.stranger", "F", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], [helper.make_opsetid("", 18)]
        )
    )
    return model


def data_in_another_file() -> onnx.ModelProto:
    model = brightness_model()
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")
    return model


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (foreign_operator, r"outside ONNX's standard \(com\.stranger, com\.stranger\.Cast\)"),
        (foreign_operator_in_a_branch, r"a classifier doesn't need \(If\)"),
        (own_function, "functions of its own"),
        (data_in_another_file, "keeps data in other files"),
    ],
)
def test_a_graph_with_nonstandard_operators_is_refused(tmp_path, make, sentence):
    file = tmp_path / "model.onnx"
    file.write_bytes(make().SerializeToString())
    with pytest.raises(BundleError, match=sentence):
        check_graph(file)


@pytest.mark.parametrize("data", [b"", b"rubbish" * 100, b"\x08\x07"])
def test_a_file_that_is_not_a_graph_is_refused(tmp_path, data):
    file = tmp_path / "model.onnx"
    file.write_bytes(data)
    with pytest.raises(BundleError, match=r"isn't an ONNX file|isn't a valid ONNX|takes 0 inputs"):
        check_graph(file)


def wrong_classes() -> onnx.ModelProto:
    model = brightness_model()
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 6
    return model


def dividing_by_zero() -> onnx.ModelProto:
    """Return a model whose logits are all 0 / 0."""
    model = brightness_model()
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(1, np.float32), "nothing"))
    last = next(node for node in model.graph.node if node.output[0] == "logits")
    last.output[0] = "logits_before"
    model.graph.node.append(helper.make_node("Mul", ["logits_before", "nothing"], ["zeros"]))
    model.graph.node.append(helper.make_node("Div", ["zeros", "zeros"], ["logits"]))
    return model


@pytest.mark.parametrize(
    ("make", "changes", "sentence"),
    [
        (brightness_model, {"labels": ["a", "b", "c", "d", "e", "f", "g"]}, "has the labels"),
        (brightness_model, {"input": {"shape": [None, 64, 64, 1], "dtype": "uint8"}}, "has the input"),
        (brightness_model, {"crop": {"side": 48}}, "has the crop"),
        (brightness_model, {"temperature": -1.0}, "temperature"),
        (brightness_model, {"temperature": 10**400}, "temperature null; expected a number from 0.05 to 20"),
        (brightness_model, {"temperature": 1e-40}, "temperature 1e-40; expected a number from 0.05 to 20"),
        (brightness_model, {"temperature": True}, "temperature true; expected"),
        (brightness_model, {"temperature": "1.0"}, "temperature"),
        (
            brightness_model,
            {"confidence_threshold": False},
            "confidence_threshold false; expected a number from 0 to 1",
        ),
        (brightness_model, {"confidence_threshold": float("nan")}, "confidence_threshold null; expected"),
        (brightness_model, {"files": {"model.onnx": {"sha256": "0" * 64}}}, "hash doesn't match"),
        (brightness_model, {"files": {"model.onnx": {"sha256": "x"}}}, "SHA-256"),
        (brightness_model, {"served": "../../other.onnx"}, "isn't that of a model bundle"),
        (brightness_model, {"labels": None}, "has the labels null"),
        (wrong_classes, {}, "isn't used|gives|valid"),
        (dividing_by_zero, {}, "NaN or infinite"),
        (foreign_operator, {}, "outside ONNX's standard"),
    ],
)
def test_an_invalid_bundle_is_refused_and_leaves_nothing(home, tmp_path, make, changes, sentence):
    with pytest.raises(BundleError, match=sentence):
        importing.import_model(*described(make(), tmp_path / "theirs", **changes), "theirs")
    assert nothing_was_kept()
    assert current_bundle_path() == paths.SHIPPED_BUNDLE


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b"[" * 100_000, b"\xff\xfe"])
def test_an_invalid_bundle_json_is_refused(home, text):
    with pytest.raises(BundleError, match="isn't that of a model bundle"):
        importing.import_model(b"", text, "theirs")


def test_files_that_are_too_large_are_refused_unread(home, monkeypatch):
    monkeypatch.setattr(importing, "MAX_ONNX_BYTES", 10)
    with pytest.raises(BundleError, match="at most"):
        importing.import_model(b"x" * 11, b"{}", "theirs")


def test_a_model_that_kills_its_check_is_refused(home, tmp_path, monkeypatch):
    """The check runs in its own process, so a crash affects nothing else."""
    monkeypatch.setattr(importing.sys, "executable", "/bin/false")
    make_bundle(tmp_path / "theirs")
    with pytest.raises(BundleError, match="crashed the process"):
        importing.import_model(*files_of(tmp_path / "theirs"), "theirs")
    assert nothing_was_kept()


def test_metrics_of_imported_models_are_kept_only_if_they_are_numbers(home, checked_here, tmp_path):
    numbers = {"parameters": 10**400, "multiply_adds": float("nan"), "onnx_max_difference": 1e-6}
    odd = {"test": {"accuracy": "very good", "ece": 0.1, "n": 12, "nested": {"a": 1}}, "validation": 3, "x": {"y": 0.5}}
    write_bundle(
        make_bundle(tmp_path / "theirs", metrics=odd, network=numbers, data={"name": "n" * 999, "splits": {"train": 1}})
    )
    model = importing.import_model(*files_of(tmp_path / "theirs"), "theirs")
    bundle = load_bundle(model.path)
    assert bundle.metrics == {"test": {"ece": 0.1}}
    assert bundle.data == {"name": "n" * 200}
    assert bundle.network == {"onnx_max_difference": 1e-6}


def test_the_remains_of_a_killed_import_block_no_name_and_are_removed(home, checked_here, tmp_path):
    folder = paths.runs_dir() / "imported"
    (folder / "theirs").mkdir(parents=True)
    (folder / ".abc.part" / "theirs" / "bundle").mkdir(parents=True)
    make_bundle(tmp_path / "theirs")
    importing.import_model(*files_of(tmp_path / "theirs"), "theirs")
    assert [path.name for path in folder.iterdir()] == ["theirs"]


def test_a_full_disk_gives_a_sentence_and_leaves_nothing(home, tmp_path, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(importing.files, "write_json", full)
    make_bundle(tmp_path / "theirs")
    with pytest.raises(RunError, match="can't be written"):
        importing.import_model(*files_of(tmp_path / "theirs"), "theirs")
    assert nothing_was_kept()


@pytest.mark.parametrize("name", ["", "...", "/"])
def test_a_model_needs_a_name(home, tmp_path, name):
    with pytest.raises(BundleError, match="needs a name"):
        importing.import_model(b"", b"{}", name)
