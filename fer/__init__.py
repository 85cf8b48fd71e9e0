"""Facial expression recognition: find the faces in a picture and say what each looks like.

The names in `__all__` are the public interface; every other module and name may change without notice. They are
imported when they are first used, so that `import fer` stays light.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from fer.api import analyze, analyze_video, load_analyzer
    from fer.emotions import EMOTIONS
    from fer.errors import BundleError, DetectorError, FerError, ImageError, VideoError
    from fer.recognition.analyzer import FaceAnalyzer
    from fer.results import Face, ImageAnalysis, Pose
    from fer.video.analysis import AnalysedFrame, VideoAnalysis

# The onnxruntime wheel sends usage data unless this is set before its first import; child processes inherit it.
# A value that the user has set stays.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"

__all__ = [
    "EMOTIONS",
    "AnalysedFrame",
    "BundleError",
    "DetectorError",
    "Face",
    "FaceAnalyzer",
    "FerError",
    "ImageAnalysis",
    "ImageError",
    "Pose",
    "VideoAnalysis",
    "VideoError",
    "__version__",
    "analyze",
    "analyze_video",
    "load_analyzer",
]

_HOMES: Final = {
    "EMOTIONS": "fer.emotions",
    "AnalysedFrame": "fer.video.analysis",
    "BundleError": "fer.errors",
    "DetectorError": "fer.errors",
    "Face": "fer.results",
    "FaceAnalyzer": "fer.recognition.analyzer",
    "FerError": "fer.errors",
    "ImageAnalysis": "fer.results",
    "ImageError": "fer.errors",
    "Pose": "fer.results",
    "VideoAnalysis": "fer.video.analysis",
    "VideoError": "fer.errors",
    "analyze": "fer.api",
    "analyze_video": "fer.api",
    "load_analyzer": "fer.api",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'fer' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
