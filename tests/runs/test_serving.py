"""Using a model: it is checked against the training, copied, and replaced by the shipped one again."""

import json
import shutil

import numpy as np
import pytest

from fer import paths
from fer.errors import BundleError, RunError
from fer.recognition.bundle import load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.recognition.current import current_bundle_path
from fer.runs import control, layout, making, serving
from fer.storage import files
from tests.support.builders import faces_of
from tests.support.run_folders import write_bundle


@pytest.fixture
def finished(make_run):
    return make_run(name="my first: run", bundle=True)


def test_a_model_in_use_has_its_runs_name_and_can_be_replaced_by_the_shipped_one(finished):
    assert serving.shipped_in_use()
    served = serving.use_run(finished)
    assert current_bundle_path() == served.path
    assert load_bundle(current_bundle_path()).name == "my-first-run"
    assert serving.run_in_use() == finished
    assert not serving.shipped_in_use()
    serving.use_shipped()
    assert serving.shipped_in_use()
    assert serving.run_in_use() is None


def test_resuming_or_deleting_a_run_does_not_affect_the_model_in_use(finished):
    serving.use_run(finished)
    before = EmotionClassifier(load_bundle(current_bundle_path())).logits(faces_of(30, 200))
    folder = layout.run_folder(finished)
    # A resumed run writes a new model next to the old one, then replaces it.
    write_bundle(folder / "next", sharpness=9.0)
    files.replace_folder(folder / "next" / layout.BUNDLE, folder / layout.BUNDLE)
    assert load_bundle(folder / layout.BUNDLE).hash != load_bundle(current_bundle_path()).hash
    control.delete(finished)
    after = EmotionClassifier(load_bundle(current_bundle_path())).logits(faces_of(30, 200))
    np.testing.assert_array_equal(after, before)
    assert serving.run_in_use() == finished


def test_a_model_that_differs_from_the_training_is_refused(make_run, finished):
    serving.use_run(finished)
    other = make_run(bundle=True)
    file = layout.run_folder(other) / layout.BUNDLE / serving.PARITY_FILE
    logits = json.loads(file.read_text())["logits"]
    logits[3][2] += 2e-4
    file.write_text(json.dumps({"logits": logits}))
    with pytest.raises(BundleError, match="differs from the trained network"):
        serving.use_run(other)
    assert serving.run_in_use() == finished
    logits[3][2] -= 1.5e-4
    file.write_text(json.dumps({"logits": logits}))
    serving.use_run(other)
    assert serving.run_in_use() == other


@pytest.mark.parametrize("text", ["", "{}", '{"logits": [1, 2]}', '{"logits": [[1, 2]]}'])
def test_a_model_without_reference_logits_is_refused(finished, text):
    (layout.run_folder(finished) / layout.BUNDLE / serving.PARITY_FILE).write_text(text)
    with pytest.raises(BundleError):
        serving.use_run(finished)
    assert serving.shipped_in_use()


def test_a_damaged_model_is_refused_by_name(finished):
    (layout.run_folder(finished) / layout.BUNDLE / "model.onnx").write_bytes(b"something else")
    with pytest.raises(BundleError, match=r"changed 'model\.onnx'"):
        serving.use_run(finished)
    assert serving.shipped_in_use()


def test_a_run_without_a_model_gives_a_sentence(make_run):
    with pytest.raises(RunError, match="no model yet"):
        serving.use_run(make_run(state="failed"))


def test_using_a_model_again_reuses_its_copy_and_removes_old_ones(make_run, finished):
    first = serving.use_run(finished)
    assert serving.use_run(finished).path == first.path
    others = [make_run(name=f"run {sharpness}") for sharpness in (5, 6)]
    for run_id, sharpness in zip(others, (5.0, 6.0), strict=True):
        write_bundle(layout.run_folder(run_id), sharpness=sharpness)
        serving.use_run(run_id)
    assert len(list((paths.runs_dir() / "models").iterdir())) == 2, "the one in use, and the one before it"
    assert not first.path.exists()


def test_without_hard_links_the_files_are_copied(finished, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fer.storage.files.os.link", refuse)
    served = serving.use_run(finished)
    shutil.rmtree(layout.run_folder(finished))
    load_bundle(served.path)


@pytest.mark.parametrize("what", ["copy", "origin"])
def test_a_full_disk_while_using_a_renamed_model_keeps_the_model_in_use(finished, monkeypatch, what):
    served = serving.use_run(finished)
    making.set_notes(finished, name="another name")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(
        *((serving.files, "link_or_copy", full) if what == "copy" else (serving.files, "write_json", full))
    )
    with pytest.raises(RunError, match="can't be copied"):
        serving.use_run(finished)
    assert current_bundle_path() == served.path
    load_bundle(served.path)
    monkeypatch.undo()


def test_a_renamed_model_gets_its_new_name_and_the_old_copy_is_removed_later(finished):
    before = serving.use_run(finished)
    making.set_notes(finished, name="another name")
    after = serving.use_run(finished)
    assert (after.name, after.hash) == ("another-name", before.hash)
    assert load_bundle(before.path), "a page may still be loading it"
    serving.use_run(finished)
    assert not before.path.exists()


def test_a_damaged_copy_is_replaced(finished, monkeypatch):
    monkeypatch.setattr(serving.files, "link_or_copy", shutil.copy2)
    served = serving.use_run(finished)
    (served.path / "model.onnx").write_bytes(b"something else")
    assert load_bundle(serving.use_run(finished).path)


@pytest.mark.parametrize(
    ("name", "folder"),
    [("Über/run 1", "ber-run-1"), ("../../etc", "etc"), ("...", ""), ("a" * 99, "a" * 60), ("ok_1.2-x", "ok_1.2-x")],
)
def test_a_name_becomes_a_safe_folder_name(name, folder):
    assert serving.slug(name) == folder
