import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer.errors import ImageError
from fer.vision import budget
from fer.vision.budget import MAX_MEMORY, reserved
from tests.support.builders import encoded

_MEASURE = """
import sys, threading
from pathlib import Path
from fer.errors import ImageError
from fer.ui.memory import keep_little
from fer.vision.images import decode

# As the app does. Otherwise up to 64 MB stay in the heap of a thread that has ended.
keep_little()

def megabytes(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1000

def work():
    try:
        decode(data)
    except ImageError:
        pass

data = Path(sys.argv[1]).read_bytes()
before = megabytes("VmHWM")
threads = [threading.Thread(target=work) for _ in range(int(sys.argv[2]))]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(megabytes("VmHWM") - before, megabytes("VmRSS") - before)
"""


def test_an_image_larger_than_the_budget_is_refused_with_its_size() -> None:
    with pytest.raises(ImageError, match=r"takes 501 MB of memory \(9 x 8 pixels\)"), reserved(MAX_MEMORY + 1e6, 9, 8):
        raise AssertionError("not reached")


def test_large_images_wait_for_each_other() -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with reserved(MAX_MEMORY * 0.6, 1, 1):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with reserved(MAX_MEMORY * 0.6, 1, 1):
        inside.set()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"] and budget._free == MAX_MEMORY


def test_a_failure_releases_the_memory() -> None:
    with pytest.raises(ZeroDivisionError), reserved(1e6, 1, 1):
        raise ZeroDivisionError
    assert budget._free == MAX_MEMORY


def large(file_format: str) -> bytes:
    """Return a small file with the maximum number of pixels."""
    side = 6400 if file_format == "float" else 8000
    if file_format in ("wide", "tall"):
        # Rows cost, too: of the tall picture as many as the budget allows.
        size = (64_000_000, 1) if file_format == "wide" else (1, 27_000_000)
        return encoded(Image.new("1", size), "PNG")
    if file_format == "float":
        return encoded(Image.fromarray(np.zeros((side, side), np.float32)), "TIFF", compression="tiff_lzw")
    picture = Image.new("RGB", (side, side), (90, 60, 30))
    return encoded(picture, file_format, quality=50)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process's peak of memory")
@pytest.mark.parametrize(
    ("file_format", "n_threads"), [("JPEG", 4), ("WEBP", 1), ("float", 4), ("wide", 1), ("tall", 1)]
)
def test_memory_is_bounded_whatever_the_format(file_format: str, n_threads: int, tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(large(file_format))
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, file, str(n_threads)], capture_output=True, text=True, check=True
    )
    peak, stays = (float(value) for value in done.stdout.split())
    assert peak < MAX_MEMORY / 1e6 + 60, "the budget, and what is not counted pixel by pixel"
    assert stays < 60
