"""Evaluations that run in their own process: start, stop, failure and repetition."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from streamlit.testing.v1 import AppTest

from fer.errors import EvaluationError
from fer.evaluation import keys, store
from fer.evaluation.evaluation_result import evaluate_model
from fer.evaluation.evaluation_set import load_evaluation_set
from fer.evaluation.job import Job
from fer.evaluation.latest import evaluations_dir
from fer.jobs.job import FAILED, PROGRESS_FILE, RUNNING, STOPPED
from fer.recognition.bundle import Bundle
from fer.recognition.classifier import EmotionClassifier
from fer.storage.files import write_json
from tests.support.evaluation_page import EVALUATION, SOURCE, OpenPage, box, buttons, evaluated, texts
from tests.support.forms import csv_lines, synthetic_faces, write_lines
from tests.support.markdown import plain


def running(*bundles: Bundle) -> Job:
    """Make a job look as if its process were running."""
    job = Job.of([bundle.hash for bundle in bundles], keys.choice_key(SOURCE))
    job.folder.mkdir(parents=True)
    write_json(job.folder / PROGRESS_FILE, {"state": RUNNING})
    return job


def test_pressing_evaluate_starts_a_job_that_can_be_stopped(
    bundle: Bundle, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []

    def start(job: Job, request: object) -> None:
        started.append(request)
        job.folder.mkdir(parents=True)
        state = {"state": RUNNING, "text": "tiny: 140 faces", "share": 0.4, "seconds_left": 3.0}
        write_json(job.folder / PROGRESS_FILE, state)

    monkeypatch.setattr(Job, "start", start)
    monkeypatch.setattr("fer.jobs.job.process_of", lambda _: object())
    page = open_page(EVALUATION)
    next(button for button in page.button if button.label == "Evaluate").click().run()
    (request,) = started
    assert (request.models, request.names) == ((str(bundle.path),), ("tiny",))
    assert request.source == SOURCE
    assert request.weights == ("float32",), "the page has decided, not the process"
    assert "Stop" in buttons(page) and "Evaluate" not in buttons(page)
    assert "tiny: 140 faces · 3 s left" in str(page.get("progress")[0].proto)
    # A second process would classify the same faces again.
    page.toggle(key="evaluation_robustness").set_value(True).run()
    assert "Stop" in buttons(page) and "Evaluate" not in buttons(page)


def test_two_models_in_the_other_order_are_the_same_job(
    bundle: Bundle, second: Bundle, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(bundle, second)
    monkeypatch.setattr("fer.jobs.job.process_of", lambda _: object())
    page = open_page(EVALUATION)
    box(page, "Model A").set_value(str(second.path)).run()
    box(page, "Model B").set_value(str(bundle.path)).run()
    assert "Stop" in buttons(page) and "Evaluate" not in buttons(page)


def test_a_job_that_cannot_be_started_gives_a_sentence(bundle: Bundle, open_page: OpenPage) -> None:
    evaluations_dir().write_text("in the way")
    page = open_page(EVALUATION)
    next(button for button in page.button if button.label == "Evaluate").click().run()
    assert not page.exception
    assert "can't start" in texts(page)


@pytest.mark.parametrize("name", ["faces/*.npz", "results/*/probabilities.npy"])
def test_a_damaged_and_repaired_result_is_shown_again(name: str, bundle: Bundle, open_page: OpenPage) -> None:
    evaluated(bundle)
    (file,) = evaluations_dir().glob(name)
    whole, status = file.read_bytes(), file.stat()
    file.write_bytes(b"damaged")
    page = open_page(EVALUATION)
    assert "Evaluate" in buttons(page) and not page.metric and not page.exception
    # Restored with its modification time: a cached failure would be shown forever.
    file.write_bytes(whole)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    page.run()
    assert "Evaluate" not in buttons(page) and page.metric


def test_a_result_that_was_computed_again_is_shown(bundle: Bundle, open_page: OpenPage) -> None:
    evaluation_set = load_evaluation_set(SOURCE)
    made = evaluate_model(EmotionClassifier(bundle), evaluation_set)

    def computed(seconds: float, n_days: int) -> None:
        store.save_evaluation_set(keys.choice_key(SOURCE), evaluation_set)
        when = datetime.now(UTC) - timedelta(days=n_days)
        predictions = replace(made.predictions, seconds=seconds)
        store.save_result(replace(made, predictions=predictions, made=when.isoformat(timespec="seconds")))

    def expect(page: AppTest, speed: str, age: str) -> None:
        assert f"Stored result, evaluated {age} ago" in texts(page)
        assert [metric.value for metric in page.metric if metric.label == "Faces per second"] == [speed]

    computed(1.0, n_days=30)
    page = open_page(EVALUATION)
    expect(page, "140", "30 days")
    store.delete_all()
    computed(2.0, n_days=10)
    expect(page.run(), "70", "10 days")


def test_stored_results_cannot_be_deleted_while_a_job_runs(
    bundle: Bundle, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated(bundle)
    running(bundle)
    monkeypatch.setattr("fer.jobs.job.process_of", lambda _: object())
    page = open_page(EVALUATION)
    assert next(button for button in page.button if button.label == "Delete all").disabled


def test_without_disk_space_the_stored_results_can_be_deleted(
    bundle: Bundle, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated(bundle)
    monkeypatch.setattr(Job, "start", mock.Mock(side_effect=EvaluationError("It can't start. Free some disk space.")))
    page = open_page(EVALUATION)
    page.toggle(key="evaluation_robustness").set_value(True).run()
    next(button for button in page.button if button.label == "Evaluate").click().run()
    assert ["Free some disk space" in plain(error.value) for error in page.error] == [True]
    next(button for button in page.button if button.label == "Delete all").click().run()
    assert store.disk_bytes() == 0


def test_a_relative_path_is_resolved_here_and_not_in_the_other_process(
    bundle: Bundle, open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr(Job, "start", lambda _, request: started.append(request))
    write_lines(tmp_path / "fer2013.csv", csv_lines(synthetic_faces()))
    page = open_page(EVALUATION)
    monkeypatch.chdir(tmp_path)
    box(page, "Data").set_value("elsewhere").run()
    page.text_input(key="evaluation_path").set_value("fer2013.csv").run()
    next(button for button in page.button if button.label == "Evaluate").click().run()
    assert started[0].source.path == str(tmp_path.resolve() / "fer2013.csv")


def test_a_run_that_was_deleted_meanwhile_gives_a_sentence(
    bundle: Bundle, open_page: OpenPage, fer_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = str(fer_home / "runs" / "20260101-000000-abcd" / "bundle")
    monkeypatch.setattr("fer.ui.evaluation.choice.models_in_use_first", lambda: {gone: "gone"})
    page = open_page(EVALUATION)
    assert not page.exception
    assert "no longer exists. Choose another one." in texts(page)


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [(FAILED, "The disk is full.", "The disk is full."), (STOPPED, None, "Stopped. Finished results are stored.")],
)
def test_a_failed_or_stopped_job_is_reported_and_can_be_tried_again(
    state: str, error: str | None, words: str, bundle: Bundle, open_page: OpenPage
) -> None:
    job = Job.of([bundle.hash], keys.choice_key(SOURCE))
    job.folder.mkdir(parents=True)
    write_json(job.folder / PROGRESS_FILE, {"state": state, "error": error})
    page = open_page(EVALUATION)
    assert words in texts(page)
    assert "Evaluate" in buttons(page)
