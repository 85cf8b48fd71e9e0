"""Folders with blanks and umlauts, and streams that take the characters of one region only, as on Windows."""

import csv
import os
import subprocess
import sys
from pathlib import Path

from fer.paths import CHECKOUT
from fer.vision.samples import sample_portrait


def fer(*arguments: object, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a command as Windows would with its output in a file."""
    home = {"FER_HOME": str(folder / "mein Zuhause ü")}
    encoding = {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0", "PYTHONPATH": str(CHECKOUT)}
    return subprocess.run(
        [sys.executable, "-m", "fer", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **home, **encoding},
        capture_output=True,
        check=False,
    )


def test_names_in_any_script_are_printed_and_written(tmp_path: Path) -> None:
    folder = tmp_path / "Fotos von Jürgen & Zoë"
    folder.mkdir()
    (folder / "写真 ü.png").write_bytes(sample_portrait())
    (folder / "Ελένη.png").write_bytes(b"no picture")
    done = fer("analyze", ".", "--csv", "faces ü.csv", "--annotated", "Köpfe", folder=folder)
    assert done.returncode == 1, done.stderr
    # What cp1252 lacks is escaped, what it has is not.
    assert "\\u5199\\u771f ü.png" in done.stdout.decode("cp1252")
    assert "Failed: \\u0395" in done.stderr.decode("cp1252")
    (row,) = csv.DictReader((folder / "faces ü.csv").read_text("utf-8-sig").splitlines())
    assert row["file"] == "写真 ü.png"
    assert [file.name for file in (folder / "Köpfe").iterdir()] == ["写真 ü-annotated.jpg"]


def test_a_dataset_with_an_odd_path_is_imported_and_examined(tmp_path: Path) -> None:
    folder = tmp_path / "Jürgen & Zoë"
    folder.mkdir()
    for emotion in ("happy", "sad"):
        (folder / "Gesichter Ω" / emotion).mkdir(parents=True)
        for number in range(3):
            (folder / "Gesichter Ω" / emotion / f"{emotion} ñ {number}.png").write_bytes(_grey(40 * number + 50))
    assert fer("data", "import", "Gesichter Ω", "--name", "ours", folder=folder).returncode == 0
    shown = fer("data", "show", "ours", folder=folder)
    assert shown.returncode == 0 and "Gesichter \\u03a9" in shown.stdout.decode("cp1252")
    assert fer("doctor", "ours", "--csv", "-", folder=folder).returncode == 0


def _grey(level: int) -> bytes:
    import cv2
    import numpy as np

    picture = np.full((48, 48), level, np.uint8)
    picture[10:20, 10:30] = 255 - level
    return cv2.imencode(".png", picture)[1].tobytes()
