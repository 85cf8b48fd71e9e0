"""YuNet for a camera's frames."""

import numpy.typing as npt

from fer.arrays import Image
from fer.vision.boxes import Detections, Head, reduced
from fer.vision.upright import head_in
from fer.vision.yunet import YuNet, plausible, score_at


class YuNetDetector:
    """YuNet for one pass over an image that is reduced first; see `FaceDetector`.

    It finds small, turned and half-lit faces, and is faster than the cascade.
    """

    name = "yunet"
    crop_scale = 1.1

    def __init__(self, network: YuNet, side: int, min_face: int | None, sensitivity: float) -> None:
        self._network = network
        self._least_score = score_at(sensitivity)
        self._side, self._min_face = side, max(min_face or 0, 1)

    def detect(self, image_bgr: Image) -> Detections:
        """See `FaceDetector.detect`."""
        small, factor = reduced(image_bgr, self._side)
        found = self._network.candidates(small, self._least_score).placed(factor)
        return plausible(found, image_bgr, self._min_face).distinct()

    def head(self, image_bgr: Image, box_xywh: npt.ArrayLike) -> Head:
        """See `FaceDetector.head`."""
        return head_in(self._network, image_bgr, box_xywh)
