"""The Training page: start, watch, stop, use, compare, delete, import."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fer import paths
from fer.recognition.bundle import load_bundle
from fer.recognition.current import current_bundle_path
from fer.runs import control, importing, layout, process, serving, store
from fer.runs.config import TrainConfig
from fer.runs.presets import PRESETS
from tests.support.builders import make_bundle
from tests.support.run_folders import FAKE_RUN, change_progress, wait_until, write_answers, write_curves
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


def test_a_run_whose_loss_became_nan_is_copied_instead_of_resumed(
    open_page: OpenPage, make_run: Callable[..., str], choose: Callable[..., None]
) -> None:
    run_id = make_run(state="failed", hopeless=True, message="The loss became NaN.")
    choose(run_id)
    app = open_page(PAGE)
    assert "The loss became NaN" in app.error[0].value
    assert f"training_resume_{run_id}" not in keys(app)
    assert f"training_clone_{run_id}" in keys(app)


def test_the_runs_are_read_once_per_page_run(
    open_page: OpenPage, make_run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(state="running")
    serving.use_run(make_run(bundle=True))
    app = open_page(PAGE)
    real, looks = store.list_runs, []
    monkeypatch.setattr(store, "list_runs", lambda: looks.append(1) or real())
    app.run()
    assert not app.exception
    assert len(looks) == 1


def test_the_downloads_of_a_run_are_offered(
    open_page: OpenPage,
    make_run: Callable[..., str],
    choose: Callable[..., None],
    offered_files: dict[str, Callable[[], bytes]],
) -> None:
    run_id = make_run(epochs_done=2, bundle=True)
    choose(run_id)
    page = open_page(PAGE)
    labels = [button.proto.label for button in page.get("download_button")]
    assert labels == ["Model bundle (zip)", "Settings (JSON)", "Curves (CSV)", "Log"]
    names = zipfile.ZipFile(io.BytesIO(offered_files["Model bundle (zip)"]())).namelist()
    assert {"bundle.json", "model.onnx"} <= set(names)


def test_a_finished_run_is_used_everywhere_and_one_click_goes_back(
    open_page: OpenPage, make_run: Callable[..., str], choose: Callable[..., None]
) -> None:
    run_id = make_run(name="mine", epochs_done=5, bundle=True)
    shipped = load_bundle(paths.SHIPPED_BUNDLE).hash
    write_answers(run_id, [True] * 90 + [False] * 10, in_use=(shipped, [True] * 71 + [False] * 29))
    choose(run_id)
    app = open_page(PAGE)
    assert not app.exception
    # Loss and accuracy, the classes, the learning rate: all of them are updated in place.
    assert len(app.get("component_instance")) == 3
    assert not app.get("plotly_chart")
    assert "A training loss above the validation loss is normal" in texts(app)
    app.button(key=f"training_use_{run_id}").click().run()
    assert "Live and Upload now use the model of 'mine'" in texts(app)
    assert current_bundle_path().parent.name == "mine"
    assert app.button(key=f"training_use_{run_id}").disabled
    app.button(key="training_shipped").click().run()
    assert current_bundle_path() == paths.SHIPPED_BUNDLE


def test_a_worse_model_is_used_only_when_its_user_insists(
    open_page: OpenPage, make_run: Callable[..., str], choose: Callable[..., None]
) -> None:
    run_id = make_run(name="mine", epochs_done=5, bundle={"confidence_threshold": 1.0})
    shipped = load_bundle(paths.SHIPPED_BUNDLE).hash
    write_answers(run_id, [True] * 28 + [False] * 72, in_use=(shipped, [True] * 71 + [False] * 29))
    choose(run_id)
    app = open_page(PAGE)
    app.button(key=f"training_use_{run_id}").click().run()
    (warning,) = app.warning
    for words in ("28", "71", "the 100 faces", "to all of these 100 faces", "Use it anyway?"):
        assert words in warning.value.replace("\\", ""), words
    assert serving.shipped_in_use()
    app.button(key=f"training_use_not_{run_id}").click().run()
    assert not app.warning
    app.button(key=f"training_use_{run_id}").click().run()
    app.button(key=f"training_use_anyway_{run_id}").click().run()
    assert not app.warning and not app.exception
    assert serving.run_in_use() == run_id
    assert "Live and Upload now use the model of 'mine'." in texts(app)


def test_a_model_that_fails_its_check_is_refused_with_a_sentence(
    open_page: OpenPage, make_run: Callable[..., str], choose: Callable[..., None]
) -> None:
    run_id = make_run(epochs_done=2, bundle=True)
    (layout.run_folder(run_id) / layout.BUNDLE / serving.PARITY_FILE).write_text("{}")
    choose(run_id)
    app = open_page(PAGE)
    app.button(key=f"training_use_{run_id}").click().run()
    app.button(key=f"training_use_anyway_{run_id}").click().run()
    assert "can't be checked" in app.error[0].value
    assert serving.shipped_in_use()


@pytest.mark.parametrize(
    ("state", "message", "text", "resumable"),
    [
        ("running", None, "stopped unexpectedly", True),
        ("failed", "The disk is full: free some space.", "The disk is full", True),
        ("stopped", "Ended at once; it can be resumed.", "Ended at once", True),
        ("finished", None, "finished, 2 of 5 epochs", False),
    ],
)
def test_a_run_shows_why_it_ended_and_what_to_do(
    open_page: OpenPage,
    make_run: Callable[..., str],
    choose: Callable[..., None],
    state: str,
    message: str | None,
    text: str,
    resumable: bool,
) -> None:
    run_id = make_run(epochs_done=2, state=state, message=message)
    choose(run_id)
    app = open_page(PAGE)
    assert text in texts(app)
    assert (f"training_resume_{run_id}" in keys(app)) == resumable
    if resumable:
        app.button(key=f"training_resume_{run_id}").click().run()
        wait_until(lambda: store.read_run(run_id).state == "running")


def test_a_run_can_be_renamed_and_annotated(
    open_page: OpenPage, make_run: Callable[..., str], choose: Callable[..., None]
) -> None:
    run_id = make_run(name="before")
    choose(run_id)
    app = open_page(PAGE)
    next(item for item in app.text_input if item.value == "before").set_value("after")
    app.text_area[0].set_value("learned little")
    next(button for button in app.button if button.label == "Save").click().run()
    run = store.read_run(run_id)
    assert (run.name, run.notes) == ("after", "learned little")


def test_deleting_asks_first(open_page: OpenPage, make_run: Callable[..., str], choose: Callable[..., None]) -> None:
    run_id = make_run(name="old")
    choose(run_id)
    app = open_page(PAGE)
    # The button is in a popover, which says what is deleted.
    assert "permanently" in texts(app)
    app.button(key=f"training_delete_{run_id}").click().run()
    assert store.list_runs() == []
    assert "'old' was deleted" in texts(app)


def test_runs_are_compared_even_with_equal_names_or_without_epochs(
    open_page: OpenPage, make_run: Callable[..., str], choose: Callable[..., None]
) -> None:
    choose(
        make_run(TrainConfig(seed=1), name="same", epochs_done=3),
        make_run(TrainConfig(seed=2), name="same", epochs_done=5),
        make_run(TrainConfig(seed=2), name="empty", state="failed"),
    )
    app = open_page(PAGE)
    assert not app.exception
    assert len(app.get("plotly_chart")) == 2
    results, differences = [table.value for table in app.dataframe]
    assert list(results.loc["Accuracy"]) == ["", "34.0 %", "32.0 %"]
    assert list(differences.index) == ["Seed"]
    assert differences.shape[1] == 3
    assert "empty can't be tested against the others: it has no model yet" in texts(app).replace("\\", "")


def test_a_comparison_says_which_run_is_better_and_uses_it_in_place(
    open_page: OpenPage, make_run: Callable[..., str], choose: Callable[..., None]
) -> None:
    shipped = load_bundle(paths.SHIPPED_BUNDLE).hash
    good = make_run(TrainConfig(learning_rate=0.001), name="good", epochs_done=3, bundle=True)
    poor = make_run(TrainConfig(learning_rate=0.01), name="poor", epochs_done=3, bundle=True)
    write_answers(good, [True] * 90 + [False] * 10, in_use=(shipped, [True] * 71 + [False] * 29))
    write_answers(poor, [True] * 60 + [False] * 40, in_use=(shipped, [True] * 71 + [False] * 29))
    choose(good, poor)
    app = open_page(PAGE)
    said = texts(app).replace("\\", "")
    assert "good is right most often: on 90.0 % of the 100 faces" in said
    assert "significantly better than poor with 60.0 %" in said
    assert not app.info[-1].value.startswith("good"), "nothing is left untested"
    differing = app.dataframe[-1].value
    assert list(differing.loc["Learning rate"]) == ["0.01", "0.001"]
    app.button(key=f"training_use_{poor}").click().run()
    assert "60.0 %" in app.warning[0].value.replace("\\", "")
    app.button(key=f"training_use_{good}").click().run()
    assert serving.run_in_use() == good
    assert app.button(key=f"training_use_{good}").disabled


def test_the_table_shows_first_what_a_phone_has_room_for(open_page: OpenPage, make_run: Callable[..., str]) -> None:
    make_run(epochs_done=3)
    table = open_page(PAGE).dataframe[0].value
    assert table.columns[:3].tolist() == ["Name", "Best", "State"]
    assert table["Best"].tolist() == pytest.approx([32.0])
    assert str(table["Started"].dt.tz) == "UTC", "without a time zone, '1 min ago' would be hours off"


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


def test_the_table_has_every_run_and_is_filtered(open_page: OpenPage, make_run: Callable[..., str]) -> None:
    for name, state in (("alpha", "finished"), ("beta", "failed"), ("gamma", "finished")):
        make_run(name=name, state=state)
    app = open_page(PAGE)
    assert app.dataframe[0].value["Name"].tolist() == ["gamma", "beta", "alpha"]
    app.text_input(key="training_filter").set_value("ALPHA residual").run()
    assert app.dataframe[0].value["Name"].tolist() == ["alpha"]
    app.text_input(key="training_filter").set_value("").run()
    app.get("button_group")[0].set_value(["failed"]).run()  # type: ignore[union-attr]
    assert app.dataframe[0].value["Name"].tolist() == ["beta"]


def test_an_imported_model_is_validated_used_and_deleted(open_page: OpenPage, tmp_path: Path) -> None:
    make_bundle(tmp_path / "theirs")
    given = [
        (name, (tmp_path / "theirs" / name).read_bytes(), "application/octet-stream")
        for name in ("model.onnx", "bundle.json")
    ]
    app = open_page(PAGE)
    app.file_uploader[0].set_value([given[0]]).run()
    app.button(key="training_import").click().run()
    assert "Choose two files" in app.error[0].value
    app.file_uploader[0].set_value([("model.onnx", b"rubbish", "application/octet-stream"), given[1]]).run()
    app.button(key="training_import").click().run()
    assert "hash doesn't match" in app.error[0].value
    app.file_uploader[0].set_value(given).run()
    app.text_input(key="training_import_name").set_value("from the lab").run()
    app.button(key="training_import").click().run()
    assert not app.error
    assert "passed every check" in texts(app)
    app.button(key="training_import_use_from-the-lab").click().run()
    assert current_bundle_path().parent.name == "from-the-lab"
    app.button(key="training_import_delete_from-the-lab").click().run()
    assert "is in use" in app.error[0].value
    app.button(key="training_shipped").click().run()
    app.button(key="training_import_delete_from-the-lab").click().run()
    assert importing.list_imported() == []


def test_home_shows_the_state_of_training(open_page: OpenPage, make_run: Callable[..., str], tiny_model: Path) -> None:
    assert "No runs yet" in texts(open_page("app.py"))
    make_run(name="over night", epochs_done=4, state="running")
    app = open_page("app.py")
    assert "**over night**: interrupted" in texts(app)
    assert {metric.label: metric.value for metric in app.metric}["Best accuracy"] == "33.0 %"
    control.start(TrainConfig(), "now")
    wait_until(lambda: store.active_runs()[0].progress.doing == "training")
    assert "**now**: epoch 2 of 30, batch" in texts(open_page("app.py"))
