"""YuNet by ONNX Runtime, which takes at most half the time of OpenCV's own runtime."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np
import onnx
import onnxruntime

from fer.arrays import Floats, Image
from fer.errors import DetectorError
from fer.vision.boxes import Detections

# Pixels between two places where the network looks for small, medium and large faces.
_STRIDES: Final = (8, 16, 32)
_HEADS: Final = ("cls", "obj", "bbox", "kps")


class YuNet:
    """The network of Wu, Peng and Yu (YuNet: A Tiny Millisecond-level Face Detector, 2023), on one thread.

    One object may be shared by threads.

    Args:
        file: `face_detection_yunet_2023mar.onnx`.

    Raises:
        ValueError: the file is damaged or holds another network.
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
            raise ValueError(f"'{file}' can't be read") from error
        self._outputs = [f"{head}_{stride}" for stride in _STRIDES for head in _HEADS]
        if not {item.name for item in self._session.get_outputs()}.issuperset(self._outputs):
            raise ValueError(f"'{file}' isn't YuNet")

    def candidates(self, image: Image, least_score: float) -> Detections:
        """Return every place that may show a face; one face has several.

        Args:
            image: (H, W, 3) BGR or (H, W) grey, uint8, H and W 1 or more.
            least_score: in 0..1; places with a lower score are left out.

        Raises:
            DetectorError: ONNX Runtime fails, for instance because memory ran out.
        """
        planes = _planes(image)
        try:
            outputs = self._session.run(self._outputs, {"input": planes})
        except Exception as error:  # ONNX Runtime's own exceptions share no base class
            raise DetectorError(
                "YuNet failed on this picture. Close other programs to free memory and try again, or choose Haar."
            ) from error
        boxes, scores, landmarks = [], [], []
        for index, stride in enumerate(_STRIDES):
            cls, obj, bbox, kps = (head[0] for head in outputs[len(_HEADS) * index :][: len(_HEADS)])
            score = np.sqrt(cls[:, 0].clip(0, 1) * obj[:, 0].clip(0, 1))
            chosen = np.flatnonzero(score >= least_score)
            rows, columns = np.divmod(chosen, planes.shape[3] // stride)
            cells = np.column_stack([columns, rows])
            centre = (cells + bbox[chosen, :2]) * stride
            size = np.exp(bbox[chosen, 2:]) * stride
            boxes.append(np.hstack([centre - size / 2, size]))
            scores.append(score[chosen])
            landmarks.append((cells[:, None] + kps[chosen].reshape(-1, 5, 2)) * stride)
        return Detections.upright(*(np.concatenate(parts).astype(np.float32) for parts in (boxes, scores, landmarks)))


def _planes(image: Image) -> Floats:
    """Return an image as blue, green and red, (1, 3, H, W) float32, with black rows and columns in the last stride.

    `cv2.dnn.blobFromImage` takes three times as long.
    """
    height, width = image.shape[:2]
    below, right = -height % _STRIDES[-1], -width % _STRIDES[-1]
    planes = np.zeros((1, 3, height + below, width + right), np.float32)
    colors = cv2.split(image) if image.ndim == 3 else [image] * 3
    for plane, color in zip(planes[0], colors, strict=True):
        plane[:height, :width] = color
    return planes


def _for_any_size(file: Path) -> bytes:
    """Return the network with free height and width: the file states 640 x 640, but no layer depends on it."""
    model = onnx.load(file)
    for axis, name in ((2, "height"), (3, "width")):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[1].dim_param = f"{output.name} places"
    return bytes(model.SerializeToString())


def plausible(found: Detections, image: Image, min_face: int = 1) -> Detections:
    """Return the candidates with a centre in the image and a size that a face in it can have."""
    height, width = image.shape[:2]
    inside = found.with_centers_in(width, height)
    sizes = inside.boxes_xywh[:, 2:]
    return inside.take(((sizes >= min_face) & (sizes <= 2 * max(height, width))).all(axis=1))


def score_at(sensitivity: float) -> float:
    """Return the least score at a sensitivity in 0..1: 0.6 in the middle, as OpenCV's own 0.9 loses faces."""
    return float(np.interp(sensitivity, [0, 0.5, 1], [0.9, 0.6, 0.3]))
