"""Several runs on the Training page: the form, a table with its spread, stopping and resuming."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from fer import paths
from fer.runs import process, store
from fer.runs.estimates import Measured, remember
from fer.runs.presets import PRESETS
from fer.sweeps.job import SweepJob, list_sweeps, open_sweep
from fer.ui.access import gate, records
from fer.ui.access.gate import Person
from fer.ui.access.settings import Role
from tests.support.fake_training import HOLD, OUT_OF_MEMORY
from tests.support.markdown import plain
from tests.support.run_folders import wait_until, write_run
from tests.support.sweeps import asked
from tests.support.training_page import PAGE, OpenPage, keys, texts


@pytest.fixture(autouse=True)
def fake_sweeps(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Have sweeps train nothing, and end those that a test leaves running."""
    monkeypatch.setattr(SweepJob, "worker", "tests.support.fake_sweep")
    yield fer_home
    for job in list_sweeps():
        job.stop()
    for folder in paths.runs_dir().glob("2*"):
        if process.is_alive(folder):
            process.kill(folder)


def choose(app: AppTest, name: str, values: str, *, seeds: int = 2) -> None:
    """Vary one setting in the form."""
    app.selectbox(key="training_sweep_base").select(PRESETS[0].title)
    app.number_input(key="training_sweep_seeds").set_value(seeds)
    app.selectbox(key="training_sweep_setting_1").select(name).run()
    app.text_input(key=f"training_sweep_values_1_{name}").set_value(values).run()


def captions(app: AppTest) -> str:
    return " ".join(plain(item.value) for item in app.caption)


@pytest.mark.timeout(400)
def test_trainings_are_started_and_their_mean_and_spread_shown(open_page: OpenPage) -> None:
    app = open_page(PAGE)
    choose(app, "learning_rate", "0.1, 5")
    assert "Learning rate: choose a number from 1e-06 to 1. Received: 5.0." in texts(app)
    assert app.button(key="training_sweep_refused").disabled
    choose(app, "learning_rate", "0.1, 0.2")
    assert "4 trainings, time not estimated yet" in captions(app)
    app.button(key="training_sweep_start").click().run()
    assert not app.exception and not app.error, texts(app)
    (job,) = list_sweeps()
    assert "The trainings have started" in texts(app)
    wait_until(lambda: not job.running, 120)
    assert job.progress().state == "done", job.progress()
    app.run()
    table = next(item.value for item in app.dataframe if "Macro F1" in item.value)
    assert table["Settings"].tolist() == ["learning rate 0.1", "learning rate 0.2"]
    assert table["Accuracy"].tolist() == ["60.5 ± 0.7 %", "70.5 ± 0.7 %"]
    assert "On the test split: mean ± standard deviation over 2 seeds." in captions(app)
    assert "These are synthetic faces; the results say nothing about real ones." in texts(app)
    runs = next(item.value for item in app.dataframe if "Sweep" in item.value)
    assert runs["Sweep"].tolist() == ["Learning rate 0.1, 0.2 on synthetic, 2 seeds"] * 4
    assert f"training_sweep_resume_{job.id}" not in keys(app), "everything is done"
    app.button(key=f"training_sweep_delete_{job.id}").click().run()
    assert list_sweeps() == [] and len(store.list_runs()) == 4


@pytest.mark.timeout(600)
def test_all_are_stopped_and_resumed(open_page: OpenPage, fake_sweeps: Path) -> None:
    (fake_sweeps / HOLD).touch()
    app = open_page(PAGE)
    choose(app, "dropout", f"0.1, {OUT_OF_MEMORY}", seeds=1)
    app.button(key="training_sweep_start").click().run()
    (job,) = list_sweeps()
    wait_until(lambda: any(run.progress.epoch for run in store.list_runs()), 120)
    app.run().button(key=f"training_sweep_stop_{job.id}").click().run()
    wait_until(lambda: not job.running, 120)
    assert "0 of 2 trainings done, stopped" in texts(app.run())
    (fake_sweeps / HOLD).unlink()
    app.button(key=f"training_sweep_resume_{job.id}").click().run()
    wait_until(lambda: job.progress().state == "done", 120)
    assert "1 of 2 trainings done, 1 failed" in texts(app.run())
    assert "dropout 0.8, seed 0: Memory ran out" in texts(app)


def test_the_time_of_all_trainings_is_estimated(open_page: OpenPage) -> None:
    config = PRESETS[0].settings("synthetic")
    # 30 epochs of 100 s and 40 s around them, six times.
    remember(config, Measured(n_train=1000, n_validation=0, image_seconds=0.1, validation_seconds=0.0))
    app = open_page(PAGE)
    choose(app, "learning_rate", "0.1, 0.2", seeds=3)
    assert "6 trainings, about 5 h 4 min on this computer" in captions(app)


def test_runs_of_a_sweep_are_together_and_belong_to_who_started_it(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = open_sweep(asked(seeds=2))
    ids = [write_run(number, name=f"run {number}") for number in (1, 2, 3)]
    for run_id in (ids[0], ids[2]):
        origin = {"training": "x" * 32, "sweep": job.id}
        (paths.runs_dir() / run_id / "sweep.json").write_text(json.dumps(origin))
    app = open_page(PAGE)
    table = next(item.value for item in app.dataframe if "Sweep" in item.value)
    assert table["Name"].tolist() == ["run 3", "run 1", "run 2"]
    records.set_owner("sweep", job.id, "ada")
    for who, may in (("ada", True), ("bob", False)):
        monkeypatch.setattr(gate, "person", lambda who=who: Person(who, who, Role.TRAINER))
        assert (gate.refusal("deleted", "run", ids[0]) is None) == may
        assert (gate.refusal("deleted", "sweep", job.id) is None) == may
        assert gate.refusal("deleted", "run", ids[1]) is not None
