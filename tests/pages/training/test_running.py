"""Start, watch and stop runs on the Training page."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fer.paths import SHIPPED_BUNDLE
from fer.runs import control, layout, process, store
from fer.runs.config import TrainConfig
from fer.runs.presets import PRESETS, preset_settings
from tests.support.run_folders import FAKE_RUN, change_progress, wait_until, write_curves
from tests.support.training_page import PAGE, OpenPage, keys, texts

pytestmark = pytest.mark.usefixtures("fake_runs")


def test_a_new_page_says_how_to_begin_and_offers_synthetic_faces(open_page: OpenPage) -> None:
    app = open_page(PAGE)
    assert not app.exception and not app.error
    assert "No training is running" in texts(app)
    assert app.selectbox(key="training_data").value == "synthetic"
    assert {f"training_start_{preset.key}" for preset in PRESETS} <= keys(app)


def test_starting_twice_makes_one_run_that_stops_on_request(open_page: OpenPage) -> None:
    app = open_page(PAGE)
    app.text_input(key="training_name").set_value("my first").run()
    app.button(key="training_start_quick").click().run()
    assert not app.exception and not app.error
    assert "'my first' has started. [Watch it](#running)." in texts(app)
    (run,) = store.list_runs()
    assert run.name == "my first"
    assert not app.text_input(key="training_name").value, "the next run gets its own name"
    assert store.read_config(run.id) == PRESETS[0].settings("synthetic")
    wait_until(lambda: store.read_run(run.id).progress.batch > 0)
    app.run()
    assert "my first" in [heading.value for heading in app.subheader]
    assert "'my first' has started. [Watch it](#running)." not in texts(app), "a message goes with the next event"
    app.button(key="training_start_quick").click().run()
    assert len(store.list_runs()) == 1
    app.button(key=f"training_stop_{run.id}").click().run()
    told = texts(app)
    wait_until(lambda: store.read_run(run.id).state == "stopped")
    app.run()
    told += texts(app)
    assert "No training is running" in told
    assert told.count("'my first' was stopped") == 1
    assert "No completed epochs" in texts(app), "its details are open without a choice in the table"


def test_fine_tuning_the_shipped_model_starts_from_it(open_page: OpenPage) -> None:
    app = open_page(PAGE)
    app.button(key="training_start_fine-tune").click().run()
    assert not app.exception and not app.error
    (run,) = store.list_runs()
    config = store.read_config(run.id)
    assert config == preset_settings("fine-tune", "synthetic")
    assert config.start_from == (str(SHIPPED_BUNDLE),)
    assert run.name == "Fine-tune the shipped model on synthetic"


def test_a_second_run_is_queued_and_can_be_removed(open_page: OpenPage) -> None:
    app = open_page(PAGE)
    app.button(key="training_start_quick").click().run()
    wait_until(lambda: store.active_runs()[0].state == "running")
    app.button(key="training_start_standard").click().run()
    assert "is queued and starts when" in texts(app)
    first, second = store.active_runs()
    assert "is queued" in texts(app.run())
    app.button(key=f"training_stop_{second.id}").click().run()
    told = texts(app)
    wait_until(lambda: store.read_run(second.id).state == "stopped")
    told += texts(app.run())
    assert f"'{second.name}' was stopped before its first step." in told
    assert store.read_run(first.id).state == "running"


@pytest.fixture
def deaf_run(fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Start a run that ignores requests to stop, and return its id."""
    monkeypatch.setattr(control, "train_command", lambda config, run_id=None: [*FAKE_RUN, run_id, "deaf"])
    run_id = control.start(TrainConfig())
    wait_until(lambda: store.read_run(run_id).progress.doing == "training")
    return run_id


def test_a_run_that_does_not_stop_can_be_force_stopped(open_page: OpenPage, deaf_run: str) -> None:
    app = open_page(PAGE)
    app.button(key=f"training_stop_{deaf_run}").click().run()
    assert f"training_stop_{deaf_run}" not in keys(app)
    app.button(key=f"training_kill_{deaf_run}").click().run()
    assert store.read_run(deaf_run).state == "stopped"
    assert "was stopped before its first step. It can be resumed." in texts(app)


def test_stop_in_a_second_tab_does_not_force_stop(open_page: OpenPage, deaf_run: str) -> None:
    tabs = [open_page(PAGE), open_page(PAGE)]
    for app in tabs:
        app.button(key=f"training_stop_{deaf_run}").click().run()
        assert not app.error and not app.exception
    assert process.is_alive(layout.run_folder(deaf_run))
    assert store.read_run(deaf_run).stopping


def test_removing_a_queued_run_that_started_meanwhile_does_not_end_it(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = control.start(TrainConfig(seed=1))
    wait_until(lambda: store.read_run(first).state == "running")
    monkeypatch.setattr(control, "train_command", lambda config, run_id=None: [*FAKE_RUN, run_id, "deaf"])
    second = control.start(TrainConfig(seed=2))
    app = open_page(PAGE)
    assert app.button(key=f"training_stop_{second}").label == "Remove from queue"
    control.stop(first)
    wait_until(lambda: store.read_run(second).progress.doing == "training")
    # Another tab has asked it to stop.
    control.stop(second)
    app.button(key=f"training_stop_{second}").click().run()
    assert not app.error and not app.exception
    assert process.is_alive(layout.run_folder(second))


def test_the_first_metrics_of_a_run_reach_the_table(open_page: OpenPage, make_run: Callable[..., str]) -> None:
    run_id = make_run(name="new", state="running")
    with process.holding_run(layout.run_folder(run_id)):
        app = open_page(PAGE)
        assert app.dataframe[0].value["Best"].isna().tolist() == [True]
        write_curves(layout.run_folder(run_id), 1)
        change_progress(layout.run_folder(run_id), best_accuracy=0.41, best_epoch=1, epoch=1)
        app.run()
        assert app.dataframe[-1].value["Best"].tolist() == pytest.approx([41.0])
        # The confusion matrix of `write_curves` has seven classes of the same size.
        assert "Always predicting the most frequent class would reach 14.3 %" in texts(app)


@pytest.mark.parametrize(("best_epoch", "words"), [(0, "It has no model yet"), (2, "exports its best model")])
def test_a_stopping_run_says_what_happens(
    open_page: OpenPage, make_run: Callable[..., str], best_epoch: int, words: str
) -> None:
    run_id = make_run(name="new", state="running", best_epoch=best_epoch)
    folder = layout.run_folder(run_id)
    with process.holding_run(folder):
        (folder / layout.STOP).touch()
        app = open_page(PAGE)
        assert words in texts(app)
        assert "stopping: " in str(app.get("progress")[0].proto)
        assert app.dataframe[0].value["State"].tolist() == ["stopping"]


def test_home_shows_the_state_of_training(open_page: OpenPage, make_run: Callable[..., str], tiny_model: Path) -> None:
    assert "No runs yet" in texts(open_page("app.py"))
    make_run(name="over night", epochs_done=4, state="running")
    app = open_page("app.py")
    assert "**over night**: interrupted" in texts(app)
    assert {metric.label: metric.value for metric in app.metric}["Best accuracy"] == "33.0 %"
    control.start(TrainConfig(), "now")
    wait_until(lambda: store.active_runs()[0].progress.doing == "training")
    assert "**now**: epoch 2 of 30, batch" in texts(open_page("app.py"))
