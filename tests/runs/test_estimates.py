"""Estimates of a run's duration from earlier measurements."""

import os

import pytest

from fer.datasets.store.catalog import dataset_folder
from fer.datasets.store.importing import import_path
from fer.runs import estimates
from fer.runs.config import TrainConfig
from fer.runs.estimates import Measured, recall, remember, seconds_for
from tests.support.forms import csv_lines, synthetic_faces, write_lines

CONFIG = TrainConfig(fraction=0.5, holdout=0.2, batch_size=10, epochs=2)


def test_a_measurement_applies_to_other_fractions_batch_sizes_and_epochs(home):
    measured = Measured.of(CONFIG, trained_on=400, n_validation=100, step_seconds=0.1, validation_seconds=3)
    assert measured.n_train == 1000
    remember(CONFIG, measured)
    assert recall(CONFIG) == measured
    whole = TrainConfig(epochs=5, batch_size=64)
    assert recall(whole) == measured
    around = seconds_for(CONFIG, measured) - 2 * (400 * 0.01 + 3)
    assert seconds_for(whole, measured) == pytest.approx(5 * (1000 * 0.01 + 3) + around)


def test_a_fraction_smaller_than_a_batch_takes_one_step():
    measured = Measured.of(
        TrainConfig(batch_size=64), trained_on=16, n_validation=4, step_seconds=0.16, validation_seconds=0
    )
    assert measured.image_seconds == pytest.approx(0.01)


@pytest.mark.parametrize("other", [{"network": "baseline"}, {"precision": "bfloat16"}, {"votes_weight": 0.0}])
def test_settings_of_another_cost_have_no_estimate(home, other):
    remember(CONFIG, Measured(1000, 100, 0.01, 3))
    assert recall(TrainConfig(**other)) is None


def test_data_of_unknown_size_have_no_estimate(home):
    remember(CONFIG, Measured(1000, 100, 0.01, 3))
    assert recall(TrainConfig(data="elsewhere")) is None


def test_a_relabelled_file_keeps_its_estimate(home, tmp_path):
    file = tmp_path / "faces.csv"
    file.write_text("one")
    config = TrainConfig(data=str(file))
    remember(config, Measured(1000, 100, 0.01, 3))
    file.write_text("two")
    os.utime(file, ns=(1, 1))
    assert recall(config) == Measured(1000, 100, 0.01, pytest.approx(3))


def test_an_imported_dataset_has_an_estimate_at_once(home, tmp_path):
    remember(CONFIG, Measured(1000, 100, 0.01, 3))
    info = import_path(write_lines(tmp_path / "fer2013.csv", csv_lines(synthetic_faces(28, 7, 7))), "mine")
    measured = recall(TrainConfig(data=str(dataset_folder(info.name))))
    assert measured == Measured(28, 7, 0.01, pytest.approx(0.21))


def test_damaged_measurements_and_full_disks_are_tolerated(home, monkeypatch):
    remember(CONFIG, Measured(1, 1, 1, 1))
    (home / "runs" / "speeds.json").write_text('{"x": 1')
    assert recall(CONFIG) is None
    remember(CONFIG, Measured(1, 1, 1, 1))
    assert recall(CONFIG) == Measured(1, 1, 1, 1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(estimates.files, "write_json", full)
    remember(CONFIG, Measured(2, 2, 2, 2))
    assert recall(CONFIG) == Measured(1, 1, 1, 1)
