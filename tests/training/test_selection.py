"""Which epoch of a run is the best one."""

from dataclasses import replace

import numpy as np
import pytest

from fer.training import callback
from fer.training.compiling import compiled_network
from fer.training.run_data import load_data, split_parts
from fer.training.validation import validate
from tests.support.tiny_fit import CONFIG, fit, start

pytestmark = pytest.mark.usefixtures("tiny")

# By epoch: accuracy and log loss disagree on the best one.
ACCURACIES, LOSSES = (0.5, 0.7, 0.6, 0.65), (0.9, 0.8, 0.6, 0.7)


@pytest.mark.parametrize(("selection", "best"), [("accuracy", 2), ("log_loss", 3)])
def test_the_best_epoch_is_selected_by_accuracy_or_by_log_loss(monkeypatch, selection, best):
    real, measured = callback.validate_epoch, iter(zip(ACCURACIES, LOSSES, strict=True))

    def scripted(*args):
        result, weights = real(*args)
        accuracy, loss = next(measured)
        return replace(result, accuracy=accuracy, selection_loss=loss), weights

    monkeypatch.setattr(callback, "validate_epoch", scripted)
    config = replace(CONFIG, selection=selection)
    session = start(config)
    state = fit(session, config).state
    assert (state.best.epoch, state.best.accuracy) == (best, ACCURACIES[best - 1])
    assert (session.progress.best_epoch, session.progress.best_accuracy) == (best, ACCURACIES[best - 1])


def test_held_out_images_count_in_the_log_loss_that_selects_and_nowhere_else():
    config = replace(CONFIG, holdout=0.2, fraction=1.0)
    parts = split_parts(load_data(config), config)
    network = compiled_network(config, parts, steps=1)
    alone, both = validate(network, parts.validation), validate(network, parts.validation, parts.calibration)
    other = validate(network, parts.calibration)
    assert (alone.loss, alone.accuracy) == (both.loss, both.accuracy)
    assert alone.selection_loss == alone.loss != both.selection_loss
    counts = (len(parts.validation), len(parts.calibration))
    assert both.selection_loss == pytest.approx(np.average([alone.loss, other.loss], weights=counts))
