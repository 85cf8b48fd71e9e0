"""TensorBoard and MLflow: they get the metrics of each epoch if installed, and their failures are tolerated."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fer.runs import layout, making, store
from fer.runs.config import TrainConfig
from fer.runs.session import RunSession
from fer.training import loggers

ROWS = [{"epoch": 1.0, "loss": 1.5, "accuracy_disgust": float("nan")}, {"epoch": 2.0, "loss": 1.25}]


class Recorder:
    """A fake of both libraries that records its calls."""

    def __init__(self) -> None:
        self.told: list[tuple] = []
        self.known: list = []
        self.broken = False

    def add_scalar(self, key, value, step):
        if self.broken:
            raise ConnectionError("no server")
        self.told.append((key, value, step))

    def flush(self):
        pass

    def set_experiment(self, name):
        self.told.append(("experiment", name))

    def search_runs(self, filter_string, output_format):
        assert output_format == "list"
        return self.known

    def start_run(self, run_id=None, run_name=None, tags=None):
        self.told.append(("start", run_id, run_name, tags))

    def log_params(self, values):
        self.told.append(("params", values["epochs"]))

    def log_metrics(self, values, step):
        self.told.append((values, step))


@pytest.fixture
def session(fer_home: Path) -> RunSession:
    return RunSession(layout.run_folder(making.create_run(TrainConfig(epochs=7), "mine")))


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch):
    """Make one of the two libraries available, and the other not."""

    def install(name: str) -> Recorder:
        recorder = Recorder()
        module: Any = ModuleType(name)
        if name == "tensorboard":
            summary: Any = ModuleType("tensorboard.summary")
            summary.Writer = lambda folder: recorder.told.append(("folder", Path(folder).name)) or recorder
            monkeypatch.setitem(sys.modules, "tensorboard.summary", summary)
        else:
            module = recorder
            monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://somewhere")
        monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.setattr(loggers.importlib.util, "find_spec", lambda asked: asked == name or None)
        return recorder

    return install


def tell(session: RunSession) -> None:
    made = loggers.metric_loggers(session, TrainConfig(epochs=7))
    for row in ROWS:
        for log in made:
            log(row)


def test_without_either_library_nothing_is_logged(session, monkeypatch):
    monkeypatch.setattr(loggers.importlib.util, "find_spec", lambda asked: None)
    assert loggers.metric_loggers(session, TrainConfig()) == []


def test_tensorboard_gets_each_finite_metric(session, install):
    recorder = install("tensorboard")
    tell(session)
    assert recorder.told == [("folder", "tensorboard"), ("loss", 1.5, 1), ("loss", 1.25, 2)]


def test_mlflow_gets_settings_and_metrics_and_a_resumed_run_continues(session, install):
    recorder = install("mlflow")
    tell(session)
    assert recorder.told == [
        ("experiment", "fer"),
        ("start", None, "mine", {"fer_run": session.folder.name}),
        ("params", 7),
        ({"loss": 1.5}, 1),
        ({"loss": 1.25}, 2),
    ]
    before: Any = ModuleType("run")
    before.info = ModuleType("info")
    before.info.run_id = "the one before"
    recorder.known = [before]
    recorder.told.clear()
    tell(session)
    assert recorder.told[1] == ("start", "the one before", None, None)
    assert ("params", 7) not in recorder.told


def test_mlflow_is_used_only_if_its_address_is_set(session, install, monkeypatch):
    recorder = install("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    tell(session)
    assert recorder.told == []


def test_a_failing_logger_is_reported_once_and_disabled(session, install):
    recorder = install("tensorboard")
    recorder.broken = True
    tell(session)
    log = store.read_log_tail(session.folder.name)
    assert log.count("tensorboard is disabled from now on: no server") == 1
    assert len(recorder.told) == 1


def test_a_logger_that_cannot_be_set_up_is_reported_and_disabled(session, install, monkeypatch):
    recorder = install("mlflow")
    monkeypatch.setattr(recorder, "set_experiment", lambda name: 1 / 0)
    assert loggers.metric_loggers(session, TrainConfig()) == []
    assert "mlflow is disabled: division by zero" in store.read_log_tail(session.folder.name)
