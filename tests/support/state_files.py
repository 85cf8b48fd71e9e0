"""A FER_HOME with every kind of state file, ways to damage them, and everything that reads them."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fer import paths
from fer.comparing import runs as comparing
from fer.comparing.switching import change_to_run
from fer.datasets.readings import Reading
from fer.datasets.store import catalog, corrections
from fer.datasets.store.importing import store as store_dataset
from fer.datasets.synthetic import make_synthetic
from fer.errors import FerError
from fer.evaluation import job as jobs
from fer.evaluation import store as evaluations
from fer.evaluation.evaluation_set import EvaluationSet, Source, evaluation_set_of
from fer.evaluation.latest import latest
from fer.evaluation.names import display_name
from fer.evaluation.once import evaluate_once
from fer.jobs.job import PROGRESS_FILE, REQUEST_FILE
from fer.recognition import current
from fer.recognition.bundle import load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.runs import curves, estimates, layout, process, serving
from fer.runs import store as runs
from fer.runs.config import TrainConfig
from fer.storage import files
from fer.sweeps import job as sweeps
from fer.sweeps.grid import Axis, grid
from fer.sweeps.results import caption, cells, curve, results_of_sweep, to_dict
from tests.support.run_folders import write_answers, write_run

NAME = "small"
CHOICE = "0" * 20
DAMAGED_RUN, WHOLE_RUN = 1, 2


def write_state() -> list[Path]:
    """Fill an empty FER_HOME: two runs, the model of the first in use, a dataset, an evaluation.

    Returns:
        Every state file except those of the second run.
    """
    damaged = write_run(DAMAGED_RUN, name="the damaged run", epochs_done=3, bundle=True, state="finished")
    write_run(WHOLE_RUN, name="the whole run", epochs_done=2, state="stopped")
    folder = paths.runs_dir() / damaged
    metrics = {"accuracy": 0.5, "n": 70, "macro_f1": 0.4, "ece": 0.1, "accuracy_interval": [0.4, 0.6]}
    report = {"metrics": {"validation": metrics, "test": metrics}, "data": {"synthetic": True, "name": "synthetic"}}
    files.write_json(folder / layout.REPORT, report)
    write_answers(damaged, [True, True, False], in_use=(load_bundle(paths.SHIPPED_BUNDLE).hash, [False, True, False]))
    files.write_json(folder / layout.PROCESS, {"pid": 2**22 - 1, "birth": "long ago"})
    bundle = serving.use_run(damaged)
    config = TrainConfig(epochs=5)
    measured = estimates.Measured(n_train=100, n_validation=10, image_seconds=0.01, validation_seconds=1.0)
    estimates.remember(config, measured)
    stored = _write_dataset()
    result_folder = _write_evaluation(EmotionClassifier(bundle), stored)
    dataset = catalog.dataset_folder(NAME)
    return [
        *(folder / name for name in (layout.CONFIG, layout.PROGRESS, layout.NOTES, layout.BEST, layout.REPORT)),
        *(folder / name for name in (layout.PROCESS, layout.METRICS, layout.PREDICTIONS)),
        folder / layout.BUNDLE / "bundle.json",
        paths.current_model_file(),
        current.current_bundle_path().parent / "origin.json",
        current.current_bundle_path() / "parity.json",
        paths.runs_dir() / "speeds.json",
        *(dataset / name for name in ("dataset.json", "origins.json", "corrections.csv")),
        *sorted(result_folder.glob("*.json")),
        *sorted((paths.home() / "evaluations" / "choices").glob("*.json")),
        *sorted((paths.home() / "evaluations" / "jobs").glob("*/*.json")),
        folder / layout.SWEEP,
        *_write_sweep(damaged),
    ]


def _write_sweep(run_id: str) -> list[Path]:
    """Write a sweep to which a run belongs, and return its files."""
    job = sweeps.SweepJob(sweeps.sweeps_dir() / "20260101-000000-0000")
    files.write_json(paths.runs_dir() / run_id / layout.SWEEP, {"training": "a" * 32, "sweep": job.id})
    request = sweeps.Request({"epochs": 5}, (Axis("learning_rate", (0.001, 0.002)),), 1, tls={"ca": "ca.pem"})
    job.ask(dataclasses.asdict(request))
    planned = [(words, (sweeps.Planned(key * 32, 0, words),)) for words, key in (("slow", "a"), ("fast", "b"))]
    job.write_plan(sweeps.Plan(tuple(sweeps.PlannedPoint(*point) for point in planned)))
    job.write_failures({"b" * 32: "Memory ran out."})
    files.write_json(job.folder / PROGRESS_FILE, {"state": "failed", "error": "it failed", "pid": 1, "birth": "x"})
    return sorted(job.folder.glob("*.json"))


def _write_dataset() -> Reading:
    dataset = make_synthetic(14, 7, 7)
    store_dataset(Reading(dataset, tuple(f"face {n}" for n in range(len(dataset)))), NAME, "synthetic")
    reading = catalog.open_dataset(NAME)
    file = corrections.corrections_file(catalog.dataset_folder(NAME))
    corrections.write_corrections(file, [corrections.correct(reading.dataset, 0, 3)])
    return reading


def _write_evaluation(classifier: EmotionClassifier, reading: Reading) -> Path:
    evaluation_set = evaluation_set_of(reading)
    evaluations.save_evaluation_set(CHOICE, evaluation_set)
    evaluate_once(classifier, evaluation_set, robustness=True)
    job = jobs.Job.of([classifier.bundle.hash], CHOICE)
    job.folder.mkdir(parents=True)
    files.write_json(job.folder / PROGRESS_FILE, {"state": "failed", "error": "it failed", "pid": 1, "birth": "x"})
    request = jobs.Request((str(classifier.bundle.path),), Source(NAME))
    files.write_json(job.folder / REQUEST_FILE, request.to_dict())
    (folder,) = (paths.home() / "evaluations" / "results").iterdir()
    # The same seed must damage the same text, so the time that this machine took is replaced.
    about = json.loads((folder / "evaluation.json").read_text())
    files.write_json(folder / "evaluation.json", about | {"seconds": 0.25})
    return folder


def readers() -> list[Callable[[], object]]:
    """Return every function with which pages and commands read state."""
    damaged = next(run.id for run in runs.list_runs() if run.id.endswith(f"{DAMAGED_RUN:04x}"))
    folder = paths.runs_dir() / damaged

    def bundle_in_use() -> object:
        bundle = load_bundle(current.current_bundle_path())
        return display_name(bundle), latest(bundle.hash), jobs.Job.of([bundle.hash], CHOICE).progress()

    def compared() -> object:
        found = runs.list_runs()
        comparison = comparing.compare_runs(found)
        names = comparing.unique_names(found)
        rows = [comparing.results_row(run) for run in found]
        return comparing.to_dict(found, comparison), comparing.in_words(comparison, names), rows

    def evaluation() -> object:
        found = evaluations.find_evaluation_set(CHOICE)
        bundle = load_bundle(current.current_bundle_path())
        return evaluations.load_result(bundle.hash, found) if isinstance(found, EvaluationSet) else None

    def swept() -> object:
        found = sweeps.list_sweeps()
        points = [results_of_sweep(job) for job in found]
        rows = [[cells(point) for point in several] for several in points]
        tables = [curve(point, "val_accuracy").to_dict("records") for several in points for point in several]
        told = [to_dict(job, several) for job, several in zip(found, points, strict=True)]
        return [sweeps.describe(job) for job in found], rows, told, tables, [caption(several) for several in points]

    def sweep_asked() -> object:
        requests = [job.read_request() for job in sweeps.list_sweeps()]
        return [grid(request.base, request.axes, request.seeds) for request in requests]

    return [
        swept,
        sweep_asked,
        lambda: [(run.to_dict(), run.started, run.resumable) for run in runs.list_runs()],
        lambda: json.dumps([run.to_dict() for run in runs.list_runs()]),
        lambda: runs.active_runs(),
        lambda: runs.read_config(damaged),
        lambda: curves.read_metrics(damaged).to_dict("records"),
        lambda: curves.read_best(damaged),
        lambda: curves.read_report(damaged),
        lambda: curves.damaged_files(damaged),
        lambda: process.is_alive(folder),
        lambda: process.last_pid(folder),
        lambda: serving.run_in_use(),
        lambda: serving.shipped_in_use(),
        lambda: serving.use_run(damaged) and None,
        lambda: compared(),
        lambda: change_to_run(runs.read_run(damaged)).text,
        lambda: current.set_aside_model(),
        lambda: estimates.recall(TrainConfig(epochs=5)),
        lambda: [info.to_dict() for info in catalog.list_datasets()],
        lambda: catalog.open_dataset(NAME).origins,
        lambda: corrections.read_corrections(corrections.corrections_file(catalog.dataset_folder(NAME))),
        lambda: evaluations.known_faces(CHOICE),
        lambda: jobs.running_jobs(),
        bundle_in_use,
        evaluation,
    ]


def read_all() -> list[str]:
    """Read everything. Return exceptions that aren't sentences for users, and text that no page can show."""
    faults = []
    for reader in readers():
        try:
            shown = reader()
        except FerError as error:
            shown = str(error)
        except Exception as error:
            faults.append(f"{type(error).__name__}: {str(error)[:200]}")
            continue
        try:
            repr_of(shown).encode("utf-8")
        except UnicodeEncodeError:
            faults.append(f"text that isn't Unicode: {ascii(shown)[:200]}")
    return faults


def repr_of(value: Any) -> str:
    """Return all text within a value; unlike repr(), without escapes."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "".join(repr_of(key) + repr_of(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return "".join(map(repr_of, value))
    return "".join(map(repr_of, vars(value).values())) if hasattr(value, "__dict__") else str(value)


def leaves(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in a JSON document, including lists and objects, but not its own."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        # Of a long list, the first items and the last.
        items = [*list(enumerate(value))[:3], *list(enumerate(value))[3:][-1:]]
    return [found for key, item in items for found in ((*place, key), *leaves(item, (*place, key)))]


def replaced(text: str, place: tuple[Any, ...], odd: Any) -> str:
    """Return a JSON document with another value at a path; () replaces the whole document."""
    if not place:
        return json.dumps(odd)
    values = json.loads(text)
    holder = values
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = odd
    return json.dumps(values)


RAW: dict[str, bytes] = {
    "nothing": b"",
    "half of an object": b'{"state": "run',
    "not UTF-8": b'{"name": "\xff\xfe", "state": "finished"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "200,000 nested brackets": b"[" * 200_000 + b"]" * 200_000,
    "nested objects": b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    "bytes of zero": b"\0" * 1000,
    "a list": b"[1, 2, 3]",
    "a number of 5,000 digits": b'{"epoch": ' + b"9" * 5000 + b"}",
    "a lone surrogate": b'{"name": "a\\udcffb", "message": "\\ud800", "state": "failed", "data": "\\udfff"}',
}
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**400,
    2**63,
    1e300,
    -1e300,
    float("nan"),
    float("inf"),
    "",
    "text where a number belongs",
    "a\udcffb",
    "/" + "x" * 5000,
    "\0",
    [],
    {},
    [[[]]],
    {"a": {"b": [None]}},
)
