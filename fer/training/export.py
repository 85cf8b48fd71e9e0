"""Export trained weights as `model.keras` and `model.onnx`, whose logits agree within 1e-4."""

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
    """Return the network to export: float32, Keras's own layers, one output, the trained weights, no optimizer.

    Args:
        name: a network of `build_network`.
        weights: of this network, with or without the head for votes, in the order of `get_weights()`.
        fear_offset: added to the logit of fear; as if faces labelled fear had exp(offset) times their weight.
    """
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        network = build_network(name)
    finally:
        keras.config.set_dtype_policy(policy)
    # The head for votes comes last, so the weights before it are those of the network.
    network.set_weights(weights[: len(network.weights)])
    kernel, bias = network.get_layer(LOGITS).get_weights()
    bias[EMOTIONS.index("fear")] += fear_offset
    network.get_layer(LOGITS).set_weights([kernel, bias])
    return network


def with_maps(network: keras.Model) -> keras.Model:
    """Add class activation maps (Zhou et al., 2016) as a second output, (N, h, w, 7) float32.

    If the network pools and then has one dense layer, the map of a class is the features times that layer's weights.
    If several dense layers follow, the gradient of the logit at the features takes the place of the weights; for ReLU
    layers it is a product of matrices. Inference needs no gradient in either case.
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
    """Write `model.keras`, `model.onnx` and `parity.json` (the logits of a fixed batch) into a folder.

    Needs the TensorFlow backend. The ONNX model has the input 'images' (N, 48, 48, 1) uint8 and the outputs 'logits'
    (N, 7) and 'maps' (N, h, w, 7), both float32, for any N.

    Returns:
        The largest absolute difference between the logits of Keras and of ONNX Runtime on a fixed batch.

    Raises:
        ExportError: the two differ by more than `PARITY`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network.save(folder / KERAS_FILE)
    model = with_maps(network)
    batch = parity_batch()
    expected = np.asarray(model(batch)[LOGITS])  # a loaded model can be exported only after it was called once
    signature = [keras.InputSpec(shape=(None, SIDE, SIDE, 1), dtype="uint8", name="images")]
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Keras uses a name that numpy will redefine
        model.export(str(folder / ONNX_FILE), format="onnx", input_signature=signature, verbose=False)
    _name_ends(folder / ONNX_FILE)
    session = onnxruntime.InferenceSession(str(folder / ONNX_FILE), providers=["CPUExecutionProvider"])
    (served,) = session.run([LOGITS], {"images": batch})
    difference = float(np.abs(np.asarray(served) - expected).max())
    if not difference <= PARITY:
        raise ExportError(
            f"The exported model's logits differ from the trained network's by {difference:.2g}, more than {PARITY:g}; "
            "it can't be used. Please report this with the run's log."
        )
    # A machine without Keras compares its own logits with these: `fer.runs.serving.check_parity`.
    write_json(folder / PARITY_FILE, {"logits": expected.astype(float).tolist()})
    return difference


def _name_ends(path: Path) -> None:
    """Rename the input and the outputs of the ONNX model; the converter chooses names of its own."""
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
