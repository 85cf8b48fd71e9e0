"""YuNet's network by ONNX Runtime, which takes half the time that OpenCV's own runtime takes for it, or less."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np
import onnx
import onnxruntime

from fer.arrays import Floats, Image

# Pixels between two places where the network looks for a face: small, middle and large ones.
_STRIDES: Final = (8, 16, 32)
_HEADS: Final = ("cls", "obj", "bbox")


class YuNet:
    """The network of Wu, Peng and Yu (YuNet: A Tiny Millisecond-level Face Detector, 2023), on one thread.

    Args:
        file: `face_detection_yunet_2023mar.onnx`.

    Raises:
        ValueError: the file is damaged, or no YuNet.
    """

    def __init__(self, file: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                _for_any_size(file), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # neither protobuf's exceptions nor ONNX Runtime's share a base class
            raise ValueError(f"'{file}' cannot be read") from error
        self._outputs = [f"{head}_{stride}" for stride in _STRIDES for head in _HEADS]
        if not {item.name for item in self._session.get_outputs()}.issuperset(self._outputs):
            raise ValueError(f"'{file}' is no YuNet")

    def candidates(self, image_bgr: Image, least_score: float) -> tuple[Floats, Floats]:
        """Everything that may be a face; a face is found several times over.

        Args:
            image_bgr: (H, W, 3) uint8, H and W 1 or more.
            least_score: in 0..1; what the network is less sure of is left out.

        Returns:
            (N, 4) float32 boxes, left, top, width, height in pixels; (N,) float32 scores in 0..1.
        """
        height, width = image_bgr.shape[:2]
        below, right = -height % _STRIDES[-1], -width % _STRIDES[-1]
        padded = cv2.copyMakeBorder(image_bgr, 0, below, 0, right, cv2.BORDER_CONSTANT)
        given = self._session.run(self._outputs, {"input": cv2.dnn.blobFromImage(padded)})
        boxes, scores = [], []
        for index, stride in enumerate(_STRIDES):
            cls, obj, bbox = (head[0] for head in given[len(_HEADS) * index :][: len(_HEADS)])
            score = np.sqrt(cls[:, 0].clip(0, 1) * obj[:, 0].clip(0, 1))
            chosen = np.flatnonzero(score >= least_score)
            rows, columns = np.divmod(chosen, padded.shape[1] // stride)
            centre = (np.column_stack([columns, rows]) + bbox[chosen, :2]) * stride
            size = np.exp(bbox[chosen, 2:]) * stride
            boxes.append(np.hstack([centre - size / 2, size]))
            scores.append(score[chosen])
        return np.concatenate(boxes).astype(np.float32), np.concatenate(scores).astype(np.float32)


def _for_any_size(file: Path) -> bytes:
    """The file says 640 x 640, and means any size: its layers do not depend on it."""
    model = onnx.load(file)
    for axis, name in ((2, "height"), (3, "width")):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[1].dim_param = f"{output.name} places"
    return bytes(model.SerializeToString())
