"""What an evaluation's process does: sentences for bad input, progress, and nothing computed twice."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from fer.evaluation import keys, store, worker
from fer.evaluation.evaluation_set import Source
from fer.evaluation.job import Job, Request
from fer.evaluation.latest import evaluations_dir, latest
from fer.evaluation.metrics import BATCH
from fer.evaluation.robustness import TRANSFORMS
from fer.jobs import worker as jobs_worker
from fer.jobs.job import DONE, FAILED, REQUEST_FILE, Progress
from fer.recognition.bundle import Bundle
from fer.recognition.classifier import EmotionClassifier
from fer.storage.files import write_json
from tests.support.builders import make_bundle, make_int8_bundle
from tests.support.evaluations import asked


def work(job: Job, request: Request) -> Progress:
    """Run the evaluation in this process instead of its own."""
    job.folder.mkdir(parents=True, exist_ok=True)
    write_json(job.folder / REQUEST_FILE, request.to_dict())
    worker.run(job.folder)
    progress = job.progress()
    assert progress is not None
    return progress


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (Source("/nowhere/fer2013.csv"), "/nowhere/fer2013.csv doesn't exist"),
        (Source("/nowhere", photos=True), "/nowhere isn't a folder"),
    ],
)
def test_bad_input_fails_with_a_sentence(bundle: Bundle, source: Source, sentence: str) -> None:
    progress = work(*asked(bundle, source=source))
    assert progress.state == FAILED
    assert progress.error is not None and sentence in progress.error


def test_a_damaged_model_fails_with_a_sentence(bundle: Bundle) -> None:
    job, request = asked(bundle)
    bundle.served_file.write_bytes(b"no model")
    progress = work(job, request)
    assert progress.state == FAILED
    assert progress.error is not None and "hash doesn't match" in progress.error


def test_a_model_has_the_name_it_was_chosen_by(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Progress] = []
    monkeypatch.setattr(jobs_worker, "write_json", lambda _, values: written.append(Progress(**values)))
    monkeypatch.setattr(jobs_worker, "_SECONDS_BETWEEN_WRITES", 0.0)
    job, request = asked(bundle)
    job.folder.mkdir(parents=True)
    write_json(job.folder / REQUEST_FILE, replace(request, names=("Shipped model",)).to_dict())
    worker.run(job.folder)
    assert "Shipped model: 140 faces" in [progress.text for progress in written]
    found = latest(bundle.hash)
    assert found is not None and found.model == "Shipped model"


@pytest.mark.parametrize(("chosen", "here"), [("int8", "float32"), ("float32", "int8"), ("", "int8")])
def test_the_result_is_stored_for_the_weights_that_the_page_has_chosen(
    fer_home: Path, monkeypatch: pytest.MonkeyPatch, chosen: str, here: str
) -> None:
    """A request of an earlier version doesn't say the weights. It gets those that are served here."""
    monkeypatch.setenv("FER_WEIGHTS", here)
    bundle = make_int8_bundle(fer_home / "model")
    copies = {"float32": bundle, "int8": bundle.with_int8_served()}
    job, request = asked(copies[chosen or here])
    assert request.weights == (chosen or here,)
    if not chosen:
        values = request.to_dict()
        del values["weights"]
        request = Request.from_dict(values)
    assert work(job, request).state == DONE
    faces = store.known_faces(keys.choice_key(request.source))
    assert faces is not None
    found = {name for name, copy in copies.items() if store.result_stamp(copy.hash, faces) is not None}
    assert found == {chosen or here}


def test_two_models_have_weights_of_their_own(fer_home: Path) -> None:
    int8 = make_int8_bundle(fer_home / "int8").with_int8_served()
    plain = make_bundle(fer_home / "plain", sharpness=3.0)
    job, request = asked(int8, plain)
    assert request.weights == ("int8", "float32") and work(job, request).state == DONE
    for bundle in (int8, plain):
        assert latest(bundle.hash) is not None


def test_damaged_faces_are_read_again(bundle: Bundle) -> None:
    job, request = asked(bundle)
    assert work(job, request).state == DONE
    (file,) = (evaluations_dir() / "faces").iterdir()
    file.write_bytes(b"damaged")
    assert store.find_evaluation_set(keys.choice_key(request.source)) is None
    assert work(job, request).state == DONE
    assert store.find_evaluation_set(keys.choice_key(request.source)) is not None


def test_nothing_is_computed_twice(bundle: Bundle, fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = make_bundle(fer_home / "other", sharpness=2.0)
    seen: list[tuple[str, int]] = []
    answer = EmotionClassifier.probabilities

    def counting(self: EmotionClassifier, crops: object) -> object:
        seen.append((self.bundle.name, len(crops)))  # type: ignore[arg-type]
        return answer(self, crops)  # type: ignore[arg-type]

    monkeypatch.setattr(EmotionClassifier, "probabilities", counting)

    def faces_of(name: str) -> int:
        warm_up = BATCH
        return sum(n for model, n in seen if model == name) - warm_up

    assert work(*asked(bundle)).state == DONE
    assert faces_of("model") == 140
    seen.clear()
    assert work(*asked(bundle)).state == DONE
    assert seen == []
    # A second model, and robustness in addition to the stored result.
    assert work(*asked(bundle, other)).state == DONE
    assert {name for name, _ in seen} == {"other"}
    seen.clear()
    assert work(*asked(bundle, robustness=True)).state == DONE
    assert sum(n for _, n in seen) == len(TRANSFORMS) * (140 + BATCH)
    # The same faces asked for by the name of their split.
    seen.clear()
    assert work(*asked(bundle, source=Source("synthetic", split="test"))).state == DONE
    assert seen == []
    assert len(list((evaluations_dir() / "faces").iterdir())) == 1


def test_progress_rises_and_shows_the_time_left(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Progress] = []
    monkeypatch.setattr(jobs_worker, "write_json", lambda _, values: written.append(Progress(**values)))
    monkeypatch.setattr(jobs_worker, "_SECONDS_BETWEEN_WRITES", 0.0)
    job, request = asked(bundle, robustness=True)
    job.folder.mkdir(parents=True)
    write_json(job.folder / REQUEST_FILE, request.to_dict())
    worker.run(job.folder)
    shares = [progress.share for progress in written]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    texts = [progress.text for progress in written]
    assert texts[0] == "Reading the faces"
    assert [f"model: 140 faces, {transform.label}" in texts for transform in TRANSFORMS] == [True] * len(TRANSFORMS)
    assert any(progress.seconds_left is not None and progress.seconds_left >= 0 for progress in written)
    assert {progress.pid for progress in written} == {os.getpid()}
