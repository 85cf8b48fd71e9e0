"""What using a run's model would change, said before it does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fer.comparing.switching import Change, change_to_imported, change_to_run
from fer.errors import BundleError
from fer.recognition.bundle import Bundle
from fer.recognition.current import use_bundle
from fer.runs import layout, serving, store
from fer.runs.importing import ImportedModel
from tests.support.builders import make_bundle
from tests.support.run_folders import write_answers

MakeRun = Callable[..., str]


@pytest.fixture
def in_use(fer_home: Path) -> Bundle:
    bundle = make_bundle(fer_home / "theirs" / "bundle", sharpness=3.0, confidence_threshold=0.5)
    use_bundle(bundle.path)
    return bundle


def change(run_id: str) -> Change:
    return change_to_run(store.read_run(run_id))


def test_a_worse_model_that_is_never_sure_is_doubtful(make_run: MakeRun, in_use: Bundle) -> None:
    run_id = make_run(bundle={"confidence_threshold": 1.0})
    write_answers(run_id, [True] * 28 + [False] * 72, in_use=(in_use.hash, [True] * 71 + [False] * 29))
    found = change(run_id)
    assert found.doubtful
    assert found.sentences[0] == (
        "It is right on 28.0 % of the 100 faces of the test split of greys, the model in use (theirs) on 71.0 %."
    )
    assert found.sentences[1] == "It would answer 'not sure' to all of these 100 faces, instead of 0 %."


def test_a_model_that_is_hardly_ever_sure_is_told_by_its_sure_faces(make_run: MakeRun, in_use: Bundle) -> None:
    run_id = make_run(bundle={"confidence_threshold": 0.5})
    write_answers(run_id, [True] * 1000, in_use=(in_use.hash, [True] * 1000), n_sure=2)
    found = change(run_id)
    assert found.doubtful
    assert "It would answer 'not sure' to all but 2 of these 1,000 faces" in found.text


def test_a_better_model_is_not_doubtful(make_run: MakeRun, in_use: Bundle) -> None:
    run_id = make_run(bundle=True)
    write_answers(run_id, [True] * 80 + [False] * 20, in_use=(in_use.hash, [True] * 50 + [False] * 50))
    found = change(run_id)
    assert not found.doubtful
    assert len(found.sentences) == 1
    assert "80.0 %" in found.text and "50.0 %" in found.text and "chance" not in found.text


def test_a_difference_that_may_be_chance_says_so(make_run: MakeRun, in_use: Bundle) -> None:
    run_id = make_run(bundle=True)
    write_answers(run_id, [True] * 51 + [False] * 49, in_use=(in_use.hash, [True] * 50 + [False] * 50))
    assert "The difference may be chance." in change(run_id).text


def test_metrics_on_the_same_data_are_compared(make_run: MakeRun, fer_home: Path) -> None:
    def values(accuracy: float) -> dict[str, Any]:
        data = {"name": "faces.csv", "fingerprint": "abc"}
        return {"data": data, "metrics": {"validation": {"accuracy": accuracy}}}

    use_bundle(make_bundle(fer_home / "old" / "bundle", sharpness=3.0, **values(0.6)).path)
    worse, better = make_run(bundle=values(0.4)), make_run(bundle=values(0.7))
    assert change(worse).doubtful
    assert change(worse).text == (
        "It is right on 40.0 % of the validation split of faces.csv, the model in use (old) on 60.0 %."
    )
    assert not change(better).doubtful


def test_different_faces_cannot_be_compared(make_run: MakeRun, in_use: Bundle) -> None:
    run_id = make_run(bundle={"data": {"name": "drawn", "synthetic": True}, "metrics": {"test": {"accuracy": 0.9}}})
    found = change(run_id)
    assert found.doubtful
    assert "It is right on 90.0 % of the test split of drawn." in found.text
    assert "The model in use (theirs) was never measured." in found.text
    assert "different faces" in found.text
    assert "It learned from synthetic faces only" in found.text


def test_the_model_in_use_changes_nothing(make_run: MakeRun) -> None:
    run_id = make_run(bundle=True)
    serving.use_run(run_id)
    assert change(run_id) == Change((), doubtful=False)


def test_a_damaged_model_is_an_error(make_run: MakeRun) -> None:
    run_id = make_run(bundle=True)
    (layout.run_folder(run_id) / layout.BUNDLE / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(BundleError):
        change(run_id)


def test_an_imported_model_is_compared_by_what_it_says_of_itself(fer_home: Path) -> None:
    def values(accuracy: float) -> dict[str, Any]:
        return {"data": {"name": "faces.csv", "fingerprint": "abc"}, "metrics": {"test": {"accuracy": accuracy}}}

    use_bundle(make_bundle(fer_home / "old" / "bundle", sharpness=3.0, **values(0.6)).path)
    worse = make_bundle(fer_home / "worse" / "bundle", **values(0.5), confidence_threshold=1.0)
    found = change_to_imported(ImportedModel("worse", worse.path))
    assert found.doubtful
    assert "50.0 % of the test split of faces.csv, the model in use (old) on 60.0 %" in found.text
    assert "It would answer 'not sure' to every face." in found.text
    better = make_bundle(fer_home / "better" / "bundle", sharpness=2.0, **values(0.7))
    assert not change_to_imported(ImportedModel("better", better.path)).doubtful
