"""What an ONNX file may contain: operators that classifiers need, and a bounded amount of work and memory per face.

Everything here is computed from the graph without running it, so a malicious file does no harm.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from fer.errors import BundleError
from fer.runs.graph_bounds import Bounds, bounds_of, item_bytes
from fer.text import MB

# Far above what a classifier of 48 x 48 pixels needs: the shipped model has 5 MB of weights, takes 0.6 MB per face, and
# does 130 million multiply-adds. The largest network that can be trained here takes 23 MB, 1.2 MB and 340 million.
MAX_NODES: Final = 5_000
MAX_WEIGHT_BYTES: Final = 100 * MB
MAX_WORK: Final = 1_000_000_000
MAX_FACE_BYTES: Final = 16 * MB
# Standard operators that no classifier has are left out, above all those that loop (Loop, Scan), branch
# (If), are random, or whose output's size depends on values (NonZero, Range, TopK, Unique, Compress, ...).
_NEEDED: Final = (
    "Abs Add And ArgMax AveragePool BatchNormalization Cast Ceil Celu Clip Concat Constant Conv ConvInteger "
    "DepthToSpace DequantizeLinear Div Dropout DynamicQuantizeLinear Elu Equal Erf Exp Expand Flatten Floor Gather "
    "Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GroupNormalization HardSigmoid "
    "HardSwish Identity InstanceNormalization LRN LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax "
    "LpNormalization LpPool MatMul MatMulInteger Max MaxPool Mean MeanVarianceNormalization Min Mish Mul Neg Not Or "
    "PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp "
    "ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Round Selu Shape Sigmoid Sign "
    "Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Swish Tanh ThresholdedRelu Tile "
    "Transpose Unsqueeze Where Xor"
)
OPERATORS: Final = frozenset(_NEEDED.split())
# Converters declare these without using them. Nodes must still be standard operators.
_STANDARD: Final = ("", "ai.onnx")
_DECLARED: Final = re.compile(r"(ai\.onnx|com\.microsoft|com\.ms\.internal|org\.pytorch)(\.[a-z]+)*|")


def check_graph(file: Path) -> Bounds:
    """Check that an ONNX file contains a classifier and nothing else, and return its bounds.

    Raises:
        BundleError: it can't be read, refers to other files, has an operator that no classifier needs or a shape that
            depends on the picture, or takes too much memory or work.
    """
    import onnx  # takes a second to import, and nothing else here needs it

    try:
        model = onnx.load(str(file), load_external_data=False)
    except Exception as error:  # protobuf's exceptions share no base class with ours to catch
        raise BundleError(f"{file.name} isn't an ONNX file; export the model again.") from error
    _check_form(model, file.name)
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # the checker's exceptions, and protobuf's
        raise BundleError(f"{file.name} isn't a valid ONNX network; export the model again.") from error
    weight_bytes = _weight_bytes(model.graph)
    # Before anything unpacks them.
    _require(file.name, weight_bytes, MAX_WEIGHT_BYTES, MB, "MB", "of weights")
    bounds = bounds_of(model, file.name, weight_bytes)
    _require(file.name, bounds.weight_bytes, MAX_WEIGHT_BYTES, MB, "MB", "of weights")
    _require(file.name, bounds.face_bytes, MAX_FACE_BYTES, MB, "MB", "of memory per face")
    _require(file.name, bounds.work, MAX_WORK, 10**6, "million", "multiply-adds per face")
    return bounds


def _require(name: str, value: int, limit: int, unit: int, unit_name: str, what: str) -> None:
    if value > limit:
        # Rounded up: 100 MB would not look like more than 100.
        raise BundleError(
            f"{name} takes {math.ceil(value / unit):,} {unit_name} {what}; at most {limit // unit:,} {unit_name} are "
            "accepted."
        )


def _check_form(model: Any, name: str) -> None:
    """Refuse anything but a plain list of allowed operators whose data are all inside the file."""
    from onnx.external_data_helper import uses_external_data

    # Protobuf returns bytes if a text isn't UTF-8.
    if not all(isinstance(text, str) for text in _texts(model)):
        raise BundleError(f"{name} has names that aren't UTF-8; export the model again.")
    if model.functions:
        raise BundleError(f"{name} defines functions of its own; only networks of standard operators are accepted.")
    graph = model.graph
    foreign = {f"{node.domain}.{node.op_type}" for node in graph.node if node.domain not in _STANDARD}
    foreign |= {opset.domain for opset in model.opset_import if not _DECLARED.fullmatch(opset.domain)}
    if foreign:
        raise BundleError(
            f"{name} has operators outside ONNX's standard ({_listed(foreign)}); only standard ones are accepted."
        )
    unneeded = {node.op_type for node in graph.node} - OPERATORS
    # A third input can switch it to training, where it draws random numbers.
    unneeded |= {node.op_type for node in graph.node if node.op_type == "Dropout" and len(node.input) > 2}
    if unneeded or any(attribute.graphs or attribute.HasField("g") for n in graph.node for attribute in n.attribute):
        raise BundleError(
            f"{name} has operators that a classifier doesn't need ({_listed(unneeded) or 'inner graphs'}), such as "
            "loops, branches or random numbers; export a plain network."
        )
    if any(uses_external_data(tensor) for tensor in _tensors(graph)):
        raise BundleError(f"{name} keeps data in other files; export it as one file.")
    if graph.sparse_initializer or any(a.HasField("sparse_tensor") or a.sparse_tensors for a in _attributes(graph)):
        raise BundleError(f"{name} has sparse weights; export it with plain ones.")
    if len(graph.node) > MAX_NODES:
        raise BundleError(f"{name} has {len(graph.node):,} operators; at most {MAX_NODES:,} are accepted.")


def _texts(model: Any) -> Iterator[Any]:
    graph = model.graph
    yield from (opset.domain for opset in model.opset_import)
    for node in graph.node:
        yield from (node.op_type, node.domain, *node.input, *node.output)
    for named in (*_attributes(graph), *_tensors(graph), *graph.input, *graph.output, *graph.value_info):
        yield named.name


def _listed(names: set[str]) -> str:
    shown = sorted(name[:40] for name in names)
    return ", ".join(shown[:3]) + (" and others" if len(shown) > 3 else "")


def _attributes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield from node.attribute


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for attribute in _attributes(graph):
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors


def _weight_bytes(graph: Any) -> int:
    return sum(math.prod(tensor.dims) * item_bytes(tensor.data_type) for tensor in _tensors(graph))
