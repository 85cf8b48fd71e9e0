"""The networks: inputs, outputs and cost, and that the fused normalisation equals Keras'."""

import keras
import numpy as np
import pytest
from keras import layers

from fer.runs.config import NETWORKS
from fer.runs.presets import NETWORK_FACTS
from fer.training.networks import build_network, cost
from fer.training.normalization import FusedBatchNormalization


@pytest.mark.parametrize(
    ("name", "low", "high"), [("residual", 1.0e6, 1.5e6), ("small", 0.6e6, 0.7e6), ("baseline", 4.4e6, 4.6e6)]
)
def test_the_number_of_parameters_is_the_documented_one(name, low, high):
    assert low < cost(build_network(name)).parameters < high


def test_residual_costs_less_than_half_of_the_baseline():
    assert cost(build_network("residual")).multiply_adds < 0.5 * cost(build_network("baseline")).multiply_adds


@pytest.mark.parametrize("name", NETWORKS)
def test_scaling_is_part_of_the_network(name):
    network = build_network(name)
    assert keras.backend.standardize_dtype(network.input.dtype) == "uint8"
    scale = network.get_layer("scale")
    np.testing.assert_allclose(np.asarray(scale(np.array([0, 255], np.uint8))), [-1, 1], atol=1e-6)


def test_the_votes_head_is_last_so_that_weights_fit_the_network_without_it():
    plain, with_votes = build_network("residual"), build_network("residual", votes_head=True, fused=True)
    shapes = [weight.shape for weight in with_votes.weights]
    assert shapes[: len(plain.weights)] == [weight.shape for weight in plain.weights]
    assert shapes[len(plain.weights) :] == [(128, 8), (8,)]


def test_multiply_adds_of_a_known_network():
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, strides=2, padding="same")(inputs)  # 4 x 4 x (3 * 3 * 1 * 4)
    outputs = layers.Dense(7)(layers.Flatten()(x))  # 64 x 7
    assert cost(keras.Model(inputs, outputs)).multiply_adds == 16 * 36 + 64 * 7


def test_fused_normalization_equals_keras_in_values_gradients_and_statistics():
    tf = pytest.importorskip("tensorflow")
    x = tf.constant(np.random.default_rng(0).normal(2, 3, (32, 5, 5, 6)).astype(np.float32))
    results = []
    for kind in (layers.BatchNormalization, FusedBatchNormalization):
        norm = kind(momentum=0.5)
        norm.build(x.shape)
        norm.gamma.assign(np.linspace(0.5, 2, 6))
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(norm(x, training=True) ** 3)
        inference = norm(x, training=False)
        results.append([tape.gradient(loss, x), inference, norm.moving_mean, norm.moving_variance])
    for plain, fused in zip(*results, strict=True):
        # The moving variance differs by n / (n - 1), with n = 32 * 5 * 5.
        np.testing.assert_allclose(np.asarray(fused), np.asarray(plain), rtol=3e-3, atol=2e-3)


@pytest.mark.parametrize("name", NETWORK_FACTS)
def test_the_page_shows_the_cost_counted_here(name):
    counted = cost(build_network(name))
    facts = NETWORK_FACTS[name]
    assert (facts.parameters, facts.multiply_adds) == (counted.parameters, counted.multiply_adds)


def test_the_page_describes_every_network():
    assert set(NETWORK_FACTS) == set(NETWORKS)
