"""A fine-tuned model against the one it started from: on its own faces, and on those the first was chosen on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.comparing.fine_tuning import CHANGES, Change, measure_changes, read_changes, to_report
from fer.datasets.faces import FaceDataset
from fer.errors import BundleError
from fer.recognition.bundle import Bundle
from fer.runs import layout
from fer.storage.files import write_json
from tests.support.builders import make_bundle
from tests.support.forms import csv_lines
from tests.support.run_folders import write_run

# A face of one grey has the class 6 * grey / 255 for `make_bundle`, and the farthest one with a negative sharpness.
GRAYS = np.arange(7) * 255 // 6


def faces(name: str = "mine", *, times: int = 4, darker: int = 0) -> FaceDataset:
    """Faces in all splits that `make_bundle` classifies without a mistake; `darker` makes others of them."""
    grays = np.tile(np.maximum(GRAYS - darker, 0), 3 * times)
    images = np.repeat(grays.astype(np.uint8), 48 * 48).reshape(-1, 48, 48)
    splits = np.repeat(np.arange(3, dtype=np.uint8), 7 * times)
    return FaceDataset(name, images, np.tile(np.arange(7), 3 * times), splits)


def trained_on(dataset: FaceDataset, folder: Path, sharpness: float = 4.0) -> Bundle:
    validation = dataset.split("validation")
    return make_bundle(
        folder,
        sharpness=sharpness,
        data={"name": dataset.name, "validation_fingerprint": validation.fingerprint},
        metrics={"validation": {"n": len(validation), "accuracy": 1.0}},
    )


@pytest.fixture
def known(fer_home: Path) -> FaceDataset:
    """The data of the initial model, lying in FER_HOME/data as a CSV file."""
    dataset = faces("theirs.csv", darker=5)
    (fer_home / "data").mkdir()
    (fer_home / "data" / "theirs.csv").write_text("\n".join(csv_lines(dataset)))
    return dataset


def test_the_accuracy_before_and_after_is_measured_on_both_datasets(known: FaceDataset, tmp_path: Path) -> None:
    initial = trained_on(known, tmp_path / "initial")
    tuned = make_bundle(tmp_path / "tuned", sharpness=-4)
    own, before = measure_changes(tuned, initial.path, faces().split("validation"))
    assert (own.own, own.data, own.n, own.before) == (True, "mine", 28, 1.0)
    assert (before.own, before.data, before.n, before.before) == (False, "theirs.csv", 28, 1.0)
    # The inverted model is right on none: even the middle class is farthest from no face.
    assert own.after == before.after == 0.0
    assert own.worse and before.worse
    assert own.warning is not None and "worse than 'initial' even on mine" in own.warning
    assert before.warning is not None and "got worse on theirs.csv, on which 'initial' was trained" in before.warning
    assert before.text == (
        "On the validation split of theirs.csv (28 faces), accuracy went from 100.0 % ('initial') to 0.0 %."
    )


def test_a_model_that_got_better_gives_no_warning(known: FaceDataset, tmp_path: Path) -> None:
    initial = trained_on(known, tmp_path / "initial", sharpness=-4)
    changes = measure_changes(make_bundle(tmp_path / "tuned"), initial.path, faces().split("validation"))
    assert [(change.before, change.after, change.warning) for change in changes] == [(0.0, 1.0, None)] * 2


def test_the_initial_models_data_are_recognised_by_their_faces_alone(known: FaceDataset, tmp_path: Path) -> None:
    initial, tuned = trained_on(known, tmp_path / "initial"), make_bundle(tmp_path / "tuned")
    # Of the same name, but with other faces.
    others = replace(initial, data={**initial.data, "validation_fingerprint": "0" * 16})
    unknown = make_bundle(tmp_path / "unknown", data=others.data, metrics=initial.metrics)
    older = make_bundle(tmp_path / "older", data={"name": "theirs.csv"}, metrics=initial.metrics)
    for model in (unknown, older):
        assert [change.own for change in measure_changes(tuned, model.path, faces().split("validation"))] == [True]
    # The run's own data are those of the initial model: once is enough.
    assert [change.own for change in measure_changes(tuned, initial.path, known.split("validation"))] == [True]


def test_an_initial_model_that_is_gone_is_refused(fer_home: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="There is no model"):
        measure_changes(make_bundle(tmp_path / "tuned"), tmp_path / "gone", faces().split("validation"))


@pytest.mark.parametrize(
    ("after", "p_value", "worse"), [(0.6, 0.04, True), (0.6, 0.06, False), (0.7, 0.04, False), (0.8, 0.01, False)]
)
def test_only_a_loss_beyond_chance_is_warned_of(after: float, p_value: float, worse: bool) -> None:
    change = Change("initial", "theirs", 100, 0.7, after, p_value, own=False)
    assert change.worse is worse and (change.warning is not None) is worse
    assert ("within chance" in change.text) is (p_value >= 0.05)


def test_changes_are_kept_in_the_report_and_damaged_ones_are_left_out(fer_home: Path) -> None:
    run_id = write_run(1, bundle=True)
    report = layout.run_folder(run_id) / layout.REPORT
    assert read_changes(run_id) == [] and to_report([]) == {}
    changes = [Change("initial", "theirs", 100, 0.7, 0.6, 0.01, own=False)]
    write_json(report, {"metrics": {}, **to_report(changes)})
    assert read_changes(run_id) == changes
    for damaged in (3, [3], [{**to_report(changes)[CHANGES][0], "before": 7}]):
        write_json(report, {"metrics": {}, CHANGES: damaged})
        assert read_changes(run_id) == []
