"""From trained weights to the files of a bundle: `model.keras` and `model.onnx`, agreeing to 1e-4."""

import contextlib
import io
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from keras import layers, ops

from fer.arrays import SIDE
from fer.emotions import EMOTIONS
from fer.errors import ExportError
from fer.recognition.bundle import KERAS_FILE, ONNX_FILE
from fer.runs.serving import PARITY, PARITY_FILE, parity_batch
from fer.storage.files import write_json
from fer.training.networks import FEATURES, LOGITS, build_network


def serving_network(name: str, weights: Sequence[npt.NDArray[np.float32]], *, fear_offset: float = 0.0) -> keras.Model:
    """The network as it is stored: float32, Keras's own layers, one output, the trained weights, no optimizer.

    Args:
        name: a name that `build_network` knows.
        weights: those of a network of that name, with or without the votes head, in `get_weights()`'s order.
        fear_offset: added to the logit of fear: as if faces labelled so weighed exp(offset) times as much.
    """
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        network = build_network(name)
    finally:
        keras.config.set_dtype_policy(policy)
    # The votes head comes last, so that the weights before it are the network's in the same order.
    network.set_weights(weights[: len(network.weights)])
    kernel, bias = network.get_layer(LOGITS).get_weights()
    bias[EMOTIONS.index("fear")] += fear_offset
    network.get_layer(LOGITS).set_weights([kernel, bias])
    return network


def with_maps(network: keras.Model) -> keras.Model:
    """Add class activation maps (Zhou et al., 2016) as a second output, (N, h, w, 7) float32.

    Where the network pools and then has one dense layer, the map of a class is the features weighed by that layer's
    weights. Where dense layers follow, it is the same with the logit's gradient at the features in their place, which
    for rectified layers is a product of matrices; either way no gradient is needed when it is served.
    """
    features = network.get_layer(FEATURES).output
    logits = network.get_layer(LOGITS).output
    if any(isinstance(layer, layers.GlobalAveragePooling2D) for layer in network.layers[-4:]):
        kernel, _ = network.get_layer(LOGITS).get_weights()
        maps = ops.matmul(features, kernel)
    else:
        maps = _gradient_maps(network, features)
    return keras.Model(network.input, {LOGITS: logits, "maps": maps})


def _gradient_maps(network: keras.Model, features: Any) -> Any:
    kernel, _ = network.get_layer(LOGITS).get_weights()
    gradient: Any = kernel[None]  # (1, inputs of the last layer, 7), later (N, inputs, 7)
    for layer in reversed(network.layers[: network.layers.index(network.get_layer(LOGITS))]):
        if layer.name == FEATURES:
            break
        if isinstance(layer, layers.ReLU):
            gradient = ops.multiply(ops.cast(layer.output > 0, "float32")[:, :, None], gradient)
        elif isinstance(layer, layers.BatchNormalization):
            gamma, _, _, variance = layer.get_weights()
            gradient = ops.multiply(gradient, (gamma / np.sqrt(variance + layer.epsilon))[None, :, None])
        elif isinstance(layer, layers.Dense):
            gradient = ops.matmul(layer.get_weights()[0][None], gradient)
    _, height, width, channels = features.shape
    gradient = ops.reshape(gradient, (-1, height * width, channels, gradient.shape[-1]))
    weighted = ops.reshape(features, (-1, height * width, 1, channels)) @ gradient
    return ops.reshape(weighted, (-1, height, width, gradient.shape[-1]))


def export_network(network: keras.Model, folder: Path) -> float:
    """Write `model.keras` and `model.onnx` into a folder, and `parity.json`, the logits on the fixed faces.

    Needs the TensorFlow backend. The ONNX model takes 'images' (N, 48, 48, 1) uint8 and gives 'logits' (N, 7) and
    'maps' (N, h, w, 7), both float32, with N free.

    Returns:
        The largest absolute difference of the logits between Keras and ONNX Runtime on a fixed batch.

    Raises:
        ExportError: the two differ by more than `PARITY`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network.save(folder / KERAS_FILE)
    model = with_maps(network)
    batch = parity_batch()
    expected = np.asarray(model(batch)[LOGITS])  # a model that was loaded must be called once before it exports
    signature = [keras.InputSpec(shape=(None, SIDE, SIDE, 1), dtype="uint8", name="images")]
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Keras asks numpy for a name that numpy is about to take
        model.export(str(folder / ONNX_FILE), format="onnx", input_signature=signature, verbose=False)
    _name_ends(folder / ONNX_FILE)
    session = onnxruntime.InferenceSession(str(folder / ONNX_FILE), providers=["CPUExecutionProvider"])
    (served,) = session.run([LOGITS], {"images": batch})
    difference = float(np.abs(np.asarray(served) - expected).max())
    if not difference <= PARITY:
        raise ExportError(
            f"The exported model's logits differ from the trained network's by {difference:.2g}, more than {PARITY:g}; "
            "it is not served. Please report this with the run's log."
        )
    # With these, a machine without Keras can see that it computes the same: `fer.runs.serving.check_parity`.
    write_json(folder / PARITY_FILE, {"logits": expected.astype(float).tolist()})
    return difference


def _name_ends(path: Path) -> None:
    """Give the ONNX model's input and outputs their names, whatever the converter called them."""
    model = onnx.load(str(path))
    ends = {model.graph.input[0].name: "images"}
    for output in model.graph.output:
        ends[output.name] = LOGITS if len(output.type.tensor_type.shape.dim) == 2 else "maps"
    for node in model.graph.node:
        node.input[:] = [ends.get(name, name) for name in node.input]
        node.output[:] = [ends.get(name, name) for name in node.output]
    for end in (*model.graph.input, *model.graph.output):
        end.name = ends[end.name]
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
