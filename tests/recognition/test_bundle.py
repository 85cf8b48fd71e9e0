import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fer.emotions import EMOTIONS
from fer.errors import BundleError
from fer.recognition.bundle import BUNDLE_FILE, Bundle, load_bundle, write_bundle
from fer.recognition.candidates import ClassSets
from fer.recognition.int8_copy import Int8Copy
from tests.support.builders import make_bundle, make_int8_bundle
from tests.support.confidence import rule

Change = Callable[[dict[str, Any]], None]


def rewrite(folder: Path, change: Change) -> None:
    file = folder / BUNDLE_FILE
    values = json.loads(file.read_text())
    change(values)
    file.write_text(json.dumps(values))


def test_a_written_bundle_is_read_back(tmp_path: Path) -> None:
    metrics = {"validation": {"accuracy": 0.66, "n": 3589}}
    written = make_bundle(
        tmp_path / "one", temperature=1.5, confidence_threshold=0.4, metrics=metrics, versions={"keras": "3"}
    )
    loaded = load_bundle(str(tmp_path / "one"))
    assert loaded == written
    assert loaded.labels == EMOTIONS and loaded.temperature == 1.5 and loaded.confidence_threshold == 0.4
    assert loaded.metrics == metrics and loaded.versions == {"keras": "3"}
    assert loaded.served_file == tmp_path / "one" / "model.onnx"
    assert set(loaded.files) == {"model.onnx", "model.keras"}
    assert loaded.files["model.onnx"]["sha256"] == hashlib.sha256(loaded.served_file.read_bytes()).hexdigest()


def test_a_threshold_under_its_old_name_is_read_and_written_under_the_new_one(tmp_path: Path) -> None:
    made = make_bundle(tmp_path, confidence_threshold=0.4)
    rewrite(tmp_path, lambda v: v.update(unsure_below=v.pop("confidence_threshold")))
    assert load_bundle(tmp_path) == made
    written = write_bundle(load_bundle(tmp_path))
    assert written.confidence_threshold == 0.4
    assert "unsure_below" not in json.loads((tmp_path / BUNDLE_FILE).read_text())


def test_bundle_json_has_the_fields_that_others_read(tmp_path: Path) -> None:
    make_bundle(tmp_path)
    values = json.loads((tmp_path / BUNDLE_FILE).read_text())
    expected = {
        "labels",
        "input",
        "crop",
        "temperature",
        "confidence_threshold",
        "served",
        "files",
        "data",
        "metrics",
        "versions",
    }
    assert expected <= set(values) and "path" not in values
    assert values["input"] == {"name": "images", "shape": [None, 48, 48, 1], "dtype": "uint8", "range": [0, 255]}


def test_an_int8_copy_is_read_back_with_its_own_calibration_and_keeps_the_hash(tmp_path: Path) -> None:
    made = make_int8_bundle(tmp_path / "one")
    copy = replace(made.int8 or Int8Copy(), sets=ClassSets(0.9, 0.12), quality=rule(bias=0.25))
    written = write_bundle(replace(made, int8=copy))
    assert written.int8 == copy == load_bundle(tmp_path / "one").int8
    # Results that are stored under the hash of the float32 model stay valid.
    assert written.hash == made.hash == replace(made, int8=None).hash
    served = written.with_int8_served()
    assert (served.temperature, served.sets, served.quality) == (0.5, copy.sets, copy.quality)
    assert served.metrics == copy.metrics and served.weights == "int8" and written.weights == "float32"
    assert served.hash != made.with_int8_served().hash != made.hash
    assert written.copies == (written, served)
    plain = make_bundle(tmp_path / "plain")
    assert plain.copies == (plain,)
    with pytest.raises(ValueError, match="no int8 copy"):
        plain.with_int8_served()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v["files"].pop("model.int8.onnx"), "'int8' without model.int8.onnx"),
        (lambda v: v["int8"].update(temperature=1e-9), "'int8' that doesn't fit.*temperature"),
        (lambda v: v["int8"].update(confidence_threshold="high"), "'int8' that doesn't fit.*confidence_threshold"),
        (lambda v: v["int8"].update(metrics=[]), "'int8' that doesn't fit.*metrics"),
        (lambda v: v["int8"].update(sets={"coverage": 3}), "'int8' that doesn't fit"),
        (lambda v: v["int8"].pop("quality"), "'int8' that doesn't fit.*expected an object"),
        (lambda v: v.update(int8=True), "'int8' that doesn't fit"),
    ],
)
def test_an_int8_copy_that_does_not_fit_is_refused_by_name(tmp_path: Path, change: Change, words: str) -> None:
    make_int8_bundle(tmp_path)
    rewrite(tmp_path, change)
    with pytest.raises(BundleError, match=words):
        load_bundle(tmp_path)


def test_calibration_is_read_back_and_changes_the_hash(tmp_path: Path) -> None:
    plain = make_bundle(tmp_path / "plain")
    assert plain.quality is None and plain.sets is None
    assert not {"quality", "sets"} & set(json.loads((tmp_path / "plain" / BUNDLE_FILE).read_text()))
    sets, quality = ClassSets(0.9, 0.12), rule(bias=0.25)
    calibrated = make_bundle(tmp_path / "calibrated", sets=sets, quality=quality)
    loaded = load_bundle(tmp_path / "calibrated")
    assert (loaded.sets, loaded.quality) == (sets, quality)
    hashes = {plain.hash, calibrated.hash, replace(calibrated, sets=None).hash, replace(calibrated, quality=None).hash}
    assert len(hashes) == 4


REFUSED: dict[str, tuple[Change, str]] = {
    "labels in another order": (lambda v: v.update(labels=sorted(EMOTIONS)), "labels"),
    "labels that are no names": (lambda v: v.update(labels=[1, 2]), "labels"),
    "labels that are no list": (lambda v: v.update(labels=None), "labels"),
    "a class less": (lambda v: v.update(labels=list(EMOTIONS[:6])), "labels"),
    "another size": (lambda v: v["input"].update(shape=[None, 64, 64, 1]), "input"),
    "another type": (lambda v: v["input"].update(dtype="float32"), "input"),
    "input that is no object": (lambda v: v.update(input=[48, 48]), "input"),
    "another crop": (lambda v: v["crop"].update(border="constant"), "crop"),
    "no temperature": (lambda v: v.pop("temperature"), "temperature"),
    "temperature 0": (lambda v: v.update(temperature=0), "temperature"),
    "temperature without end": (lambda v: v.update(temperature=float("inf")), "temperature"),
    "temperature that is text": (lambda v: v.update(temperature="1"), "temperature"),
    "threshold above 1": (lambda v: v.update(confidence_threshold=1.1), "confidence_threshold"),
    "threshold that is NaN": (lambda v: v.update(confidence_threshold=float("nan")), "confidence_threshold"),
    "sets that cover everything": (lambda v: v.update(sets={"coverage": 1.5, "least_probability": 0.1}), "sets"),
    "sets that are no object": (lambda v: v.update(sets=[0.9, 0.1]), "sets"),
    "quality without numbers": (lambda v: v.update(quality={"bias": 0.0}), "quality"),
    "quality of other measures": (lambda v: v.update(quality={**rule().to_dict(), "measures": ["x"]}), "quality"),
    "served file that is not listed": (lambda v: v.update(served="other.onnx"), "other.onnx"),
    "no list of files": (lambda v: v.update(files=[]), "files"),
    "no hash": (lambda v: v["files"].update({"model.onnx": "abc"}), "model.onnx"),
    "a way out of the folder": (lambda v: v["files"].update({"../x.onnx": {"sha256": "0"}}), "x.onnx"),
    "a file that is not there": (lambda v: v["files"].update({"more.onnx": {"sha256": "0"}}), "more.onnx"),
    "another hash": (lambda v: v["files"]["model.keras"].update(sha256="0" * 64), "model.keras"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_invalid_field_is_refused_by_name(tmp_path: Path, name: str) -> None:
    change, word = REFUSED[name]
    make_bundle(tmp_path)
    rewrite(tmp_path, change)
    with pytest.raises(BundleError) as caught:
        load_bundle(tmp_path)
    text = str(caught.value)
    assert word in text and str(tmp_path) in text and "\n" not in text and text.endswith(".")


@pytest.mark.parametrize("name", ["model.onnx", "model.keras"])
def test_a_changed_byte_is_found(tmp_path: Path, name: str) -> None:
    make_bundle(tmp_path)
    data = bytearray((tmp_path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BundleError, match=f"changed '{name}'"):
        load_bundle(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_an_invalid_bundle_json_is_refused(tmp_path: Path, content: bytes) -> None:
    make_bundle(tmp_path)
    (tmp_path / BUNDLE_FILE).write_bytes(content)
    with pytest.raises(BundleError, match=BUNDLE_FILE):
        load_bundle(tmp_path)


def test_an_empty_folder_and_a_file_are_not_bundles(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for path in (tmp_path, file, tmp_path / "gone"):
        with pytest.raises(BundleError, match="There is no model in"):
            load_bundle(path)


def test_a_failed_write_keeps_the_old_bundle_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = make_bundle(tmp_path, temperature=1.5)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fer.storage.files.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_bundle(replace(bundle, temperature=3.0))
    assert load_bundle(tmp_path).temperature == 1.5


def test_models_that_predict_differently_have_different_hashes(tmp_path: Path) -> None:
    one = make_bundle(tmp_path / "one")
    assert make_bundle(tmp_path / "copy").hash == one.hash
    others = [
        make_bundle(tmp_path / "two", temperature=2.0),
        make_bundle(tmp_path / "three", confidence_threshold=0.5),
        make_bundle(tmp_path / "four", sharpness=3.0),
    ]
    assert len({one.hash, *(other.hash for other in others)}) == 4
    assert make_bundle(tmp_path / "five", versions={"keras": "3"}).hash == one.hash


@pytest.mark.parametrize(("path", "name"), [("runs/tuesday/bundle", "tuesday"), ("model", "model")])
def test_a_model_has_the_name_of_its_run(path: str, name: str) -> None:
    assert Bundle(path=Path(path)).name == name
