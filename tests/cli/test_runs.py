"""`fer runs`: the table, the JSON, and the output of each command."""

import json
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fer import paths
from fer.cli import main, runs
from fer.recognition.bundle import load_bundle
from fer.runs import control, layout, making, process, serving, store
from fer.runs.config import TrainConfig
from fer.storage.files import write_json
from tests.support.run_folders import FAKE_RUN, wait_until, write_answers, write_run

Fer = Callable[..., Result]


@pytest.fixture
def fer(fer_home: Path) -> Fer:
    return lambda *arguments: CliRunner().invoke(main, ["runs", *arguments])


@pytest.fixture
def make_run(fer_home: Path) -> Callable[..., str]:
    numbers = count(1)
    return lambda *arguments, **options: write_run(next(numbers), *arguments, **options)


def test_without_a_run_it_says_how_to_start_one(fer: Fer) -> None:
    assert "fer train" in fer().output
    assert json.loads(fer("--json").stdout) == []


def test_the_table_names_each_run_in_full(fer: Fer, make_run: Callable[..., str]) -> None:
    first = make_run(epochs_done=3, name="a name that is rather long, so that it needs some room")
    second = make_run(state="failed")
    lines = fer().output.splitlines()
    assert any(first in line and "32.0 % (epoch 3)" in line and "3 of 5" in line for line in lines)
    assert any(second in line and "failed" in line for line in lines)


def test_the_table_and_the_comparison_show_the_same_accuracies(fer: Fer, make_run: Callable[..., str]) -> None:
    """The exported model predicts a few faces otherwise than the network did during the training."""
    ids = [make_run(epochs_done=3, name=name) for name in ("one", "two")]
    rest = {"n": 40, "macro_f1": 0.3, "ece": 0.1}
    for run_id, validation, test in zip(ids, (0.117, 0.217), (0.15, 0.25), strict=True):
        metrics = {"validation": {"accuracy": validation, **rest}, "test": {"accuracy": test, **rest}}
        write_json(layout.run_folder(run_id) / layout.REPORT, {"epoch": 3, "metrics": metrics})
    listed, compared, shown = fer().output, fer("compare", *ids).output, fer("show", ids[0]).output
    for text in (listed, compared):
        assert text.count("11.7 % (epoch 3)") == text.count("21.7 % (epoch 3)") == 1
        assert "15.0 %" in text and "25.0 %" in text
    assert "15.0 % on test" in compared
    assert "validation accuracy 0.1170, test accuracy 0.1500" in shown


def test_a_name_is_neither_markup_nor_terminal_codes(fer: Fer, make_run: Callable[..., str]) -> None:
    run_id = make_run(name="try [/b] again \x1b[31m")
    making.set_notes(run_id, notes="first \x1b[2J\nsecond")
    listed, shown = fer(), fer("show", run_id)
    assert listed.exit_code == shown.exit_code == 0
    assert "\nfirst \\x1b[2J\nsecond\n" in shown.output
    for text in (listed.output, shown.output):
        assert "try [/b] again \\x1b[31m" in text
        assert "\x1b" not in text


def test_only_the_json_is_on_standard_output(fer: Fer, make_run: Callable[..., str]) -> None:
    run_id = make_run(epochs_done=2, state="running")
    (entry,) = json.loads(fer("--json").stdout)
    assert entry == {
        "id": run_id,
        "state": "interrupted",
        "epoch": 2,
        "epochs": 5,
        "best": pytest.approx(0.31),
        "test": None,
        "started": "2023-11-14T22:13:21+00:00",
        "sweep": None,
    }


def test_show_says_why_a_run_ended_and_how_to_resume_it(fer: Fer, make_run: Callable[..., str]) -> None:
    config = TrainConfig(data="/my faces/fer.csv", epochs=5, seed=3)
    run_id = make_run(config, epochs_done=2, state="running", seconds_left=600.0)
    shown = fer("show", run_id)
    assert shown.exit_code == 0
    assert "min left" not in shown.output, "nothing is left of what was interrupted"
    quote = '"' if os.name == "nt" else "'"
    assert f"--data {quote}/my faces/fer.csv{quote}" in shown.output
    with process.holding_run(layout.run_folder(run_id)):
        assert "running, 2 of 5 epochs, 10 min left" in fer("show", run_id).output
    for text in ("interrupted, 2 of 5", f"runs resume {run_id}", "--seed 3", "happy 0.40", "the log of the run"):
        assert text in shown.output, text
    details = json.loads(fer("show", run_id, "--json").stdout)
    assert details["config"]["seed"] == 3
    assert [row["val_accuracy"] for row in details["metrics"]] == pytest.approx([0.30, 0.31])
    assert "learning rate" in fer("show", make_run(state="failed", message="choose a lower learning rate")).output


def test_show_leaves_out_what_tensorflow_tells_its_developers(fer: Fer, make_run: Callable[..., str]) -> None:
    run_id = make_run(epochs_done=2)
    log = [
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
        "I0000 00:00:1795951854.164166     771 port.cc:153] oneDNN custom operations are on.",
        "2026-11-29 11:30:53.164166: I tensorflow/core/util/port.cc:153] oneDNN custom operations are on.",
        "E0000 00:00:1795951854.164166     771 cuda.cc:1] a real error",
        "2026-11-29 11:31:09  epoch 1/15: loss 2.0268",
    ]
    (layout.run_folder(run_id) / layout.LOG).write_text("\n".join(log))
    shown = fer("show", run_id).output
    assert "a real error" in shown and "epoch 1/15" in shown
    assert "oneDNN" not in shown and "absl" not in shown


@pytest.mark.parametrize("command", ["show", "stop", "resume", "use", "delete"])
def test_an_unknown_run_gives_one_sentence(fer: Fer, command: str) -> None:
    result = fer(command, "20990101-000000-0000")
    assert result.exit_code == 1
    assert result.stderr == "Error: There is no run '20990101-000000-0000'; 'python -m fer runs' lists them.\n"


def test_impossible_actions_give_one_sentence(fer: Fer, make_run: Callable[..., str]) -> None:
    run_id = make_run()
    for command, text in (("stop", "finished; there is nothing"), ("resume", "has finished"), ("use", "no model yet")):
        result = fer(command, run_id)
        assert result.exit_code == 1
        assert text in result.stderr
        assert result.stderr.count("\n") == 1


def test_a_model_is_used_and_replaced_by_the_shipped_one(fer: Fer, make_run: Callable[..., str]) -> None:
    run_id = make_run(bundle=True)
    assert fer("use", run_id).exit_code == 0
    assert serving.run_in_use() == run_id
    assert fer("use", "shipped").exit_code == 0
    assert serving.shipped_in_use()


def test_use_compares_first(fer: Fer, make_run: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = load_bundle(paths.SHIPPED_BUNDLE).hash
    worse, better = make_run(bundle=True), make_run(bundle=True)
    write_answers(worse, [True] * 28 + [False] * 72, in_use=(shipped, [True] * 71 + [False] * 29))
    write_answers(better, [True] * 90 + [False] * 10, in_use=(shipped, [True] * 71 + [False] * 29))
    # CliRunner is no terminal, as in a script: it says so and does it.
    told = fer("use", worse)
    assert "It is right on 28.0 % of the 100 faces" in told.stderr
    assert "Use it anyway?" not in told.stderr
    assert serving.run_in_use() == worse
    fer("use", "shipped")
    monkeypatch.setattr(runs, "_can_answer", lambda: True)
    asked = CliRunner().invoke(main, ["runs", "use", worse], input="n\n")
    assert asked.exit_code == 1
    assert "Use it anyway?" in asked.stderr
    assert serving.shipped_in_use()
    assert fer("use", worse, "--yes").exit_code == 0
    fer("use", "shipped")
    assert "Use it anyway?" not in fer("use", better).stderr
    assert serving.run_in_use() == better


def test_compare_says_which_is_better(fer: Fer, make_run: Callable[..., str]) -> None:
    good = make_run(TrainConfig(seed=1), name="good [/b]", epochs_done=3, bundle=True)
    poor = make_run(TrainConfig(seed=2), name="poor", epochs_done=2, bundle=True)
    write_answers(good, [True] * 30 + [False] * 10)
    write_answers(poor, [True] * 20 + [False] * 20)
    told = fer("compare", poor, good)
    assert told.exit_code == 0, told.output
    for text in ("'good [/b]' is right most often: on 75.0 %", "significantly better than 'poor'", "seed", "32.0 %"):
        assert text in told.output, text
    values = json.loads(fer("compare", poor, good, "--json").stdout)
    assert values["best"] == good
    assert values["tests"][0]["mcnemar_p"] == pytest.approx(2 / 1024)
    assert [run["results"]["accuracy"] for run in values["runs"]] == pytest.approx([0.31, 0.32])
    assert values["settings"]["seed"] == ["2", "1"]
    assert fer("compare", good, good).exit_code == 2


def test_delete_removes_the_run(fer: Fer, make_run: Callable[..., str]) -> None:
    run_id = make_run()
    # Nobody answers a script's question.
    refused = fer("delete", run_id)
    assert refused.exit_code == 2 and "Nothing was deleted" in refused.stderr and "add --yes" in refused.stderr
    assert CliRunner().invoke(main, ["runs", "delete", run_id], input="n\n").exit_code == 1
    assert [run.id for run in store.list_runs()] == [run_id]
    assert fer("delete", run_id, "--yes").exit_code == 0
    assert store.list_runs() == []


def test_stop_asks_first_and_then_ends_the_process(fer: Fer, fer_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "train_command", lambda config, run_id=None: [*FAKE_RUN, run_id, "deaf"])
    run_id = control.start(TrainConfig())
    wait_until(lambda: store.read_run(run_id).state == "running")
    assert "Repeat the command" in fer("stop", run_id).stderr
    assert "was ended" in fer("stop", run_id).stderr
    assert store.read_run(run_id).state == "stopped"
    assert not process.is_alive(layout.run_folder(run_id))
