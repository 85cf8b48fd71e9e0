"""From crops to expressions: a model on disk, a classifier that serves it, an analyser of whole images."""

from fer.recognition.analyzer import FaceAnalyzer, load_analyzer

__all__ = ["FaceAnalyzer", "load_analyzer"]
