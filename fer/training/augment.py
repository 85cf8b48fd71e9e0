"""Augment grey face crops with OpenCV, outside the network, so that the exported model doesn't contain it."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

from fer.arrays import Images
from fer.runs.config import TrainConfig


@dataclass(frozen=True)
class Augmenter:
    """Random changes of a face that keep its expression.

    Attributes:
        flip: mirror half of the images.
        rotation_degrees, scale, shift: largest change of the crop; scale and shift as shares of the side.
        light: 0..1, strength of contrast, brightness and gamma changes.
        studio: probability of sharper edges, evened light or full contrast, as in portraits from a studio.
        degradation: probability of a corruption typical of poor cameras: blur, low resolution, noise or JPEG.
        erasing: probability that a rectangle is filled with one grey value (Zhong et al., 'Random erasing', 2017).
    """

    flip: bool
    rotation_degrees: float
    scale: float
    shift: float
    light: float
    studio: float
    degradation: float
    erasing: float

    @classmethod
    def from_config(cls, config: TrainConfig) -> Self:
        """Return the augmentation in a run's settings."""
        return cls(
            flip=config.flip,
            rotation_degrees=config.rotation_degrees,
            scale=config.scale,
            shift=config.shift,
            light=config.light,
            studio=config.studio,
            degradation=config.degradation,
            erasing=config.erasing,
        )

    def __call__(self, images: Images, rng: np.random.Generator) -> Images:
        """Augment each image of (N, 48, 48) uint8 separately; return a new array of the same shape."""
        changed = np.empty_like(images)
        for index, image in enumerate(images):
            crop = self._relight(self._warp(image, rng), rng)
            changed[index] = self._erase(self._degrade(self._enhance(crop, rng), rng), rng)
        return changed

    def _warp(self, image: Images, rng: np.random.Generator) -> Images:
        side = image.shape[0]
        angle, zoom, right, down = rng.uniform(-1, 1, 4)
        matrix = cv2.getRotationMatrix2D(
            (side / 2 - 0.5, side / 2 - 0.5), float(angle) * self.rotation_degrees, 1 + float(zoom) * self.scale
        )
        matrix[:, 2] += np.array([right, down]) * self.shift * side
        if self.flip and rng.random() < 0.5:
            # Mirror first, then warp: x becomes side - 1 - x.
            matrix[:, 2] += matrix[:, 0] * (side - 1)
            matrix[:, 0] *= -1
        warped = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(warped, np.uint8)

    def _relight(self, image: Images, rng: np.random.Generator) -> Images:
        if not self.light:
            return image
        contrast, brightness, gamma = rng.uniform(-1, 1, 3) * self.light
        levels = np.linspace(0, 1, 256) ** (2.0 ** (1.5 * gamma))
        levels = (levels - 0.5) * (1 + contrast) + 0.5 + 0.4 * brightness
        table = (levels.clip(0, 1) * 255).astype(np.uint8)
        relit: Images = table[image]
        return relit

    def _enhance(self, image: Images, rng: np.random.Generator) -> Images:
        if not self.studio or rng.random() >= self.studio:
            return image
        # FER-2013's faces are soft, and many are lit from one side; a large face that is reduced to 48 pixels is sharp.
        kind = rng.integers(3)
        if kind == 0:
            blurred = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.7, 1.5))
            amount = float(rng.uniform(0.3, 1.5))
            return np.asarray(cv2.addWeighted(image, 1 + amount, blurred, -amount, 0), np.uint8)
        if kind == 1:
            evened = cv2.createCLAHE(rng.uniform(1, 4), (3, 3)).apply(image)
            return np.asarray(evened, np.uint8)
        low, high = np.percentile(image, (1, 99))
        stretched = (image - low) * (255 / max(1.0, high - low))
        return np.asarray(stretched.round().clip(0, 255), np.uint8)

    def _degrade(self, image: Images, rng: np.random.Generator) -> Images:
        if not self.degradation or rng.random() >= self.degradation:
            return image
        side = image.shape[0]
        # From barely visible to a cheap camera in a dark room, a distant face, or a photo sent by a messenger.
        kind = rng.integers(4)
        if kind == 0:
            return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.8)), np.uint8)
        if kind == 1:
            pixels = int(rng.integers(side * 2 // 5, side * 4 // 5))
            small = cv2.resize(image, (pixels, pixels), interpolation=cv2.INTER_AREA)
            return np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)
        if kind == 2:
            noise = rng.normal(0, rng.uniform(3, 18), image.shape)
            return (image + noise).round().clip(0, 255).astype(np.uint8)
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 60))])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)

    def _erase(self, image: Images, rng: np.random.Generator) -> Images:
        if rng.random() >= self.erasing:
            return image
        side = image.shape[0]
        area, ratio = rng.uniform(0.03, 0.2), np.exp(rng.uniform(-0.8, 0.8))
        height = min(side, max(1, round(side * float(np.sqrt(area * ratio)))))
        width = min(side, max(1, round(side * float(np.sqrt(area / ratio)))))
        top, left = rng.integers(0, side - height + 1), rng.integers(0, side - width + 1)
        image = image.copy()
        image[top : top + height, left : left + width] = rng.integers(0, 256)
        return image
