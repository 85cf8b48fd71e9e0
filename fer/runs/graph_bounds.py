"""Compute the work and memory per face of an ONNX network from its graph, without running it."""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from fer.errors import BundleError

# Values that shapes depend on, such as the number of faces before a Reshape, have only a few elements.
_SHAPE_ELEMENTS: Final = 64
_COMPUTE_SHAPES: Final = (
    "Add Cast Concat Constant Div Equal Gather Identity Max Min Mul Neg ReduceProd Reshape Shape Slice Squeeze Sub "
    "Unsqueeze Where"
)
_SHAPE_OPERATORS: Final = frozenset(_COMPUTE_SHAPES.split())
_MAX_RANK: Final = 8
_MATRIX_PRODUCTS: Final = ("MatMul", "MatMulInteger", "QLinearMatMul", "Gemm")
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Bounds:
    """The resources that a network needs.

    Attributes:
        weight_bytes: size of all constants, including those computed from others, such as unpacked weights.
        work: multiply-adds for one face. An element that is computed in another way counts as one.
        face_bytes: peak memory for one face, without the constants.
    """

    weight_bytes: int
    work: int
    face_bytes: int


def item_bytes(data_type: int) -> int:
    """Return the size of an element of an ONNX data type in memory."""
    import onnx

    try:
        return int(onnx.helper.tensor_dtype_to_np_dtype(data_type).itemsize)
    except KeyError:
        return 8  # strings and newer types


def bounds_of(model: Any, name: str, weight_bytes: int) -> Bounds:
    """Return the bounds of a checked ONNX model for one face.

    Raises:
        BundleError: a shape depends on values that only running the network would give.
    """
    one, two = _Graph(model, 1, name), _Graph(model, 2, name)
    # A call may have a single face, which then pays for all work that doesn't grow with the number of faces.
    work = max(one.work, two.work - one.work)
    face_bytes = max(one.peak_bytes, two.peak_bytes - one.peak_bytes)
    return Bounds(weight_bytes + one.constant_bytes, work, face_bytes)


class _Graph:
    """The shapes of a graph for a number of faces, and its work and memory.

    Args:
        model: a checked ONNX model.
        n_faces: number of faces per call.
        name: the file's name, for messages.

    Raises:
        BundleError: a shape depends on values that only running the network would give.
    """

    def __init__(self, model: Any, n_faces: int, name: str) -> None:
        import onnx

        self._refused = BundleError(
            f"{name} has shapes that are only known while it runs; export a network whose shapes depend on nothing but "
            "the number of faces."
        )
        fixed = onnx.ModelProto()
        fixed.CopyFrom(model)
        del fixed.graph.value_info[:]
        if len(fixed.graph.input) != 1 or not fixed.graph.input[0].type.tensor_type.shape.dim:
            raise BundleError(f"{name} takes {len(fixed.graph.input)} inputs; a classifier takes one, the faces.")
        fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value = n_faces
        for output in fixed.graph.output:
            output.type.tensor_type.ClearField("shape")
        self._initial = {tensor.name: tensor for tensor in fixed.graph.initializer}
        self._types: dict[str, int] = {}
        self._known: dict[str, np.ndarray[Any, Any]] = {}
        self.shapes = self._infer(fixed)
        self.work = sum(self._work_of(node) for node in fixed.graph.node)
        constants = self._constants(fixed.graph)
        self.constant_bytes = sum(self._bytes(name) for name in constants)
        self.peak_bytes = self._peak(fixed.graph, constants)

    def _infer(self, model: Any) -> Shapes:
        """Infer all shapes, one operator at a time, so that the shapes of its inputs are known."""
        import onnx
        from onnx import helper

        shapes: Shapes = {}
        for value in model.graph.input:
            self._keep(shapes, value)
        for tensor in model.graph.initializer:
            shapes[tensor.name] = tuple(tensor.dims)
            self._types[tensor.name] = tensor.data_type
            if math.prod(tensor.dims) <= _SHAPE_ELEMENTS:
                self._known[tensor.name] = onnx.numpy_helper.to_array(tensor)
        opsets = {opset.domain: opset.version for opset in model.opset_import}
        for node in model.graph.node:
            self._evaluate(node, shapes, opsets)
            named = [item for item in node.input if item]
            if any(item not in shapes for item in named):
                raise self._refused
            # A graph with only this operator, and the known shapes and values of its inputs.
            inputs = list(dict.fromkeys(named))
            values = [helper.make_tensor_value_info(item, self._types[item], shapes[item]) for item in inputs]
            constants = [
                onnx.numpy_helper.from_array(self._known[item], item) for item in inputs if item in self._known
            ]
            outputs = [onnx.ValueInfoProto(name=item) for item in node.output if item]
            graph = helper.make_graph([node], "one", values, outputs, constants)
            single = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
            try:
                inferred = onnx.shape_inference.infer_shapes(single, strict_mode=True, data_prop=True)
            except Exception as error:  # the library's own exceptions share no base class
                raise self._refused from error
            for value in inferred.graph.output:
                self._keep(shapes, value)
        return shapes

    def _keep(self, shapes: Shapes, value: Any) -> None:
        tensor = value.type.tensor_type
        sides = [dim.dim_value if dim.HasField("dim_value") else -1 for dim in tensor.shape.dim]
        if not tensor.HasField("shape") or len(sides) > _MAX_RANK or any(side < 0 for side in sides):
            raise self._refused
        shapes[value.name] = tuple(sides)
        self._types[value.name] = tensor.elem_type

    def _evaluate(self, node: Any, shapes: Shapes, opsets: dict[str, int]) -> None:
        """Compute the few values that later shapes depend on, such as 36 times the number of faces."""
        from onnx.reference import ReferenceEvaluator

        if node.op_type not in _SHAPE_OPERATORS or len(node.output) != 1:
            return
        try:
            if node.op_type == "Shape":
                # The values of its input don't matter.
                feeds = {node.input[0]: np.broadcast_to(np.float32(0), shapes[node.input[0]])}
            else:
                feeds = {name: self._known[name] for name in node.input if name}
            (value,) = ReferenceEvaluator(node, opsets=opsets).run(None, feeds)
        except Exception:  # an input is unknown; if a shape depends on it, its inference raises the error
            return
        value = np.asarray(value)
        if value.size <= _SHAPE_ELEMENTS:
            self._known[node.output[0]] = value

    def _work_of(self, node: Any) -> int:
        """Return the multiply-adds of an operator: the elements of its output times the summands of each."""
        elements = max([math.prod(self.shapes[name]) for name in (*node.input, *node.output) if name], default=0)
        if node.op_type in ("Conv", "ConvInteger", "QLinearConv"):
            kernel = self.shapes[node.input[3 if node.op_type == "QLinearConv" else 1]]
            return max(elements, math.prod(self.shapes[node.output[0]]) * math.prod(kernel[1:]))
        if node.op_type in _MATRIX_PRODUCTS:
            left = self.shapes[node.input[0]]
            transposed = any(a.name == "transA" and a.i for a in node.attribute)
            summed = (left[0] if transposed else left[-1]) if left else 1
            return max(elements, math.prod(self.shapes[node.output[0]]) * summed)
        window = next((a.ints for a in node.attribute if a.name == "kernel_shape"), ())
        # A window may be larger than the image, but no work is done outside the image.
        return elements * min(math.prod(window), max(elements, 1))

    def _constants(self, graph: Any) -> set[str]:
        """Return the names of the values that the network computes from constants only."""
        found: set[str] = set()
        for node in graph.node:
            if all(name in found or name in self._initial for name in node.input if name):
                found.update(name for name in node.output if name)
        return found

    def _peak(self, graph: Any, constants: set[str]) -> int:
        """Return the peak memory in bytes, without constants. A value is kept until its last use."""
        last = {name: index for index, node in enumerate(graph.node) for name in node.input}
        last |= {output.name: len(graph.node) for output in graph.output}
        alive = {value.name: self._bytes(value.name) for value in graph.input}
        peak = sum(alive.values())
        for index, node in enumerate(graph.node):
            alive |= {name: self._bytes(name) for name in node.output if name and name not in constants}
            peak = max(peak, sum(alive.values()))
            for name in [name for name in alive if last.get(name, -1) <= index]:
                del alive[name]
        return peak

    def _bytes(self, name: str) -> int:
        return math.prod(self.shapes[name]) * item_bytes(self._types[name])
