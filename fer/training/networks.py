"""The networks. Each takes uint8 faces, scales them itself, and outputs seven logits.

`residual` is the network of the shipped model. `small` has three quarters of its width and trains faster. `light`
halves the side of the image at once, so that it trains in minutes. `baseline` is the network of the desktop script, for
comparison.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import layers

from fer.arrays import SIDE
from fer.emotions import N_EMOTIONS
from fer.training.normalization import FusedBatchNormalization

N_VOTE_CLASSES = 8  # the seven classes and contempt, which FER+ voters could choose too
# Layer names. Class activation maps are computed from the last features and the logits.
FEATURES, LOGITS, VOTES = "features", "logits", "votes"


@dataclass(frozen=True)
class Cost:
    """The size of a network: parameters, and multiply-adds per face."""

    parameters: int
    multiply_adds: int


def build_network(name: str, *, dropout: float = 0.0, votes_head: bool = False, fused: bool = False) -> keras.Model:
    """Build a network with random weights.

    Args:
        name: 'residual', 'small', 'light' or 'baseline'.
        dropout: share of the last features that is dropped during training.
        votes_head: add a second output for the FER+ votes, used during training only.
        fused: use TensorFlow's fused batch normalization, which trains three times faster with the same values. The
            weights also fit a network built without it; that network is exported.

    Returns:
        A functional model: (N, 48, 48, 1) uint8 in 0..255 -> {'logits': (N, 7) float32}, with votes_head also
        {'votes': (N, 8) float32 logits}.
    """
    norm = FusedBatchNormalization if fused and keras.config.backend() == "tensorflow" else layers.BatchNormalization
    inputs = keras.Input((SIDE, SIDE, 1), dtype="uint8", name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(inputs)
    x = _BODIES[name](x, norm, dropout)
    # Softmax and its loss need more than half precision.
    outputs = {LOGITS: layers.Dense(N_EMOTIONS, dtype="float32", name=LOGITS)(x)}
    if votes_head:
        outputs[VOTES] = layers.Dense(N_VOTE_CLASSES, dtype="float32", name=VOTES)(x)
    return keras.Model(inputs, outputs, name=name)


def cost(network: keras.Model) -> Cost:
    """Count the parameters, and the multiply-adds per face of convolutions and dense layers."""
    multiply_adds = 0
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D):
            _, height, width, _ = layer.output.shape
            multiply_adds += height * width * int(np.prod(layer.kernel.shape))
        elif isinstance(layer, layers.Dense):
            multiply_adds += int(np.prod(layer.kernel.shape))
    return Cost(parameters=network.count_params(), multiply_adds=multiply_adds)


def _residual(
    x: Any,
    norm: Callable[..., Any],
    dropout: float,
    *,
    stem: int,
    stem_stride: int = 1,
    stages: Sequence[tuple[int, int]] = ((2, 1), (4, 2), (4, 2)),
) -> Any:
    """Build a residual network (He et al., 2016) with squeeze-and-excitation (Hu et al., 2018).

    It has `stem` channels at 48 x 48, or at a side divided by `stem_stride`. Each stage halves the side; it has a
    width, in multiples of `stem`, and a number of blocks. By default most multiply-adds are spent at 12 x 12, where
    they improve accuracy most.
    """
    x = layers.Conv2D(stem, 3, strides=stem_stride, padding="same", use_bias=False)(x)
    x = layers.ReLU()(norm()(x))
    for factor, n_blocks in stages:
        width = factor * stem
        for block in range(n_blocks):
            x = _residual_block(x, width, stride=2 if block == 0 else 1, norm=norm)
    # The identity, which gives the features a name.
    x = layers.Activation("linear", name=FEATURES)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return layers.Dropout(dropout)(x)


def _residual_block(x: Any, width: int, *, stride: int, norm: Callable[..., Any]) -> Any:
    shortcut = x
    if stride > 1:
        shortcut = layers.AveragePooling2D(stride)(shortcut)
    if shortcut.shape[-1] != width:
        shortcut = norm()(layers.Conv2D(width, 1, use_bias=False)(shortcut))
    x = layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(x)
    x = layers.ReLU()(norm()(x))
    x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
    # With a residual branch that starts at zero, the network starts as a shallow one (Goyal et al., 2017).
    x = norm(gamma_initializer="zeros")(x)
    if x.shape[1] <= SIDE // 4:
        x = layers.Multiply()([x, _channel_weights(x, width)])
    return layers.ReLU()(layers.Add()([x, shortcut]))


def _channel_weights(x: Any, width: int) -> Any:
    # Half precision would slow down these two tiny products.
    pooled = layers.GlobalAveragePooling2D()(x)
    squeezed = layers.Dense(width // 8, activation="relu", dtype="float32")(pooled)
    weights = layers.Dense(width, activation="sigmoid", dtype="float32")(squeezed)
    return layers.Reshape((1, 1, width))(weights)


def _baseline(x: Any, norm: Callable[..., Any], dropout: float) -> Any:
    """Build the network of the desktop script: five convolutions, two dense layers, 4.5 M parameters."""
    x = layers.ReLU()(norm()(layers.Conv2D(32, 3, padding="same")(x)))
    for width, size in ((64, 3), (128, 5), (512, 3), (512, 3)):
        x = layers.ReLU()(norm()(layers.Conv2D(width, size, padding="same")(x)))
        x = layers.MaxPooling2D(2)(x)
        x = layers.Dropout(dropout)(x)
    x = layers.Activation("linear", name=FEATURES)(x)
    x = layers.Flatten()(x)
    for width in (256, 512):
        x = layers.ReLU()(norm()(layers.Dense(width)(x)))
        x = layers.Dropout(dropout)(x)
    return x


_BODIES: dict[str, Callable[[Any, Callable[..., Any], float], Any]] = {
    "residual": partial(_residual, stem=32),
    "small": partial(_residual, stem=24),
    "light": partial(_residual, stem=24, stem_stride=2, stages=((2, 1), (4, 2))),
    "baseline": _baseline,
}
