"""The Training page's form: a widget for every setting, and what is refused before a run is created."""

import dataclasses
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fer import paths
from fer.datasets.faces import VOTE_COLUMNS
from fer.runs import layout, probing, store
from fer.runs.config import MODELS, TrainConfig
from fer.runs.estimates import Measured, remember
from fer.runs.presets import GROUPS
from fer.ui.training import form
from tests.support.markdown import plain
from tests.support.training_page import PAGE, OpenPage, keys, texts

pytestmark = pytest.mark.usefixtures("fake_runs")


def test_the_form_has_a_widget_with_help_and_range_for_every_setting(open_page: OpenPage) -> None:
    app = open_page(PAGE)
    hints = typing.get_type_hints(TrainConfig)
    for item in dataclasses.fields(TrainConfig):
        if item.name == "data":
            continue
        key, meta = f"training_0_{item.name}", item.metadata
        widget: Any
        if item.name in MODELS:
            widget = app.multiselect(key=key)
        elif meta["choices"]:
            widget = app.selectbox(key=key)
        elif hints[item.name] is bool:
            widget = app.checkbox(key=key)
        elif meta["low"] is None:
            widget = app.text_input(key=key)
        else:
            widget = app.number_input(key=key)
            assert (widget.min, widget.max) == (meta["low"], meta["high"])
            assert f"{meta['high']:.10g}" in widget.help
        assert meta["help"] in widget.help
        assert (widget.value or None) == (item.default or None)


def test_contradicting_settings_are_refused_and_start_once_fixed(open_page: OpenPage) -> None:
    app = open_page(PAGE)
    app.number_input(key="training_0_epochs").set_value(3).run()
    app.number_input(key="training_0_warmup_epochs").set_value(5.0).run()
    assert [plain(error.value) for error in app.error] == [
        "Warmup epochs: choose fewer than the run's 3 epochs. Received: 5."
    ]
    assert "training_start_expert" not in keys(app)
    assert app.button(key="training_refused").disabled
    app.number_input(key="training_0_warmup_epochs").set_value(0.5).run()
    app.checkbox(key="training_0_flip").uncheck().run()
    assert "--no-flip" in "\n".join(code.value for code in app.code)
    app.button(key="training_start_expert").click().run()
    (run,) = store.list_runs()
    assert store.read_config(run.id) == TrainConfig(epochs=3, warmup_epochs=0.5, flip=False)


def test_a_path_that_leads_nowhere_is_refused_at_once(open_page: OpenPage, tmp_path: Path) -> None:
    app = open_page(PAGE)
    app.selectbox(key="training_data").select("elsewhere").run()
    assert "training_start_quick" not in keys(app)
    app.text_input(key="training_path").set_value(str(tmp_path / "gone.csv")).run()
    assert "gone.csv" in plain(app.error[0].value)
    for impossible in ("~nosuchuser/x", "x" * 5000):
        app.text_input(key="training_path").set_value(impossible).run()
        assert not app.exception
        assert "can't be a path" in plain(app.error[0].value)
    (tmp_path / "there.csv").touch()
    app.text_input(key="training_path").set_value(str(tmp_path / "there.csv")).run()
    assert not app.error
    assert "training_start_quick" in keys(app)


def test_the_estimated_time_is_shown_before_the_start(open_page: OpenPage) -> None:
    assert "time not estimated yet" in texts(open_page(PAGE))
    for network, seconds in (("light", 0.002), ("residual", 0.01)):
        measured = Measured(n_train=700, n_validation=140, image_seconds=seconds, validation_seconds=1.0)
        remember(TrainConfig(network=network), measured)
    shown = texts(open_page(PAGE))
    assert "about 2 min on this computer" in shown  # 30 epochs of 2.4 s
    assert "about 5 min on this computer" in shown  # 30 of 8 s
    assert "not estimated" not in shown


def test_the_estimate_times_each_network_of_the_presets_once(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed = []

    def measure(config: TrainConfig) -> None:
        timed.append(config.network)
        remember(config, Measured(n_train=700, n_validation=140, image_seconds=0.01, validation_seconds=1.0))

    monkeypatch.setattr(form, "measure_speed", measure)
    app = open_page(PAGE)
    app.button(key="training_probe").click().run()
    assert timed == ["light", "residual"]
    assert "not estimated" not in texts(app)
    assert "training_probe" not in keys(app)


def test_the_estimate_runs_the_command_and_its_failure_gives_a_sentence(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    class Done:
        returncode, stderr = 1, "noise\nError: The data are gone.\n"

    def run(command: list[str], *, env: dict[str, str], **_: object) -> type[Done]:
        asked.append(command)
        # It runs in the checkout, where a relative FER_HOME would be another folder.
        assert env["FER_HOME"] == str(paths.home())
        return Done

    monkeypatch.setattr(probing.subprocess, "run", run)
    app = open_page(PAGE)
    app.button(key="training_probe").click().run()
    assert asked[0][1:4] == ["-m", "fer", "train"]
    assert asked[0][-1] == "--estimate"
    assert [plain(error.value) for error in app.error] == ["The data are gone."]


def test_the_path_of_votes_becomes_absolute_and_the_command_can_be_pasted(
    open_page: OpenPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    votes = tmp_path / "my votes.csv"
    votes.write_text("pixels\n")
    monkeypatch.chdir(tmp_path)
    app = open_page(PAGE)
    app.text_input(key="training_0_votes").set_value("~nosuchuser/x").run()
    assert "Votes: '~nosuchuser/x' can't be a path" in plain(app.error[0].value)
    app.text_input(key="training_0_votes").set_value("my votes.csv").run()
    assert "isn't a FER+ file: its first line" in plain(app.error[0].value)
    votes.write_text(",".join(["Usage", *VOTE_COLUMNS]))
    app.run()
    assert not app.error
    app.text_input(key="training_name").set_value("with votes").run()
    command = "\n".join(code.value for code in app.code)
    assert f"--votes '{tmp_path}/my votes.csv' --name 'with votes'" in command


def test_several_models_can_initialise_and_teach_a_run(open_page: OpenPage, make_run: Callable[..., str]) -> None:
    mine = str(store.read_run(make_run(name="mine", bundle=True)).folder / layout.BUNDLE)
    shipped = str(paths.SHIPPED_BUNDLE)
    app = open_page(PAGE)
    start, teacher = (app.multiselect(key=f"training_0_{name}") for name in ("start_from", "teacher"))
    assert set(teacher.options) == {"Shipped model", "mine"}
    teacher.set_value([shipped, mine]).run()
    start.set_value([shipped]).run()
    assert not app.error
    command = "\n".join(code.value for code in app.code)
    assert f"--start-from {shipped} " in command and f"--teacher {shipped} --teacher {mine}" in command


def test_a_setting_that_names_models_has_room_for_their_names() -> None:
    for fields in GROUPS.values():
        rows = form._rows(fields)
        assert [field for row in rows for field in row] == list(fields)
        assert all(sum(2 if field in MODELS else 1 for field in row) <= 4 for row in rows)


def test_of_two_runs_with_one_name_the_chosen_ones_model_is_used(
    open_page: OpenPage, make_run: Callable[..., str]
) -> None:
    runs = [make_run(name="twice", bundle=True) for _ in range(2)]
    app = open_page(PAGE)
    teacher = app.multiselect(key="training_0_teacher")
    assert set(teacher.options) == {"Shipped model", *(f"twice ({run_id})" for run_id in runs)}
    folder = str(store.read_run(runs[0]).folder / layout.BUNDLE)
    teacher.set_value([folder]).run()
    (code,) = [code.value for code in app.code if "fer train" in code.value]
    assert folder in code and runs[1] not in code


def test_the_settings_of_a_run_are_copied_into_the_form(
    open_page: OpenPage, make_run: Callable[..., str], choose: Callable[..., None]
) -> None:
    config = TrainConfig(epochs=77, learning_rate=0.0042, network="baseline", flip=False)
    run_id = make_run(config, name="the old one")
    choose(run_id)
    app = open_page(PAGE)
    app.button(key=f"training_clone_{run_id}").click().run()
    assert not app.exception
    assert app.number_input(key="training_1_epochs").value == 77
    choose()
    app.run()
    app.button(key="training_start_expert").click().run()
    assert store.read_config(store.list_runs()[0].id) == config
