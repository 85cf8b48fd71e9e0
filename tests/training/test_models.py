"""A run that starts from other models, averages with them or learns from them."""

import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from fer.errors import BundleError, ConfigError, RunError
from fer.recognition.bundle import Bundle, write_bundle
from fer.runs import layout
from fer.runs.session import RunSession, StopRequested
from fer.training import callback, networks, run
from fer.training.batch_statistics import unaugmented_batches
from fer.training.batches import TrainingBatches
from fer.training.checkpoints import Checkpoint, TrainingState
from fer.training.compiling import compiled_network
from fer.training.export import export_network, serving_network
from fer.training.initial_models import initial_weights, models_digest
from fer.training.run_data import load_data, split_parts
from tests.support.builders import make_bundle
from tests.support.tiny_fit import CONFIG, fit, start, with_votes

pytestmark = pytest.mark.usefixtures("tiny")


def tiny_bundle(folder, network_name="residual", seed=7):
    keras.utils.set_random_seed(seed)
    network = networks.build_network("residual")
    export_network(serving_network("residual", network.get_weights()), folder)
    write_bundle(Bundle(path=folder, network={"name": network_name}))
    return network.get_weights()


def test_fine_tuning_starts_from_the_weights_of_a_bundle(tmp_path):
    weights = tiny_bundle(tmp_path / "bundle")
    config = replace(CONFIG, start_from=(str(tmp_path / "bundle"),), epochs=1, warmup_epochs=0.0, learning_rate=1e-6)
    session = start(config)
    kept = fit(session, config).weights
    for now, then in zip(kept, weights, strict=True):
        if then.ndim == 4:
            np.testing.assert_allclose(now, then, atol=1e-4)
    # A resumed run has its own weights and doesn't need the initial model.
    (tmp_path / "bundle" / "model.keras").unlink()
    assert fit(RunSession(session.folder), config).done


def test_several_initial_models_are_averaged(tmp_path):
    models = [tiny_bundle(tmp_path / str(seed), seed=seed) for seed in (7, 8)]
    config = replace(CONFIG, start_from=tuple(str(tmp_path / str(seed)) for seed in (7, 8)))
    network = compiled_network(config, split_parts(load_data(config), config), 7)
    averages = initial_weights(network, config)
    assert len(averages) == len(models[0])
    for average, one, other in zip(averages, *models, strict=True):
        np.testing.assert_allclose(average, (one + other) / 2, atol=1e-6)
        assert average.dtype == np.float32


@pytest.mark.parametrize("votes", [False, True])
@pytest.mark.parametrize("averaging", [0, 100])
def test_validated_weights_are_averaged_with_the_initial_ones_and_get_new_statistics(tmp_path, averaging, votes):
    config = replace(CONFIG, weight_averaging=averaging, epochs=20)
    parts = split_parts(load_data(config), config)
    parts = with_votes(parts) if votes else parts
    batches = TrainingBatches(parts.train, config, votes=votes)
    network = compiled_network(config, parts, batches.steps)
    begin = [weight * 2 for weight in tiny_bundle(tmp_path / "bundle")]
    network.fit(batches, epochs=1, verbose=0)
    trained = network.get_weights()  # `fit` has put the average over steps in place, if there is one
    network.set_weights([weight + 0.1 for weight in trained])
    before = network.get_weights()
    _, validated = callback.validate_epoch(network, parts.validation, unaugmented_batches(parts.train), begin, 0.25)
    for now, then in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    own = trained if averaging else before
    moving = {
        index for index, variable in enumerate(network.weights) if variable.path.split("/")[-1].startswith("moving_")
    }
    assert moving
    for index, now in enumerate(validated):
        blended = 0.25 * begin[index] + 0.75 * own[index] if index < len(begin) else own[index]
        if index in moving:
            assert np.abs(now - blended).max() > 1e-3, "statistics belong to the weights"
        else:
            np.testing.assert_allclose(now, blended, atol=1e-5)


def test_a_resumed_run_averages_with_the_initial_model_as_before(tmp_path, monkeypatch):
    begin = tiny_bundle(tmp_path / "bundle")
    config = replace(CONFIG, start_from=(str(tmp_path / "bundle"),), init_weight=0.5, epochs=1, warmup_epochs=0.0)
    session = start(config)
    fit(session, config)
    seen = []
    real = callback.validate_epoch
    monkeypatch.setattr(callback, "validate_epoch", lambda *arguments: seen.append(arguments[3:]) or real(*arguments))
    again = replace(config, epochs=2)
    (session.folder / layout.CONFIG).write_text(again.to_json())
    fit(RunSession(session.folder), again)
    ((weights, share, held_out),) = seen
    assert (share, held_out) == (0.5, None)
    for now, then in zip(weights, begin, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_changed_model_among_several_is_named(tmp_path):
    for seed in (7, 8):
        tiny_bundle(tmp_path / str(seed), seed=seed)
    config = replace(CONFIG, teacher=tuple(str(tmp_path / str(seed)) for seed in (7, 8)))
    resumed = Checkpoint(Path("c"), TrainingState(models=models_digest(config)), {})
    tiny_bundle(tmp_path / "8", seed=9)
    with pytest.raises(RunError) as refused:
        run._require_same_models(resumed, config)
    assert str(tmp_path / "8") in str(refused.value) and str(tmp_path / "7") not in str(refused.value)


@pytest.mark.parametrize("setting", ["teacher", "start_from"])
def test_a_run_is_not_resumed_with_another_teacher_or_initial_model(tmp_path, setting):
    tiny_bundle(tmp_path / "bundle")
    config = replace(
        CONFIG, init_weight=0.5 if setting == "start_from" else 0.0, **{setting: (str(tmp_path / "bundle"),)}
    )
    resumed = Checkpoint(Path("c"), TrainingState(models=models_digest(config)), {})
    run._require_same_models(resumed, config)
    tiny_bundle(tmp_path / "bundle", seed=8)
    with pytest.raises(RunError, match="was replaced since this run started"):
        run._require_same_models(resumed, config)
    shutil.rmtree(tmp_path / "bundle")
    with pytest.raises(RunError, match="needs a model that it learns from"):
        run._require_same_models(resumed, config)


def test_a_teacher_predicts_once_per_run_and_again_if_its_targets_are_lost(tmp_path, monkeypatch):
    tiny_bundle(tmp_path / "bundle")
    config = replace(CONFIG, teacher=(str(tmp_path / "bundle"),))
    session, parts = start(config), split_parts(load_data(config), config)
    said = []
    monkeypatch.setattr(session, "update", lambda **changes: said.append(changes["doing"]))
    first = run._targets(session, config, parts)
    np.testing.assert_array_equal(run._targets(session, config, parts), first)
    assert said == ["computing the teachers' predictions (0 %)"]
    kept = session.folder / run._TARGETS
    kept.write_bytes(kept.read_bytes()[:200])
    np.testing.assert_array_equal(run._targets(session, config, parts), first)
    # Other images, or another teacher.
    fewer = replace(parts, train=parts.train.take(np.arange(10)))
    assert len(run._targets(session, config, fewer)) == 10
    tiny_bundle(tmp_path / "bundle", seed=8)
    assert np.abs(run._targets(session, config, parts) - first).max() > 1e-4
    assert len(said) == 4


def test_a_run_can_stop_while_its_teacher_predicts(tmp_path, monkeypatch):
    tiny_bundle(tmp_path / "bundle")
    config = replace(CONFIG, teacher=(str(tmp_path / "bundle"),))
    session = start(config)
    (session.folder / layout.STOP).touch()
    with pytest.raises(StopRequested):
        fit(session, config)


def test_fine_tuning_from_another_network_is_refused(tmp_path, monkeypatch):
    tiny_bundle(tmp_path / "bundle", "some other")
    monkeypatch.undo()
    monkeypatch.setenv("FER_HOME", str(tmp_path))
    config = replace(CONFIG, start_from=(str(tmp_path / "bundle"),))
    network = compiled_network(config, split_parts(load_data(config), config), 7)
    with pytest.raises(ConfigError, match="has another network \\(some other\\); choose that network"):
        initial_weights(network, config)


def test_fine_tuning_from_an_unreadable_file_is_refused(tmp_path):
    make_bundle(tmp_path / "bundle")
    config = replace(CONFIG, start_from=(str(tmp_path / "bundle"),))
    network = compiled_network(config, split_parts(load_data(config), config), 7)
    with pytest.raises(BundleError, match="can't be read"):
        initial_weights(network, config)
