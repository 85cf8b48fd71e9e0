"""The average of models' weights becomes a model of its own."""

import keras
import numpy as np
import pytest

from fer.recognition.bundle import load_bundle
from fer.runs.config import TrainConfig
from fer.training import networks
from fer.training.averaging import average_models
from fer.training.bundling import load_weights
from fer.training.export import serving_network


@pytest.fixture
def models(tmp_path, tiny):
    """Return two models of a tiny network and the folder for their average."""
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        (tmp_path / str(seed)).mkdir()
        network = serving_network("residual", networks.build_network("residual").get_weights())
        network.save(tmp_path / str(seed) / "model.keras")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text(TrainConfig(holdout=0.1, fear_offset=0.25).to_json())
    return [tmp_path / "1", tmp_path / "2"], tmp_path / "run"


def test_weights_are_averaged_by_their_shares_and_get_new_statistics(models):
    bundles, folder = models
    bundle = average_models(folder, bundles, [0.2, 0.8])
    average = load_weights(folder / "best.npz")
    networks_ = [keras.saving.load_model(path / "model.keras", compile=False) for path in bundles]
    moving = [weight.path.split("/")[-1].startswith("moving_") for weight in networks_[0].weights]
    assert any(moving)
    for now, one, two, is_moving in zip(average, *(each.get_weights() for each in networks_), moving, strict=True):
        mixed = 0.2 * one + 0.8 * two
        if is_moving:
            assert np.abs(now - mixed).max() > 1e-3
        else:
            np.testing.assert_allclose(now, mixed, atol=1e-6)
    assert bundle.hash == load_bundle(folder / "bundle").hash
    assert bundle.metrics["calibrated_on"] == "calibration"
    # The exported model has the offset of fear from the settings; the stored weights don't.
    biases = [
        keras.saving.load_model(folder / "bundle" / "model.keras", compile=False).get_layer("logits").get_weights()[1],
        average[-1],
    ]
    np.testing.assert_allclose(biases[0] - biases[1], [0, 0, 0.25, 0, 0, 0, 0], atol=1e-6)


def test_shares_that_do_not_add_up_are_refused(models):
    bundles, folder = models
    with pytest.raises(ValueError, match=r"Received: \[0\.5, 0\.8\]"):
        average_models(folder, bundles, [0.5, 0.8])
    assert not (folder / "bundle").exists()
