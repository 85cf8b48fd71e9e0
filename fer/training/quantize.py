"""Quantize an exported network to int8: smaller, and faster on processors with int8 instructions."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from fer.recognition.bundle import INPUT

# Enough faces to cover light, pose and classes when the ranges of the activations are measured.
CALIBRATION_FACES: Final = 512
_BATCH: Final = 64


class _Faces(CalibrationDataReader):
    """Iterate once over batches of faces."""

    def __init__(self, crops: npt.NDArray[np.uint8]) -> None:
        self._batches: Iterator[npt.NDArray[np.uint8]] = iter(np.array_split(crops, max(1, len(crops) // _BATCH)))

    def get_next(self) -> dict[str, npt.NDArray[np.uint8]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {str(INPUT["name"]): batch}


def quantize(model: Path, crops: npt.NDArray[np.uint8], target: Path) -> None:
    """Quantize an ONNX model statically: int8 weights with one scale per channel, uint8 activations.

    The first convolution and the dense layers stay float32: they are a small part of the work, and the first sees the
    pixels and the last makes the logits. Inputs and outputs keep their names. Compare the result by accuracy; its
    logits differ from the original's.

    Args:
        model: the float32 model of a bundle.
        crops: (N, 48, 48, 1) uint8 faces of the training split, to measure the ranges of the activations on.
        target: the file to write.
    """
    options: dict[str, Any] = {
        "quant_format": QuantFormat.QDQ,
        "per_channel": True,
        "activation_type": QuantType.QUInt8,
        "weight_type": QuantType.QInt8,
        # Seven bits per weight: without VNNI a sum of two 8-bit products overflows, which costs 1.8 points of accuracy.
        "reduce_range": True,
    }
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        # Symbolic shapes would need another library, and the shapes of these networks are known.
        quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
        kept = _kept_exact(onnx.load(str(prepared)))
        quantize_static(str(prepared), str(target), _Faces(crops), nodes_to_exclude=kept, **options)


def _kept_exact(model: onnx.ModelProto) -> list[str]:
    """Return the names of the nodes that stay float32: the first convolution and the dense layers."""
    first = next((node.name for node in model.graph.node if node.op_type == "Conv"), None)
    dense = [node.name for node in model.graph.node if node.op_type in ("Gemm", "MatMul")]
    return [first, *dense] if first else dense
