"""Faces whose grey value is their row number, and settings that leave images unchanged."""

import numpy as np

from fer.datasets.faces import FaceDataset

# No augmentation.
STILL = {
    "flip": False,
    **dict.fromkeys(("rotation_degrees", "scale", "shift", "light", "studio", "degradation", "erasing"), 0.0),
}


def row_faces(n_samples: int = 35, votes: np.ndarray | None = None) -> FaceDataset:
    """Return faces of one grey value each: the row number. The label is the row number modulo seven."""
    rows = np.arange(n_samples)
    images = np.repeat(rows.astype(np.uint8), 48 * 48).reshape(-1, 48, 48)
    return FaceDataset("rows", images, rows % 7, np.zeros(n_samples, np.uint8), votes)
