"""Results of an analysis: frozen, validated when created, and easy to turn into a table or JSON."""

from fer.results.faces import MOST_CANDIDATES, N_LANDMARKS, QUALITY, QUALITY_IN_WORDS, Face, Pose
from fer.results.images import (
    FILE_COLUMNS,
    FRAME_COLUMNS,
    LABELS,
    ImageAnalysis,
    face_row,
    faces_frame,
    files_frame,
)

__all__ = [
    "FILE_COLUMNS",
    "FRAME_COLUMNS",
    "LABELS",
    "MOST_CANDIDATES",
    "N_LANDMARKS",
    "QUALITY",
    "QUALITY_IN_WORDS",
    "Face",
    "ImageAnalysis",
    "Pose",
    "face_row",
    "faces_frame",
    "files_frame",
]
