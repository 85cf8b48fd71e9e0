"""The table of runs on the Training page, and the details of one."""

import io
import zipfile
from collections.abc import Callable

import pyarrow as pa
import pytest

from fer.comparing.fine_tuning import Change, to_report
from fer.runs import layout, serving, store
from fer.storage.files import write_json
from tests.support.markdown import plain
from tests.support.run_folders import wait_until
from tests.support.training_page import PAGE, OpenPage, keys, texts

pytestmark = pytest.mark.usefixtures("fake_runs")


def test_a_run_whose_loss_became_nan_is_copied_instead_of_resumed(
    open_page: OpenPage, make_run: Callable[..., str], choose: Callable[..., None]
) -> None:
    run_id = make_run(state="failed", hopeless=True, message="The loss became NaN.")
    choose(run_id)
    app = open_page(PAGE)
    assert "The loss became NaN" in plain(app.error[0].value)
    assert f"training_resume_{run_id}" not in keys(app)
    assert f"training_clone_{run_id}" in keys(app)


def test_what_fine_tuning_changed_is_shown_with_a_warning_where_the_model_got_worse(
    open_page: OpenPage, make_run: Callable[..., str], choose: Callable[..., None]
) -> None:
    run_id = make_run(epochs_done=2, bundle=True)
    choose(run_id)
    assert not open_page(PAGE).warning
    changes = [
        Change("Shipped model", "mine", 200, 0.61, 0.74, 0.001, own=True),
        Change("Shipped model", "theirs_2013.csv", 3589, 0.6991, 0.64, 0.001, own=False),
    ]
    write_json(layout.run_folder(run_id) / layout.REPORT, {"metrics": {}, **to_report(changes)})
    app = open_page(PAGE)
    assert not app.exception
    shown = texts(app)
    assert (
        "On the validation split of mine (200 faces), accuracy went from 61.0 % ('Shipped model') to 74.0 %." in shown
    )
    assert "theirs_2013.csv (3,589 faces), accuracy went from 69.9 % ('Shipped model') to 64.0 %." in shown
    (warning,) = app.warning
    assert "got worse on theirs_2013.csv, on which 'Shipped model' was trained" in plain(warning.value)


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


def test_the_table_shows_first_what_a_phone_has_room_for(open_page: OpenPage, make_run: Callable[..., str]) -> None:
    make_run(epochs_done=3)
    table = open_page(PAGE).dataframe[0].value
    assert table.columns[:3].tolist() == ["Name", "Best", "State"]
    assert table["Best"].tolist() == pytest.approx([32.0])


def test_a_long_name_is_shown_in_full(open_page: OpenPage, make_run: Callable[..., str]) -> None:
    make_run(name="short")
    assert open_page(PAGE).dataframe[0].proto.row_height == 35
    make_run(name="Standard on fer2013.csv, network small, learning rate 0.001, 2 more")
    assert open_page(PAGE).dataframe[0].proto.row_height == 88


def test_the_table_says_times_as_other_pages_do_and_sorts_them_as_times(
    open_page: OpenPage, make_run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(epochs_done=3)
    make_run()
    asked = []
    monkeypatch.setattr("fer.ui.training.runs.ago", lambda moment: f"{asked.append(moment) or 8} min ago")
    table = open_page(PAGE).dataframe[0]
    shown = pa.ipc.open_stream(table.proto.arrow_data.styler.display_values).read_pandas()
    assert shown["Started"].tolist() == ["8 min ago", "8 min ago"]
    assert shown["Best"].tolist() == ["", "32.0 %"]
    assert all(moment.endswith("+00:00") for moment in asked), "without a time zone, it would be hours off"
    assert str(table.value["Started"].dt.tz) == "UTC"


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
