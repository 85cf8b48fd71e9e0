"""Each result is computed once, however many processes ask for it."""

import threading
from pathlib import Path

import pytest

from fer.evaluation import keys, store
from fer.evaluation.evaluation_result import evaluate_model
from fer.evaluation.latest import evaluations_dir, latest
from fer.evaluation.metrics import BATCH
from fer.evaluation.names import display_name
from fer.evaluation.once import evaluate_once
from fer.evaluation.report import RUN_REPORT, write_run_report
from fer.paths import SHIPPED_BUNDLE
from fer.recognition.bundle import Bundle
from fer.recognition.classifier import EmotionClassifier
from fer.storage.files import write_json
from tests.support.builders import make_bundle
from tests.support.evaluations import count_classified, evaluation_set, grey_faces, tiny_classifier

N_FACES = 70
ONE_PASS = N_FACES + BATCH


@pytest.fixture(autouse=True)
def _home(fer_home: Path) -> None:
    """Give every test an empty FER_HOME."""


@pytest.fixture
def classified(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record how many faces each call classifies."""
    return count_classified(monkeypatch)


def test_a_stored_result_is_reused_and_fresh_computes_it_again(tmp_path: Path, classified: list[int]) -> None:
    classifier, faces = tiny_classifier(tmp_path / "tiny"), evaluation_set(grey_faces(N_FACES))
    first = evaluate_once(classifier, faces, name="mine")
    again = evaluate_once(classifier, faces)
    assert (first.model.name, again.model.name) == ("mine", "tiny")
    assert sum(classified) == ONE_PASS
    assert again.predictions.seconds == first.predictions.seconds > 0
    evaluate_once(classifier, faces, fresh=True)
    assert sum(classified) == 2 * ONE_PASS


def test_two_at_once_compute_once_and_the_second_is_informed(tmp_path: Path, classified: list[int]) -> None:
    classifier, faces = tiny_classifier(tmp_path / "bundle"), evaluation_set(grey_faces(N_FACES))
    waiting, results = threading.Event(), []
    with store.alone(keys.result_key(classifier.bundle.hash, faces.key)):
        other = threading.Thread(
            target=lambda: results.append(evaluate_once(classifier, faces, on_wait=waiting.set)), daemon=True
        )
        other.start()
        assert waiting.wait(30)
        assert classified == []
        # The other process finds the result that the lock's holder stores.
        store.save_result(evaluate_model(classifier, faces))
    other.join(30)
    assert sum(classified) == ONE_PASS
    assert results[0].metrics.accuracy == 1.0


def test_a_runs_report_is_stored_for_the_page(fer_home: Path, classified: list[int]) -> None:
    run = fer_home / "runs" / "20260101-000000-abcd"
    bundle = make_bundle(run / "bundle")
    write_json(run / "notes.json", {"name": "gentle"})
    faces = grey_faces(N_FACES)
    write_run_report(bundle, evaluation_set(faces), run)
    assert store.load_result(bundle.hash, evaluation_set(faces)) is not None
    found = latest(bundle.hash)
    assert found is not None and found.model == "gentle"
    evaluate_once(EmotionClassifier(bundle), evaluation_set(faces))
    assert sum(classified) == ONE_PASS


def test_a_run_has_its_report_even_if_it_cannot_be_stored(fer_home: Path) -> None:
    run = fer_home / "runs" / "20260101-000000-abcd"
    bundle = make_bundle(run / "bundle")
    evaluations_dir().write_text("in the way")
    write_run_report(bundle, evaluation_set(grey_faces(14)), run)
    assert (run / RUN_REPORT).stat().st_size > 1000


def test_a_model_has_the_name_its_user_knows(fer_home: Path) -> None:
    run = fer_home / "runs" / "20260101-000000-abcd"
    bundle = make_bundle(run / "bundle")
    assert display_name(bundle) == "20260101-000000-abcd"
    write_json(run / "notes.json", {"name": "gentle"})
    assert display_name(bundle) == "gentle"
    copy = make_bundle(fer_home / "runs" / "models" / bundle.hash / "slug" / "bundle")
    write_json(copy.path.parent / "origin.json", {"run": run.name})
    assert display_name(copy) == "gentle"
    write_json(copy.path.parent / "origin.json", {"run": "20990101-000000-abcd"})
    assert display_name(copy) == "slug", "the run was deleted"
    assert display_name(Bundle(SHIPPED_BUNDLE)) == "Shipped model"
    assert display_name(Bundle(fer_home / "elsewhere")) == "elsewhere"
