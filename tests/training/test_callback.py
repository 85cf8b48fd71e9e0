"""The training callback, with a tiny network in this process."""

import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer.errors import RunError
from fer.runs import curves, estimates, layout, store
from fer.runs.session import DivergedError, RunSession, StopRequested
from fer.training import batches as batches_module
from fer.training import callback, probe, run
from fer.training.batch_statistics import unaugmented_batches
from fer.training.batches import TrainingBatches
from fer.training.checkpoints import Checkpoint, TrainingState, newest_checkpoint
from fer.training.compiling import compiled_network
from fer.training.run_data import load_data, split_parts
from tests.support.tiny_fit import CONFIG, fit, start, with_votes

pytestmark = pytest.mark.usefixtures("tiny")


def test_an_epoch_writes_its_row_its_checkpoint_and_its_duration():
    session = start(CONFIG)
    state = fit(session, CONFIG).state
    metrics = curves.read_metrics(session.folder.name)
    assert metrics["epoch"].tolist() == [1, 2, 3, 4]
    assert metrics["learning_rate"].iloc[-1] == pytest.approx(0, abs=1e-6)
    recalls = metrics[[name for name in metrics if str(name).startswith("accuracy_")]].iloc[-1]
    assert recalls.mean() == pytest.approx(metrics["val_accuracy"].iloc[-1])  # the classes are balanced
    assert session.progress.best_epoch == state.best.epoch == metrics["val_accuracy"].to_numpy().argmax() + 1
    assert (session.progress.n_train, session.progress.n_validation) == (70, 140)
    measured = estimates.recall(CONFIG)
    assert (measured.n_train, measured.n_validation) == (700, 140)
    assert 0 < estimates.seconds_for(CONFIG, measured) < 600


def test_training_stops_early_if_nothing_improves():
    config = replace(CONFIG, patience=2, learning_rate=1e-6, epochs=40)
    state = fit(start(config), config).state
    assert state.epoch == state.best.epoch + 2 < 40


def test_checkpoints_are_also_written_within_a_long_epoch(monkeypatch):
    monkeypatch.setattr(callback, "_CHECKPOINT_SECONDS", 0.0)
    seen = []
    real = callback.write_checkpoint
    monkeypatch.setattr(
        callback,
        "write_checkpoint",
        lambda folder, network, state, best: (
            seen.append((state.epoch, state.batch)) or real(folder, network, state, best)
        ),
    )
    config = replace(CONFIG, epochs=2)
    fit(start(config), config)
    assert seen == [*((0, batch) for batch in range(1, 7)), (1, 0), *((1, batch) for batch in range(1, 7)), (2, 0)]


@pytest.mark.parametrize("batch", [1, 7])
def test_a_run_stopped_in_or_after_an_epoch_resumes_from_there(batch):
    session = start(CONFIG)
    real = session.update

    def update(**changes):
        real(**changes)
        if session.progress.epoch == 1 and changes.get("batch") == batch:
            (session.folder / layout.STOP).touch()

    session.update = update
    with pytest.raises(StopRequested):
        fit(session, CONFIG)
    checkpoint, _ = newest_checkpoint(session.folder / layout.CHECKPOINTS)
    assert (checkpoint.state.epoch, checkpoint.state.batch) == ((1, 1) if batch == 1 else (2, 0))
    (session.folder / layout.STOP).unlink()
    assert fit(RunSession(session.folder), CONFIG).state.epoch == 4
    assert curves.read_metrics(session.folder.name)["epoch"].tolist() == [1, 2, 3, 4]


def test_a_network_that_predicts_nan_is_refused_after_the_epoch(monkeypatch):
    broken = replace_loss(callback.validate_epoch)
    monkeypatch.setattr(callback, "validate_epoch", broken)
    with pytest.raises(DivergedError, match="NaN or infinite values after epoch 1") as caught:
        fit(start(CONFIG), CONFIG)
    assert "kept" not in str(caught.value), "there is no epoch to keep"


def replace_loss(real):
    def broken(*arguments):
        result, weights = real(*arguments)
        return replace(result, loss=math.nan), weights

    return broken


@pytest.mark.parametrize("part", ["train", "validation"])
@pytest.mark.parametrize("change", ["image", "label", "votes", "order", "fewer"])
def test_a_run_is_not_resumed_with_other_data(part, change):
    parts = with_votes(split_parts(load_data(CONFIG), CONFIG))
    resumed = Checkpoint(Path("c"), TrainingState(data=parts.digest(), n_train=70), {})
    run._require_same_data(resumed, with_votes(split_parts(load_data(CONFIG), CONFIG)))
    data = getattr(parts, part)
    changed = {name: getattr(data, name).copy() for name in ("images", "labels", "votes")}
    if change == "image":
        changed["images"][3, 2, 1] ^= 1
    elif change == "label":
        changed["labels"][3] = (changed["labels"][3] + 1) % 7
    elif change == "votes":
        changed["votes"][3, 2] += 1
    other = replace(data, **changed)
    if change in ("order", "fewer"):
        other = data.take(np.arange(len(data))[:: -1 if change == "order" else 2])
    with pytest.raises(RunError, match=r"The data have changed since this run started \(70 training images then"):
        run._require_same_data(resumed, replace(parts, **{part: other}))


def test_crowd_targets_are_computed_once_per_run(monkeypatch):
    config = replace(CONFIG, crowd_labels=0.5, epochs=1, warmup_epochs=0.0, weight_averaging=100)
    calls = []

    def expected(dataset):
        calls.append(len(dataset))
        return np.full((len(dataset), 7), 1 / 7, np.float32)

    monkeypatch.setattr(batches_module, "expected_labels", expected)
    fit(start(config), config)
    assert calls == [70]


def test_averaged_weights_are_validated_and_the_others_keep_training():
    config = replace(CONFIG, weight_averaging=100, epochs=20)
    parts = split_parts(load_data(config), config)
    batches = TrainingBatches(parts.train, config, votes=False)
    network = compiled_network(config, parts, batches.steps)
    assert network.optimizer.use_ema
    network.fit(batches, epochs=1, verbose=0)
    # `fit` has put the average in place; training continues with the other weights.
    network.set_weights([weight + 0.1 for weight in network.get_weights()])
    before = network.get_weights()
    _, validated = callback.validate_epoch(network, parts.validation, unaugmented_batches(parts.train))
    for now, then in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    assert any(np.abs(a - b).max() > 0.05 for a, b in zip(validated, before, strict=True))


def test_a_probe_creates_no_run():
    measured = probe.probe(CONFIG)
    assert (measured.n_train, measured.n_validation) == (700, 140)
    assert 0 < measured.image_seconds < 1
    assert measured.validation_seconds > 0
    assert store.list_runs() == []


def test_a_probe_includes_the_time_between_epochs(monkeypatch):
    real, validated = probe.validate_epoch, []

    def slow(network, validation, statistics):
        validated.append((len(validation), sum(map(len, statistics))))
        time.sleep(0.5)
        return real(network, validation, statistics)

    monkeypatch.setattr(probe, "validate_epoch", slow)
    assert probe.probe(CONFIG).validation_seconds > 0.5
    assert validated == [(128, 70), (140, 70)]
