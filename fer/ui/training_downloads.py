"""What can be taken away from a run: its model, settings, curves, reports and log."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fer.evaluation.report import RUN_REPORT
from fer.runs import files, serving
from fer.runs.store import RunSummary

_FILES: Final = (
    ("Settings (JSON)", files.CONFIG, "application/json"),
    ("Curves (CSV)", files.METRICS, "text/csv"),
    ("Report (HTML)", RUN_REPORT, "text/html"),
    ("Report (JSON)", files.REPORT, "application/json"),
    ("Log", files.LOG, "text/plain"),
)


@dataclass(frozen=True)
class Download:
    """A file to take away.

    Attributes:
        key: tells it from the others of its run; title: for people; file_name: what it is saved as; mime: its type.
        read: makes its bytes when they are asked for: megabytes that nobody may want.
    """

    key: str
    title: str
    file_name: str
    mime: str
    read: Callable[[], bytes]


def downloads_of(run: RunSummary) -> list[Download]:
    """What a run has so far."""
    found = [
        Download(name, title, f"{run.id}-{name}", mime, (run.folder / name).read_bytes)
        for title, name, mime in _FILES
        if (run.folder / name).is_file()
    ]
    if not run.has_bundle:
        return found
    bundle = run.folder / files.BUNDLE
    name = f"{serving.slug(run.name) or run.id}.zip"
    return [Download(files.BUNDLE, "Model bundle (zip)", name, "application/zip", lambda: _zip(bundle)), *found]


def _zip(folder: Path) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
    return data.getvalue()
