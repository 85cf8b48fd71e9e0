"""Which copy of a model is served: float32, or int8 where a measurement finds it clearly faster."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from fer import paths
from fer.errors import BundleError
from fer.recognition import weights
from fer.recognition.bundle import Bundle, write_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.recognition.int8_copy import INT8_FILE
from fer.recognition.speed import Speeds
from fer.recognition.weights import bundle_to_serve
from fer.storage.locks import is_locked
from tests.support.builders import faces_of, make_bundle, make_int8_bundle

FASTER, SLOWER = Speeds(3.0, 2.0, 150.0, 100.0), Speeds(3.0, 2.9, 150.0, 100.0)


class Stopwatch:
    """Stands in for the measurement."""

    def __init__(self) -> None:
        self.speeds = FASTER
        self.served: list[tuple[str, str]] = []
        self.locked: list[bool] = []

    def __call__(self, float32: EmotionClassifier, int8: EmotionClassifier) -> Speeds:
        self.served.append((float32.bundle.served, int8.bundle.served))
        self.locked.append(is_locked(paths.runs_dir() / ".weights.lock"))
        return self.speeds


@pytest.fixture
def stopwatch(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stopwatch]:
    """A computer that decides for itself, and on which nothing was measured yet."""
    watch = Stopwatch()
    monkeypatch.setenv("FER_WEIGHTS", "auto")
    monkeypatch.setattr(weights, "compare_speeds", watch)
    new_process()
    yield watch
    new_process()


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make_int8_bundle(tmp_path / "bundle")


def new_process() -> None:
    weights._measured.clear()


def test_int8_is_served_where_it_is_faster_and_answers_by_its_own_calibration(
    stopwatch: Stopwatch, bundle: Bundle
) -> None:
    served = bundle_to_serve(bundle.path)
    assert stopwatch.served == [("model.onnx", "model.int8.onnx")]
    assert (served.weights, served.served_file.name) == ("int8", "model.int8.onnx")
    assert (served.temperature, served.confidence_threshold) == (0.5, 0.3)
    assert served.metrics["validation"]["accuracy"] == pytest.approx(0.698)
    assert served.hash != bundle.hash and served.path == bundle.path
    # Its logits are half as large, and so is its temperature.
    faces = faces_of(30, 200)
    exact, copy = (EmotionClassifier(one) for one in (bundle, served))
    np.testing.assert_allclose(copy.logits(faces), exact.logits(faces) / 2, rtol=1e-5)
    np.testing.assert_allclose(copy.probabilities(faces), exact.probabilities(faces), rtol=1e-4)


def test_float32_is_served_where_int8_is_not_clearly_faster(stopwatch: Stopwatch, bundle: Bundle) -> None:
    stopwatch.speeds = SLOWER
    assert bundle_to_serve(bundle.path) == bundle
    assert len(stopwatch.served) == 1


@pytest.mark.parametrize(("lost", "weights_served"), [(0.003, "int8"), (0.0031, "float32"), (-0.01, "int8")])
def test_a_copy_that_loses_too_much_is_not_even_measured(
    stopwatch: Stopwatch, tmp_path: Path, lost: float, weights_served: str
) -> None:
    bundle = make_int8_bundle(tmp_path / "bundle", lost=lost)
    assert bundle_to_serve(bundle.path).weights == weights_served
    assert len(stopwatch.served) == (weights_served == "int8")


def test_a_copy_of_unknown_accuracy_is_not_served(stopwatch: Stopwatch, bundle: Bundle) -> None:
    values = json.loads((bundle.path / "bundle.json").read_text())
    values["int8"]["metrics"] = {"validation": {"accuracy": "high"}}
    (bundle.path / "bundle.json").write_text(json.dumps(values))
    assert bundle_to_serve(bundle.path).weights == "float32"
    assert stopwatch.served == []


def test_it_is_measured_once_for_every_process(stopwatch: Stopwatch, bundle: Bundle) -> None:
    for _ in range(2):
        assert bundle_to_serve(bundle.path).weights == "int8"
        new_process()
    stopwatch.speeds = SLOWER
    assert bundle_to_serve(bundle.path).weights == "int8"
    assert len(stopwatch.served) == 1


def test_what_another_process_measured_meanwhile_counts(
    stopwatch: Stopwatch, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle_to_serve(bundle.path)
    assert stopwatch.locked == [True] and not is_locked(paths.runs_dir() / ".weights.lock")
    file = paths.runs_dir() / "weights.json"
    content = file.read_text()
    file.unlink()
    stopwatch.speeds = SLOWER

    @contextmanager
    def wait_for_the_other_process(*_: object, **__: object) -> Iterator[None]:
        file.write_text(content)
        yield

    monkeypatch.setattr(weights, "FileLock", wait_for_the_other_process)
    assert bundle_to_serve(bundle.path).weights == "int8"
    assert len(stopwatch.served) == 1 and file.read_text() == content


def test_the_file_counts_for_all_processes_and_to_delete_it_means_to_measure_again(
    stopwatch: Stopwatch, bundle: Bundle
) -> None:
    assert bundle_to_serve(bundle.path).weights == "int8"
    (paths.runs_dir() / "weights.json").unlink()
    assert bundle_to_serve(bundle.path, measure=False).weights == "float32"
    stopwatch.speeds = SLOWER
    assert bundle_to_serve(bundle.path).weights == "float32"
    assert len(stopwatch.served) == 2


@pytest.mark.parametrize("what", ["processor", "runtime", "model"])
def test_another_processor_runtime_or_model_is_measured_again(
    stopwatch: Stopwatch, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    bundle_to_serve(bundle.path)
    new_process()
    if what == "processor":
        monkeypatch.setattr(weights, "processor", lambda: "a new one, avx512_vnni")
    elif what == "runtime":
        monkeypatch.setattr(weights.onnxruntime, "__version__", "99.0")
    else:
        make_int8_bundle(bundle.path, sharpness=3.0)
    stopwatch.speeds = SLOWER
    assert bundle_to_serve(bundle.path).weights == "float32"
    assert len(stopwatch.served) == 2


def test_workers_read_the_choice_and_never_measure(stopwatch: Stopwatch, bundle: Bundle) -> None:
    assert bundle_to_serve(bundle.path, measure=False).weights == "float32"
    assert stopwatch.served == []
    bundle_to_serve(bundle.path)
    new_process()
    assert bundle_to_serve(bundle.path, measure=False).weights == "int8"
    assert len(stopwatch.served) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe", b'{"speeds": 3}', b'{"speeds": {"x": {"float32_one": -1}}}', b"[" * 100_000],
)
def test_a_damaged_file_only_means_that_it_is_measured_again(
    stopwatch: Stopwatch, bundle: Bundle, content: bytes
) -> None:
    file = paths.runs_dir() / "weights.json"
    file.parent.mkdir()
    file.write_bytes(content)
    assert bundle_to_serve(bundle.path).weights == "int8"
    new_process()
    assert bundle_to_serve(bundle.path).weights == "int8"
    assert len(stopwatch.served) == 1


def test_a_home_that_cannot_be_written_means_one_measurement_per_process(
    stopwatch: Stopwatch, bundle: Bundle, fer_home: Path
) -> None:
    # A file where the folder should be; rights wouldn't stop the superuser.
    paths.runs_dir().write_text("in the way")
    for _ in range(3):
        assert bundle_to_serve(bundle.path).weights == "int8"
    assert len(stopwatch.served) == 1
    assert paths.runs_dir().read_text() == "in the way"


def test_a_copy_that_cannot_be_opened_is_not_served(stopwatch: Stopwatch, bundle: Bundle) -> None:
    (bundle.path / INT8_FILE).write_bytes(b"no network")
    assert bundle_to_serve(write_bundle(bundle).path).weights == "float32"
    assert not (paths.runs_dir() / "weights.json").exists()


def test_a_user_can_overrule_the_measurement(
    stopwatch: Stopwatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loses = make_int8_bundle(tmp_path / "loses", lost=0.1)
    monkeypatch.setenv("FER_WEIGHTS", "INT8")
    assert bundle_to_serve(loses.path).weights == "int8"
    monkeypatch.setenv("FER_WEIGHTS", "float32")
    assert bundle_to_serve(loses.path).weights == "float32"
    # A model without a copy has nothing to choose from.
    monkeypatch.setenv("FER_WEIGHTS", "int8")
    assert bundle_to_serve(make_bundle(tmp_path / "plain").path).weights == "float32"
    assert stopwatch.served == []
    monkeypatch.setenv("FER_WEIGHTS", "fp16")
    with pytest.raises(BundleError, match=r"FER_WEIGHTS: choose auto, float32 or int8\. Received: 'fp16'\."):
        bundle_to_serve(loses.path)


@pytest.mark.parametrize("wanted", ["auto", "float32", "int8", "fp16"])
def test_a_choice_that_was_made_already_counts(
    stopwatch: Stopwatch, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    monkeypatch.setenv("FER_WEIGHTS", wanted)
    for chosen in ("float32", "int8"):
        assert bundle_to_serve(bundle.path, weights=chosen).weights == chosen
    assert bundle_to_serve(make_bundle(tmp_path / "plain").path, weights="int8").weights == "float32"
    assert stopwatch.served == []


def test_the_real_measurement_says_speeds_of_both(
    fer_home: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_WEIGHTS", "auto")
    new_process()
    served = bundle_to_serve(bundle.path)
    speeds = weights.known_speeds(bundle)
    new_process()
    assert speeds is not None and weights.known_speeds(bundle) == speeds
    assert (served.weights == "int8") == speeds.int8_is_faster
