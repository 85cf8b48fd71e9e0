"""HEIC is decoded in a process of its own, with children that misbehave in place of the real one."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from fer.errors import ImageError
from fer.paths import CHECKOUT
from fer.vision import heif
from fer.vision.files.parts import DamagedError
from fer.vision.images import decode
from tests.support.children import no_child_left
from tests.support.pictures import PICTURES

PHOTO = (PICTURES / "portrait.heic").read_bytes()
_SIZE = "import struct, sys; sys.stdout.buffer.write(struct.pack('<QQ', {}, {})); sys.stdout.flush()\n"


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Let a program take the place of the child. At the end, none of them is left."""

    def replace(program: str) -> None:
        def start(_: str) -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                [sys.executable, "-c", program],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )

        monkeypatch.setattr(heif, "start_child", start)

    with no_child_left():
        yield replace


@pytest.mark.parametrize(
    "program",
    ["import os; os.abort()", _SIZE.format(64, 64) + "import os; os.abort()", "pass", _SIZE.format(2**60, 2**60)],
)
def test_a_child_that_dies_or_lies_costs_one_photo(child: Callable[[str], None], program: str) -> None:
    child(program)
    with pytest.raises(ImageError):
        decode(PHOTO)


def test_a_child_that_hangs_is_ended(child: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heif, "_MOST_SECONDS", 0.2)
    child("import time; time.sleep(600)")
    with pytest.raises(DamagedError):
        decode(PHOTO)


def test_the_library_is_not_loaded_into_this_process() -> None:
    code = (
        "import sys; from fer.vision.images import decode; "
        "print(decode(open(sys.argv[1], 'rb').read()).shape, 'pi_heif' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(PICTURES / "portrait.heic")],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "(256, 256, 3) False"
