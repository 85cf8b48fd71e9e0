"""Facial expression recognition: photos and frames in, the look of each face out."""

__version__ = "0.1.0"
