"""Malicious ONNX models, and the sentence with which each is refused."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fer.recognition.bundle import Bundle, write_bundle
from tests.support.builders import brightness_model, make_bundle, save_onnx

Change = Callable[[onnx.ModelProto], None]


def before_logits(model: onnx.ModelProto, *nodes: onnx.NodeProto) -> None:
    """Let the last of some nodes make the logits; they find the network's own under 'plain'."""
    last = next(node for node in model.graph.node if "logits" in node.output)
    last.output[0] = "plain"
    model.graph.node.extend(nodes)


def constant(model: onnx.ModelProto, name: str, value: np.ndarray) -> str:
    model.graph.initializer.append(numpy_helper.from_array(value, name))
    return name


def loop(model: onnx.ModelProto) -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["d"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("d", TensorProto.BOOL, [])],
    )
    model.graph.node.append(helper.make_node("Loop", ["", "true"], [], body=body))
    constant(model, "true", np.array(True))


def name_that_is_not_text(model: onnx.ModelProto) -> None:
    """Return a model with an operator whose name isn't UTF-8, so that protobuf returns bytes."""
    model.graph.node[0].op_type = "Qast"
    model.ParseFromString(model.SerializeToString().replace(b"Qast", b"\xffast"))


def random_numbers(model: onnx.ModelProto) -> None:
    before_logits(
        model,
        helper.make_node("RandomUniformLike", ["plain"], ["noise"]),
        helper.make_node("Add", ["plain", "noise"], ["logits"]),
    )


def shape_from_values(model: onnx.ModelProto) -> None:
    before_logits(
        model,
        helper.make_node("NonZero", ["pixels"], ["places"]),
        helper.make_node("Identity", ["plain"], ["logits"]),
    )


def reshape_by_values(model: onnx.ModelProto) -> None:
    """Return a model of allowed operators, with a shape that depends on the brightest pixel."""
    constant(model, "all", np.array([0, 1, 2, 3], np.int64))
    before_logits(
        model,
        helper.make_node("ReduceMax", ["pixels", "all"], ["brightest"], keepdims=0),
        helper.make_node("Cast", ["brightest"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["whole", "one"], ["size"]),
        helper.make_node("Tile", ["flat", "size"], ["many"]),
        helper.make_node("ReduceMean", ["many", "first"], ["mean_of_many"], keepdims=1),
        helper.make_node("Add", ["plain", "mean_of_many"], ["logits"]),
    )
    constant(model, "one", np.array([1], np.int64))
    constant(model, "first", np.array([0], np.int64))
    constant(model, "flat", np.zeros(1000, np.float32))


def two_gigabytes_of_zeros(model: onnx.ModelProto) -> None:
    constant(model, "much", np.array([500_000_000], np.int64))
    before_logits(
        model,
        helper.make_node("ConstantOfShape", ["much"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["nothing"], keepdims=0),
        helper.make_node("Add", ["plain", "nothing"], ["logits"]),
    )


def expanded_to_gigabytes(model: onnx.ModelProto) -> None:
    constant(model, "much", np.array([500_000_000], np.int64))
    constant(model, "zero", np.zeros(1, np.float32))
    before_logits(
        model,
        helper.make_node("Expand", ["zero", "much"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["nothing"], keepdims=0),
        helper.make_node("Add", ["plain", "nothing"], ["logits"]),
    )


def padded_to_gigabytes(model: onnx.ModelProto) -> None:
    constant(model, "sides", np.array([0, 0, 0, 0, 0, 10_000, 10_000, 0], np.int64))
    before_logits(
        model,
        helper.make_node("Pad", ["pixels", "sides"], ["wide"]),
        helper.make_node("ReduceMean", ["wide", "space"], ["mean_wide"], keepdims=1),
        helper.make_node("Reshape", ["mean_wide", "one_column"], ["column"]),
        helper.make_node("Add", ["plain", "column"], ["logits"]),
    )


def tiled_a_thousand_times(model: onnx.ModelProto) -> None:
    constant(model, "times", np.array([1, 100, 100, 1], np.int64))
    before_logits(
        model,
        helper.make_node("Tile", ["pixels", "times"], ["many"]),
        helper.make_node("ReduceMean", ["many", "space"], ["mean_many"], keepdims=1),
        helper.make_node("Reshape", ["mean_many", "one_column"], ["column"]),
        helper.make_node("Add", ["plain", "column"], ["logits"]),
    )


def too_much_work(model: onnx.ModelProto) -> None:
    """Return a model that needs little memory but multiplies matrices ten thousand times."""
    constant(model, "square", np.zeros((2304, 500), np.float32))
    constant(model, "back", np.zeros((500, 2304), np.float32))
    constant(model, "row", np.array([-1, 2304], np.int64))
    constant(model, "column", np.zeros((2304, 7), np.float32))
    nodes = [helper.make_node("Reshape", ["pixels", "row"], ["x0"])]
    for index in range(1000):
        nodes += [
            helper.make_node("MatMul", [f"x{index}", "square"], [f"y{index}"]),
            helper.make_node("MatMul", [f"y{index}", "back"], [f"x{index + 1}"]),
        ]
    nodes += [
        helper.make_node("MatMul", ["x1000", "column"], ["shift"]),
        helper.make_node("Add", ["plain", "shift"], ["logits"]),
    ]
    before_logits(model, *nodes)


def too_many_operators(model: onnx.ModelProto) -> None:
    names = ["plain", *(f"step{index}" for index in range(6000)), "logits"]
    before_logits(model, *(helper.make_node("Relu", [a], [b]) for a, b in itertools.pairwise(names)))


def sparse_weights(model: onnx.ModelProto) -> None:
    values = numpy_helper.from_array(np.ones(1, np.float32), "sparse")
    places = numpy_helper.from_array(np.zeros(1, np.int64), "places")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [2_000_000_000]))


def compressed_weights(model: onnx.ModelProto) -> None:
    """Return a model whose weights take eight times as much memory as in the file."""
    tensor = TensorProto(name="zeros", dims=[20_000_000], data_type=TensorProto.INT64)
    tensor.int64_data.extend([0] * 20_000_000)
    model.graph.initializer.append(tensor)


def training_dropout(model: onnx.ModelProto) -> None:
    constant(model, "half", np.array(0.5, np.float32))
    constant(model, "training", np.array(True))
    before_logits(model, helper.make_node("Dropout", ["plain", "half", "training"], ["logits"]))


def second_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))


REFUSED: dict[str, tuple[Change, str]] = {
    "a name that isn't text": (name_that_is_not_text, "names that aren't UTF-8"),
    "loop": (loop, "doesn't need .Loop"),
    "random numbers": (random_numbers, "doesn't need .RandomUniformLike"),
    "a shape that follows from values": (shape_from_values, "doesn't need .NonZero"),
    "a reshape by values": (reshape_by_values, "shapes that are only known while it runs"),
    "zeros": (two_gigabytes_of_zeros, "doesn't need .ConstantOfShape"),
    "expand": (expanded_to_gigabytes, "takes 1,908 MB of weights; at most 100 MB"),
    "pad": (padded_to_gigabytes, "MB of memory per face"),
    "tile": (tiled_a_thousand_times, "takes 88 MB of memory per face"),
    "work": (too_much_work, "takes 2,305 million multiply-adds per face; at most 1,000 million"),
    "operators": (too_many_operators, "has 6,013 operators"),
    "sparse": (sparse_weights, "sparse weights"),
    "compressed": (compressed_weights, "takes 153 MB of weights; at most 100 MB"),
    "dropout": (training_dropout, "random numbers"),
    "inputs": (second_input, "takes 2 inputs"),
}


def looping_bundle(folder: Path) -> Bundle:
    """Write a bundle whose model loops forever on a face darker than a medium grey."""
    model = brightness_model()
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Identity", ["value"], ["next_value"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next_value", TensorProto.FLOAT, None),
        ],
    )
    constant(model, "every", np.array([0, 1, 2, 3], np.int64))
    constant(model, "grey", np.array(100, np.float32))
    before_logits(
        model,
        helper.make_node("ReduceMean", ["pixels", "every"], ["brightness"], keepdims=0),
        helper.make_node("Less", ["brightness", "grey"], ["is_dark"]),
        helper.make_node("Loop", ["", "is_dark", "plain"], ["logits"], body=body),
    )
    make_bundle(folder)
    save_onnx(model, folder)
    return write_bundle(Bundle(path=folder))
