"""Read the sample portrait of scikit-image's wheel, so that the first click shows a result."""

import importlib.util
from pathlib import Path
from typing import Final

from fer.errors import ImageError

SAMPLE_NAME: Final = "sample-portrait.png"
# Eileen Collins, NASA, in the public domain.
SAMPLE_CREDIT: Final = "Astronaut Eileen Collins, photo by NASA, public domain"


def sample_portrait() -> bytes:
    """Return a PNG of one smiling face, 512 x 512, read from scikit-image without importing it.

    Raises:
        ImageError: scikit-image is not installed.
    """
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        raise ImageError("The sample portrait comes with scikit-image; install it, or choose a photo of your own.")
    return Path(found.origin).with_name("data").joinpath("astronaut.png").read_bytes()
