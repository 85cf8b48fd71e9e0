"""Deep images, with 10 to 32 bits or floating point, as 8 bits. Their files rarely say which value is white."""

from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from fer.arrays import Image

_Values = npt.NDArray[Any]

_SAMPLE: Final = 2**20
_STRIP_VALUES: Final = 2**20
# A few extreme values, such as hot pixels or highlights, do not change the range.
_INTEGER_SHARE: Final = 0.999
_FLOAT_SHARE: Final = 0.95
# (largest usual value, white). Highlights of pictures in 0 to 1 reach several times white; a picture in 0 to 255 whose
# values were this small would be black.
_FLOAT_RANGES: Final = ((8, 1), (300, 255), (1100, 1023), (4300, 4095), (70_000, 65_535))
_INTEGER_RANGES: Final = ((255, 8), (1023, 10), (4095, 12), (16_383, 14), (65_535, 16))


def eight_bits(values: _Values) -> tuple[Image, str | None]:
    """Scale an image to 8 bits.

    Args:
        values: (H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA: integers of 16 or 32 bits, or floating point. NaN is
            shown as black, infinity as white.

    Returns:
        The image as uint8, and one sentence about the range that was assumed; None for 16 bits that are all in use.
    """
    white, note = _white(values)
    result = np.empty(values.shape, np.uint8)
    n_rows = max(1, _STRIP_VALUES // max(1, values[0].size))
    for top in range(0, len(values), n_rows):
        strip = values[top : top + n_rows].astype(np.float32)
        np.nan_to_num(strip, copy=False, nan=0, posinf=white, neginf=0)
        result[top : top + n_rows] = np.round(strip.clip(0, white) * np.float32(255 / white))
    return result, note


def bgr_on_white(image: Image) -> Image:
    """Return (H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA uint8 as (H, W, 3) BGR, transparent parts on white."""
    if image.ndim == 2:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    if image.shape[2] == 3:
        return image
    image_bgr = np.empty((*image.shape[:2], 3), np.uint8)
    n_rows = max(1, _STRIP_VALUES // image.shape[1])
    for top in range(0, len(image), n_rows):
        strip = image[top : top + n_rows].astype(np.float32)
        alpha = strip[..., 3:] / 255
        image_bgr[top : top + n_rows] = np.round(strip[..., :3] * alpha + 255 * (1 - alpha))
    return image_bgr


def _white(values: _Values) -> tuple[float, str | None]:
    flat = values.reshape(-1)
    sample = flat[:: -(-flat.size // _SAMPLE)].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    if values.dtype.kind == "f":
        positive = sample[sample > 0]
        usual = float(np.quantile(positive, _FLOAT_SHARE)) if positive.size else 0.0
        white = next((white for most, white in _FLOAT_RANGES if usual <= most), None)
        if white is not None:
            return white, f"The file has floating-point values; they were read as 0 (black) to {white:,} (white)."
    else:
        usual = float(np.quantile(sample, _INTEGER_SHARE)) if sample.size else 0.0
        bits = next((bits for most, bits in _INTEGER_RANGES if usual <= most), None)
        if bits == 16:
            return 65_535, None
        if bits is not None:
            stored = 8 * values.dtype.itemsize
            return 2**bits - 1, f"The file has {stored} bits per value; only {bits} seem to be in use and were read so."
    return max(usual, 1.0), f"The file doesn't say which value is white; {usual:,.0f} was taken."
