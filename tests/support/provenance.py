"""What made a result, where a test needs no analysis."""

from typing import Final

from fer.provenance import Provenance

ABOUT: Final = Provenance(
    model="=First try",
    model_hash="0123456789abcdef",
    detector="yunet",
    confidence_threshold=0.5,
    crop_scale=1.1,
    weights="int8",
    settings={"every": 2, "fps": None, "smoothing_seconds": 0.4},
    date="2026-11-29T10:00:00+00:00",
    version="0.9.0",
)
# Its columns in a table, in their order. A spreadsheet would run the name as a formula.
COLUMNS: Final = {
    "model": "'=First try",
    "model_hash": "0123456789abcdef",
    "detector": "yunet",
    "confidence_threshold": 0.5,
    "settings": "crop_scale=1.1; weights=int8; every=2; smoothing_seconds=0.4",
    "version": "0.9.0",
    "date": "2026-11-29T10:00:00+00:00",
}
