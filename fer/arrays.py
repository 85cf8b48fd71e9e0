"""The arrays that modules hand to each other, named once."""

from typing import Final

import numpy as np
import numpy.typing as npt

# Height and width of a face as the network takes it, in pixels; FER-2013's size.
SIDE: Final = 48

Image = npt.NDArray[np.uint8]  # (H, W, 3) BGR or (H, W) grey, 0..255
Images = npt.NDArray[np.uint8]  # (N, H, W) or (N, H, W, 1), grey, 0..255
Boxes = npt.NDArray[np.float32]  # (N, 4): x, y, width, height in pixels
Probabilities = npt.NDArray[np.float32]  # (N, 7) or (7,), 0..1, in the order of `fer.emotions.EMOTIONS`
Labels = npt.NDArray[np.int64]  # (N,), indices into `fer.emotions.EMOTIONS`
Indices = npt.NDArray[np.int64]  # (N,), rows of another array
Floats = npt.NDArray[np.float32]
