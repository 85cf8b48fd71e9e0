"""Export: ONNX Runtime and Keras agree, and the maps explain the logits."""

import keras
import numpy as np
import onnxruntime
import pytest

from fer.errors import ExportError
from fer.runs.config import NETWORKS
from fer.training import export
from fer.training.networks import build_network


@pytest.fixture(scope="module", params=NETWORKS)
def exported(request, tmp_path_factory):
    """Export a network with nontrivial statistics, and return (name, network, folder)."""
    keras.utils.set_random_seed(1)
    trained = build_network(request.param, votes_head=True, fused=True)
    rng = np.random.default_rng(1)
    trained.set_weights([w * rng.uniform(0.9, 1.1, w.shape) + (w == 0) * 0.3 for w in trained.get_weights()])
    network = export.serving_network(request.param, trained.get_weights())
    folder = tmp_path_factory.mktemp(request.param)
    assert export.export_network(network, folder) <= export.PARITY
    return request.param, network, folder


def run(folder, images):
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].type == "tensor(uint8)"
    return session.run(["logits", "maps"], {"images": images})


def test_any_batch_size_gives_the_logits_of_keras(exported):
    _, network, folder = exported
    for size in (1, 5):
        images = np.random.default_rng(size).integers(0, 256, (size, 48, 48, 1), dtype=np.uint8)
        logits, maps = run(folder, images)
        expected = np.asarray(network(images)["logits"])
        np.testing.assert_allclose(logits, expected, atol=1e-4 * max(1, np.abs(expected).max()))
        assert maps.shape[0] == size
        assert maps.shape[3] == 7


def test_the_offset_of_fear_changes_only_its_logit(exported):
    name, network, _ = exported
    favoured = export.serving_network(name, network.get_weights(), fear_offset=0.25)
    images = np.random.default_rng(2).integers(0, 256, (3, 48, 48, 1), dtype=np.uint8)
    moved = np.asarray(favoured(images)["logits"]) - np.asarray(network(images)["logits"])
    np.testing.assert_allclose(moved, np.tile([0, 0, 0.25, 0, 0, 0, 0], (3, 1)), atol=1e-4)


def test_maps_add_up_to_the_logits(exported):
    """Their mean (pooled) or sum (dense) is the logit, up to terms that belong to no place of the face."""
    name, network, folder = exported
    rng = np.random.default_rng(2)
    images = rng.integers(0, 256, (3, 48, 48, 1), dtype=np.uint8)
    logits, maps = run(folder, images)
    if name != "baseline":
        bias = network.get_layer("logits").get_weights()[1]
        np.testing.assert_allclose(maps.mean(axis=(1, 2)) + bias, logits, rtol=1e-4, atol=1e-4)
    else:
        # Directional derivative: scaling the features by a little changes a logit by the sum of its map.
        inner = keras.Model(network.get_layer("features").output, network.output)
        features = np.asarray(keras.Model(network.input, network.get_layer("features").output)(images))
        step = 1e-3
        up, down = (np.asarray(inner(features * factor)["logits"]) for factor in (1 + step, 1 - step))
        np.testing.assert_allclose(maps.sum(axis=(1, 2)), (up - down) / (2 * step), rtol=2e-2, atol=2e-2)


def test_stored_network_loads_without_our_code_and_without_an_optimizer(exported):
    _, network, folder = exported
    loaded = keras.models.load_model(folder / "model.keras", safe_mode=True)
    assert getattr(loaded, "optimizer", None) is None
    assert {type(layer).__module__.split(".")[0] for layer in loaded.layers} == {"keras"}
    for stored, kept in zip(loaded.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(stored, kept)


def test_disagreement_is_refused(exported, tmp_path, monkeypatch):
    _, network, _ = exported
    monkeypatch.setattr(export, "PARITY", -1.0)
    with pytest.raises(ExportError, match="can't be used"):
        export.export_network(network, tmp_path)
