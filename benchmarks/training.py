"""Measure what training costs over a bare `model.fit`, and what watching it costs: `python -m benchmarks.training`.

The first row trains the same network on the same batches with the command's own parts and with `fit` on arrays in
memory, in turns, and compares the medians. The second is the input pipeline's time per batch as a share of a step; both
run in parallel. The third opens the Training page during a run and measures the processor time of the dashboard's
process; it needs Chromium.
"""

import contextlib
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

_ROUNDS: Final = 5
_EPOCHS: Final = 2
_WATCHED_SECONDS: Final = 60


def training_seconds(rounds: int) -> tuple[list[float], list[float]]:
    """Return the seconds of the same steps with the command's parts and with a bare `fit`, measured in turns."""
    import keras
    import numpy as np

    from fer.runs import layout, making
    from fer.runs.config import TrainConfig
    from fer.runs.session import RunSession
    from fer.training.batches import TrainingBatches
    from fer.training.callback import RunCallback
    from fer.training.compiling import compiled_network
    from fer.training.run_data import load_data, split_parts

    config = TrainConfig(epochs=_EPOCHS, batch_size=64, warmup_epochs=0.0)
    parts = split_parts(load_data(config), config)
    # Several times the synthetic faces, so that what happens once per run weighs little.
    many = parts.train.take(np.tile(np.arange(len(parts.train)), 4))
    parts = replace(parts, train=many)
    batches = TrainingBatches(parts.train, config, votes=False)
    stored = [batches[index] for index in range(len(batches))]
    images = np.concatenate([batch[0] for batch in stored])
    targets = {"logits": np.concatenate([batch[1]["logits"] for batch in stored])}
    weights = {"logits": np.concatenate([batch[2]["logits"] for batch in stored])}
    network = compiled_network(config, parts, batches.steps)
    ours: list[float] = []
    bare: list[float] = []

    def with_command_parts() -> None:
        run_id = making.create_run(config)
        session = RunSession(layout.run_folder(run_id))
        session._echo = False
        callback = RunCallback(session, config, parts, batches, None)
        network.fit(batches, epochs=_EPOCHS, callbacks=[callback], verbose=0, shuffle=False)

    def with_bare_fit() -> None:
        from fer.training.validation import validate

        class Validation(keras.callbacks.Callback):  # type: ignore[misc]
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                validate(self.model, parts.validation)

        network.fit(
            images,
            targets,
            sample_weight=weights,
            batch_size=64,
            epochs=_EPOCHS,
            callbacks=[Validation()],
            verbose=0,
            shuffle=False,
        )

    turns = track(
        range(-1, rounds), "the command's parts and bare fit, in turns", console=Console(stderr=True), transient=True
    )
    for turn in turns:
        for way, times in ((with_command_parts, ours), (with_bare_fit, bare)):
            began = time.perf_counter()
            way()
            if turn >= 0:
                times.append(time.perf_counter() - began)
    return ours, bare


def pipeline_share() -> tuple[float, float]:
    """Return the median seconds of making a batch and of a training step."""
    from fer.runs.config import TrainConfig
    from fer.training.batches import TrainingBatches
    from fer.training.compiling import compiled_network
    from fer.training.run_data import load_data, split_parts

    config = TrainConfig(batch_size=64)
    parts = split_parts(load_data(config), config)
    batches = TrainingBatches(parts.train, config, votes=False)
    network = compiled_network(config, parts, batches.steps)
    making, stepping = [], []
    for index in range(40):
        began = time.perf_counter()
        batch = batches[index % batches.steps]
        made = time.perf_counter()
        network.train_on_batch(*batch)
        if index >= 5:
            making.append(made - began)
            stepping.append(time.perf_counter() - made)
    return statistics.median(making), statistics.median(stepping)


def watching_share() -> float | None:
    """Return the share of a core that the dashboard uses while one tab watches a run; None without Chromium."""
    import psutil

    try:
        from playwright.sync_api import sync_playwright

        from tests.support.browser import find_browser
    except ImportError:
        return None
    browser_path = find_browser()
    if browser_path is None:
        return None
    from fer.errors import RunError
    from fer.runs import control
    from fer.runs.presets import PRESETS
    from tests.support.serving import running_app

    home = Path(os.environ["FER_HOME"])
    run_id = control.start(PRESETS[2].settings("synthetic"))
    try:
        with running_app(home, home / "server.log") as server, sync_playwright() as playwright:
            page = playwright.chromium.launch(executable_path=browser_path).new_page()
            page.goto(f"{server.url}/Training")
            # The charts appear after the first epoch.
            page.locator(f".st-key-training_live_charts_{run_id}").wait_for(timeout=300_000)
            process = psutil.Process(server.pid)
            before, began = sum(process.cpu_times()[:2]), time.monotonic()
            time.sleep(_WATCHED_SECONDS)
            return float((sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began))
    finally:
        # The first call asks the run to stop, the second ends it. It may have finished before.
        with contextlib.suppress(RunError):
            control.stop(run_id)
            control.stop(run_id)


@click.command()
@click.option("--rounds", default=_ROUNDS, show_default=True, help="Number of turns of each row")
def main(rounds: int) -> None:
    """Measure, and print a table."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as home:
        os.environ["FER_HOME"] = home
        Path(home, "runs").mkdir()
        watching = watching_share()
        ours, bare = training_seconds(rounds)
        making, stepping = pipeline_share()
    table = Table("what", "measured", "wanted")
    ratio = statistics.median(ours) / statistics.median(bare)
    table.add_row(
        f"training by the command against bare fit, median of {rounds}",
        f"{ratio:.3f} ({statistics.median(ours):.1f} s, {statistics.median(bare):.1f} s)",
        "at most 1.10",
    )
    table.add_row(
        "making a batch of 64, as a share of a step",
        f"{making / stepping:.3f} ({making * 1000:.1f} ms of {stepping * 1000:.0f} ms)",
        "under 0.10",
    )
    seen = "no Chromium" if watching is None else f"{watching:.3f}"
    table.add_row("share of a core that the dashboard uses while a run is watched", seen, "under 0.10")
    Console(width=None if sys.stdout.isatty() else 140).print(table)


if __name__ == "__main__":
    main()
