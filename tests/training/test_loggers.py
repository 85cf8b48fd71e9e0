"""Figures for TensorBoard and MLflow: told each epoch where they are installed, and never a reason to fail."""

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
    """Stands in for both libraries, and writes down what it is told."""

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
    """Let one of the two libraries be there, the other not."""

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


def test_without_either_nothing_is_told(session, monkeypatch):
    monkeypatch.setattr(loggers.importlib.util, "find_spec", lambda asked: None)
    assert loggers.metric_loggers(session, TrainConfig()) == []


def test_tensorboard_gets_each_figure_that_is_a_number(session, install):
    recorder = install("tensorboard")
    tell(session)
    assert recorder.told == [("folder", "tensorboard"), ("loss", 1.5, 1), ("loss", 1.25, 2)]


def test_mlflow_gets_settings_and_figures_and_a_resumed_run_goes_on(session, install):
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


def test_mlflow_is_asked_only_where_its_address_is_set(session, install, monkeypatch):
    recorder = install("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    tell(session)
    assert recorder.told == []


def test_one_that_fails_is_named_once_and_left_out(session, install):
    recorder = install("tensorboard")
    recorder.broken = True
    tell(session)
    log = store.read_log_tail(session.folder.name)
    assert log.count("tensorboard is disabled from now on: no server") == 1
    assert len(recorder.told) == 1


def test_one_that_cannot_be_set_up_is_named_and_left_out(session, install, monkeypatch):
    recorder = install("mlflow")
    monkeypatch.setattr(recorder, "set_experiment", lambda name: 1 / 0)
    assert loggers.metric_loggers(session, TrainConfig()) == []
    assert "mlflow is disabled: division by zero" in store.read_log_tail(session.folder.name)
