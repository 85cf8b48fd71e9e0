"""Predictions stored with a run: what they hold, and that damaged ones are refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from fer.comparing.predictions import read_predictions, report_run
from fer.evaluation.latest import latest
from fer.evaluation.report import RUN_REPORT
from fer.recognition.bundle import load_bundle
from fer.recognition.current import use_bundle
from fer.runs import layout
from tests.support.builders import make_bundle
from tests.support.evaluations import evaluation_set, grey_faces
from tests.support.run_folders import write_answers, write_run


@pytest.fixture
def run_id(fer_home: Path) -> str:
    return write_run(1, bundle=True)


def test_the_answers_of_the_run_and_of_the_model_in_use_are_kept(run_id: str, fer_home: Path) -> None:
    folder = layout.run_folder(run_id)
    bundle = load_bundle(folder / layout.BUNDLE)
    in_use = make_bundle(fer_home / "other" / "bundle", sharpness=0.001, confidence_threshold=0.4)
    use_bundle(in_use.path)
    faces = grey_faces(14, wrong=3)
    report_run(bundle, faces, folder)
    found = read_predictions(run_id)
    assert found is not None
    assert (found.split, found.data, found.faces) == ("test", "greys", evaluation_set(faces).key)
    assert found.right(found.own).sum() == 11
    assert found.own.hash == bundle.hash
    theirs = found.of_model(in_use.hash)
    assert theirs is not None
    assert theirs.n_not_sure == 14, "seven logits that hardly differ make no model sure"
    assert found.own.n_not_sure == 0
    assert (folder / RUN_REPORT).is_file()
    assert latest(in_use.hash) is None, "Home shows what its user evaluated"


def test_the_model_in_use_is_not_compared_with_itself(run_id: str) -> None:
    folder = layout.run_folder(run_id)
    bundle = load_bundle(folder / layout.BUNDLE)
    use_bundle(bundle.path)
    report_run(bundle, grey_faces(7), folder)
    found = read_predictions(run_id)
    assert found is not None and len(found.models) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [("labels", [0, 9]), ("labels", [0]), ("models", []), ("faces", 3), ("split", None)],
)
def test_damaged_predictions_are_none(run_id: str, key: str, value: object) -> None:
    write_answers(run_id, [True, False])
    assert read_predictions(run_id) is not None
    file = layout.run_folder(run_id) / layout.PREDICTIONS
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    assert read_predictions(run_id) is None


def test_a_run_without_the_file_has_no_predictions(run_id: str) -> None:
    assert read_predictions(run_id) is None


def test_a_confidence_keeps_its_side_of_the_threshold(run_id: str) -> None:
    write_answers(run_id, [True] * 4, confidence=0.39)
    found = read_predictions(run_id)
    assert found is not None
    assert found.own.n_not_sure == 0, "the threshold of this bundle is 0"
    assert np.array_equal(found.right(found.own), [True] * 4)
