"""Whatever a small file unpacks to, importing it takes less than 700 MB."""

import gzip
import io
import json
import secrets
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.forms import png, synthetic_faces

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
MOST_MB = 700
PNG = png(synthetic_faces().images[0])
# Prints the sentence, and the peak of the process in kilobytes.
READ = """
import json, sys
from pathlib import Path
from fer.datasets.readers.sources import read_path
try:
    said = str(len(read_path(Path(sys.argv[1])).dataset))
except Exception as error:
    said = f"{type(error).__name__}: {error}"
status = Path("/proc/self/status").read_text()
print(json.dumps([said, int(status.split("VmHWM:")[1].split()[0])]))
"""


def zeros(n_bytes: int) -> Iterator[bytes]:
    for _ in range(n_bytes // 2**20):
        yield bytes(2**20)


def name() -> bytes:
    """Return a third of a megabyte that packs about 25 times, which isn't refused for that."""
    return secrets.token_hex(8_000).encode() * 20


def zipped_array(path: Path) -> None:
    """Write an npz whose images have 2 GB, packed 40 times."""
    header, labels = io.BytesIO(), io.BytesIO()
    shape = {"descr": "|u1", "fortran_order": False, "shape": (20_000, 320, 320)}
    np.lib.format.write_array_header_1_0(header, shape)
    np.save(labels, np.array(["none of the seven"] * 20_000))
    noise = np.random.default_rng(0).integers(0, 256, 320 * 8, np.uint8).tobytes()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("labels.npy", labels.getvalue())
        with archive.open("images.npy", "w", force_zip64=True) as file:
            file.write(header.getvalue())
            for _ in range(20_000):
                file.write(noise + bytes(320 * 312))


def gz_in_gz(path: Path) -> None:
    with gzip.open(path, "wb", 1) as outer, gzip.open(outer, "wb", 1) as inner:
        for block in zeros(600 * 2**20):
            inner.write(block)


def zip_in_zip(path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(3):
            archive.writestr(f"train/happy/{number}.png", bytes(200 * 2**20))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.zip", inner.getvalue())


def long_line(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"emotion,pixels,Usage\n0,")
        # With holes, 2 GB take no room on the disk.
        file.truncate(2 * 10**9)


def million_columns(path: Path) -> None:
    path.write_bytes(b"emotion,pixels,Usage" + b",a" * 10**6 + b"\n" + b"0," * 450_000 + b"\n")


def long_cells(path: Path) -> None:
    """Write a label file whose paths, groups and labels have almost a megabyte each, and differ in their first letters.

    Their rest is compressed once: a gz may have several parts.
    """
    rest, end = gzip.compress(name()), b""
    with path.open("wb") as file:
        for number in range(700):
            row = b"%06d" % number
            file.write(gzip.compress((end or b"file,label,group\n") + row) + rest)
            file.write(gzip.compress(b".png," + row) + rest + gzip.compress(b"," + row) + rest)
            end = b"\n"


def long_names(path: Path) -> None:
    """Write a tar with names of almost a megabyte."""
    with tarfile.open(path, "w:gz", compresslevel=6, format=tarfile.PAX_FORMAT) as archive:
        for number in range(1_000):
            member = tarfile.TarInfo(f"train/happy/{number}{name().decode()}.png")
            member.size = len(PNG)
            archive.addfile(member, io.BytesIO(PNG))


CASES: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "an npz of 2 GB": ("a.npz", zipped_array, "DatasetError"),
    "a gz in a gz": ("a.csv.gz", gz_in_gz, "packed"),
    "a zip in a zip": ("a.zip", zip_in_zip, "packed"),
    "a line of 2 GB": ("a.csv", long_line, "longer than a megabyte"),
    "a million columns": ("a.csv", million_columns, "longer than a megabyte"),
    "cells of megabytes": ("a.csv.gz", long_cells, "DatasetError"),
    "names of megabytes": ("a.tar.gz", long_names, "DatasetError"),
}


@pytest.mark.parametrize("kind", CASES)
def test_importing_a_small_file_takes_little_memory(kind: str, tmp_path: Path) -> None:
    name, make, message = CASES[kind]
    make(tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path / name)], capture_output=True, text=True, check=True, timeout=300
    )
    said, peak_kb = json.loads(done.stdout)
    assert message in said and said.startswith("DatasetError"), said
    assert peak_kb / 1000 < MOST_MB
