"""State files with odd values: each reader returns a value or a sentence, and pages show the rest."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from fer import paths
from fer.cli import main
from fer.errors import BundleError, ConfigError
from fer.recognition import current
from fer.recognition.bundle import load_bundle
from fer.runs import curves, layout, making, store
from fer.runs.config import TrainConfig
from fer.runs.importing import import_model
from fer.runs.progress import Progress
from fer.storage.schema import read_object
from fer.text import encodable, literal
from fer.ui.training import runs as runs_page
from tests.support import state_files
from tests.support.builders import make_bundle
from tests.support.state_files import ODD, RAW, leaves, read_all, replaced, write_state

MANY = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=[]), max_size=30)
ANY_VALUE = st.sampled_from(ODD) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def state(fer_home: Path) -> list[Path]:
    return write_state()


def test_undamaged_state_is_read_without_errors(state: list[Path]) -> None:
    assert len(state) > 15 and all(file.is_file() for file in state)
    assert read_all() == []
    (damaged, whole) = sorted(store.list_runs(), key=lambda run: run.id)
    assert curves.damaged_files(damaged.id) == curves.damaged_files(whole.id) == []
    assert (damaged.name, damaged.progress.epoch, len(curves.read_metrics(damaged.id))) == ("the damaged run", 3, 3)
    report = curves.read_report(damaged.id)
    assert report["metrics"]["test"]["accuracy"] == 0.5 and report["data"]["synthetic"] is True


@given(data=st.data())
@MANY
def test_any_odd_value_in_a_state_file_gives_at_most_a_sentence(state: list[Path], data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(state))
    before = file.read_bytes()
    text = before.decode()
    if file.suffix == ".json":
        place = data.draw(st.sampled_from([(), *leaves(json.loads(text))]))
        odd = replaced(text, place, data.draw(ANY_VALUE)).encode()
    else:
        cells = [line.split(",") for line in text.splitlines()]
        row = data.draw(st.integers(0, len(cells) - 1))
        column = data.draw(st.integers(0, len(cells[row]) - 1))
        cells[row][column] = data.draw(ANY_TEXT | st.sampled_from([str(value) for value in ODD]))
        odd = "\n".join(map(",".join, cells)).encode("utf-8", "surrogatepass")
    try:
        file.write_bytes(odd)
        assert read_all() == [], f"{file.name}: {odd[:500]!r}"
    finally:
        file.write_bytes(before)


@pytest.mark.parametrize("kind", RAW)
def test_a_file_of_another_kind_gives_at_most_a_sentence(state: list[Path], kind: str) -> None:
    for file in state:
        before = file.read_bytes()
        file.write_bytes(RAW[kind])
        assert read_all() == [], f"{file}: {kind}"
        file.write_bytes(before)


def test_a_folder_instead_of_a_file_gives_at_most_a_sentence(state: list[Path]) -> None:
    for file in state:
        before = file.read_bytes()
        file.unlink()
        file.mkdir()
        assert read_all() == [], str(file)
        file.rmdir()
        file.write_bytes(before)


WAYS: dict[str, Callable[[bytes, str], bytes]] = {
    "brackets": lambda _, __: RAW["200,000 nested brackets"],
    "not UTF-8": lambda _, __: RAW["not UTF-8"],
    "text": lambda before, suffix: _all_leaves(before, suffix, "text where a number belongs"),
    "a long path": lambda before, suffix: _all_leaves(before, suffix, "/" + "x" * 5000),
    "surrogates": lambda before, suffix: _all_leaves(before, suffix, "a\udcffb"),
    "huge": lambda before, suffix: _all_leaves(before, suffix, 10**400),
}


def _all_leaves(before: bytes, suffix: str, odd: Any) -> bytes:
    """Replace all values of a file, except for names."""
    if suffix != ".json":
        head, *rows = before.decode().splitlines()
        return "\n".join([head, *(",".join([str(odd)] * (row.count(",") + 1)) for row in rows)]).encode(
            "utf-8", "surrogatepass"
        )

    def change(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: change(item) for name, item in value.items()}
        return odd

    return json.dumps(change(json.loads(before))).encode()


@pytest.mark.parametrize("way", WAYS)
def test_pages_open_and_show_the_damage_next_to_its_run(
    state: list[Path], way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in state:
        file.write_bytes(WAYS[way](file.read_bytes(), file.suffix))
    assert read_all() == []
    damaged = paths.runs_dir() / state[0].parent.name
    app = AppTest.from_file(str(paths.PROGRAM / "app.py"), default_timeout=90).run()
    assert not app.exception
    for page in ("4_Evaluation", "5_Data", "2_Upload"):
        assert not app.switch_page(f"pages/{page}.py").run().exception, page
    shown: list[str] = []
    real = runs_page._table

    def table(found: list[store.RunSummary], names: dict[str, str]) -> list[store.RunSummary]:
        shown.extend(run.name for run in found)
        # AppTest can't click a row.
        return real(found, names) or [run for run in found if run.id == damaged.name]

    monkeypatch.setattr(runs_page, "_table", table)
    training = app.switch_page("pages/3_Training.py").run()
    assert not training.exception
    assert "the whole run" in shown and len(shown) == 2
    warnings = " ".join(item.value for item in training.warning)
    assert literal(layout.PROGRESS) in warnings and literal(layout.BEST) in warnings and "damaged" in warnings


def test_commands_report_the_damage_in_a_sentence(state: list[Path]) -> None:
    run_id = state[0].parent.name
    (paths.runs_dir() / run_id / layout.CONFIG).write_bytes(b"\xff\xfe{}")
    (paths.runs_dir() / run_id / layout.PROGRESS).write_bytes(RAW["200,000 nested brackets"])
    listed = CliRunner().invoke(main, ["runs"])
    assert listed.exit_code == 0 and "the whole run" in listed.output
    as_json = CliRunner().invoke(main, ["runs", "--json"])
    assert len(json.loads(as_json.output)) == 2
    shown = CliRunner().invoke(main, ["runs", "show", run_id])
    assert shown.exception is None or isinstance(shown.exception, SystemExit)
    assert "Traceback" not in shown.output and "damaged" in shown.output


@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root, and anybody on Windows, may write everywhere")
def test_use_shipped_on_a_read_only_disk(state: list[Path]) -> None:
    paths.runs_dir().chmod(0o500)
    done = CliRunner().invoke(main, ["runs", "use", "shipped"])
    paths.runs_dir().chmod(0o700)
    assert done.exit_code == 1 and "can't be changed" in done.output


def test_use_shipped_where_the_choice_cannot_be_removed(state: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", read_only)
    done = CliRunner().invoke(main, ["runs", "use", "shipped"])
    assert done.exit_code == 1 and "Read-only file system" in done.output and "Traceback" not in done.output


# Where text enters, and what it becomes.
SURROGATES = "a\udcff\ud800b"
Door = Callable[[Path], object]


def _named_run(_: Path) -> object:
    run_id = making.create_run(TrainConfig(epochs=1), SURROGATES)
    making.set_notes(run_id, notes=SURROGATES)
    return store.read_run(run_id)


def _renamed_run(_: Path) -> object:
    run_id = making.create_run(TrainConfig(epochs=1), "x")
    making.set_notes(run_id, name=SURROGATES)
    return store.read_run(run_id)


def _described_model(folder: Path) -> object:
    make_bundle(folder, data={"name": SURROGATES}, versions={SURROGATES: SURROGATES}, metrics={SURROGATES: {}})
    return load_bundle(folder)


def _imported_model(folder: Path) -> object:
    bundle = make_bundle(folder, data={"name": SURROGATES}, network={"name": SURROGATES})
    model = import_model(bundle.served_file.read_bytes(), (folder / "bundle.json").read_bytes(), "x" + SURROGATES)
    return model, load_bundle(model.path)


def _choice(_: Path) -> object:
    paths.runs_dir().mkdir(parents=True, exist_ok=True)
    paths.current_model_file().write_text(json.dumps({"set_aside": SURROGATES, "bundle": SURROGATES}))
    return current.set_aside_model(), current.current_bundle_path()


def _state_file(folder: Path) -> object:
    (folder / "x.json").write_text(json.dumps({SURROGATES: [SURROGATES, {"a": SURROGATES}]}))
    return read_object(folder / "x.json")


def _progress(folder: Path) -> object:
    (folder / layout.PROGRESS).write_text(json.dumps({"state": "failed", "message": SURROGATES, "data": SURROGATES}))
    return Progress.read(folder)


def _refused_settings(name: str) -> Door:
    def refused(_: Path) -> object:
        with pytest.raises(ConfigError) as caught:
            replace(TrainConfig(), **{name: (SURROGATES,) if name in ("start_from", "teacher") else SURROGATES})
        return str(caught.value)

    return refused


def _settings_file(_: Path) -> object:
    with pytest.raises(ConfigError) as caught:
        TrainConfig.from_json(json.dumps({SURROGATES: 1}))
    return str(caught.value)


def _missing_model(folder: Path) -> object:
    with pytest.raises(BundleError) as caught:
        load_bundle(folder / SURROGATES)
    return encodable(str(caught.value))


def _markdown(_: Path) -> object:
    return literal(SURROGATES)


DOORS: dict[str, Door] = {
    "a run's name and notes": _named_run,
    "a run's new name": _renamed_run,
    "a model's description": _described_model,
    "an imported model": _imported_model,
    "the model in use": _choice,
    "a state file": _state_file,
    "a run's progress": _progress,
    "settings: data": _refused_settings("data"),
    "settings: votes": _refused_settings("votes"),
    "settings: models": _refused_settings("start_from"),
    "settings: teachers": _refused_settings("teacher"),
    "settings: a network": _refused_settings("network"),
    "a settings file": _settings_file,
    "a path in a message": _missing_model,
    "Markdown": _markdown,
}


@pytest.mark.parametrize("door", DOORS)
def test_text_that_is_not_unicode_is_cleaned_on_entry(fer_home: Path, tmp_path: Path, door: str) -> None:
    inside = state_files.repr_of(DOORS[door](tmp_path))
    assert inside.encode("utf-8")
    assert "\\udcff" in inside or "\\" + "\\udcff" in inside or door in ("the model in use", "an imported model")
