"""Facial expression recognition: photos and frames in, the look of each face out."""

import os

# The onnxruntime wheel sends usage data unless this is set before its first import; child processes inherit it.
# A value that the user has set stays.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
