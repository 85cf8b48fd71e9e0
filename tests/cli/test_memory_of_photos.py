import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer.text import MB
from tests.support.builders import portrait_bgr

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a child's peak of memory in kilobytes"),
]

MOST_MB = 700
ROOT = Path(__file__).parents[2]
# What the Upload page does with a photo: it analyses it, shows it with boxes, and puts an annotated copy into a zip.
UPLOAD = """
import sys
from pathlib import Path
import fer.ui.upload.results
from fer import exports
from fer.provenance import Provenance
from fer.recognition.analyzer import load_analyzer
from fer.vision import annotation, images

data = Path(sys.argv[1]).read_bytes()
analysis = load_analyzer().analyze_bytes(data, "photo")
images.encode_jpeg(annotation.annotated_view(images.decode(data), analysis.faces, 1200))
made = exports.annotated_zip([(data, analysis)], Provenance("model", "hash", "yunet", 0.5, 1.1))
assert not made.not_written
print(len(analysis.faces))
"""


def group(width: int, height: int) -> np.ndarray:
    """Return a photo with soft colours and eight portraits, whose faces are 60 and 200 pixels wide."""
    colors = np.random.default_rng(0).integers(60, 200, (3, 4, 3)).astype(np.uint8)
    image_bgr = np.asarray(cv2.resize(colors, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    for top, face_px in ((30, 60), (450, 200)):
        side = round(face_px / 0.176)
        portrait = cv2.resize(portrait_bgr(), (side, side), interpolation=cv2.INTER_AREA)
        for left in range(100, width - side, width // 4):
            image_bgr[top : top + side, left : left + side] = portrait
    return image_bgr


# A child starts with the peak of whoever forks it, so a small process starts it.
MEASURE = """
import os, subprocess, sys

child = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(child.pid, 0)
print(usage.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak_mb(*command: str | Path) -> tuple[float, str]:
    """Return a process's peak of memory in MB and what it printed."""
    measure = [sys.executable, "-c", MEASURE, sys.executable, *command]
    done = subprocess.run(measure, cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stderr.split()[-1]) * 1024 / MB, done.stdout


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    image_bgr = group(8660, 5774)
    cv2.imwrite(str(folder / "camera.jpg"), image_bgr)
    cv2.imwrite(str(folder / "progressive.jpg"), image_bgr, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    cv2.imwrite(str(folder / "scan.png"), image_bgr)
    cv2.imwrite(str(folder / "panorama.png"), group(12_000, 2000))
    return folder


@pytest.mark.parametrize("name", ["camera.jpg", "progressive.jpg", "scan.png", "panorama.png"])
def test_the_command_stays_below_its_limit_of_memory(name: str, photos: Path, tmp_path: Path) -> None:
    peak, printed = peak_mb("-m", "fer", "analyze", photos / name, "--json", "-", "--annotated", tmp_path)
    assert len(json.loads(printed)["files"][0]["faces"]) == 8
    assert peak < MOST_MB


def test_the_upload_page_stays_below_its_limit_of_memory(photos: Path) -> None:
    peak, printed = peak_mb("-c", UPLOAD, photos / "progressive.jpg")
    assert printed.strip() == "8"
    assert peak < MOST_MB
