"""Damaged and hostile archives, tables and arrays are refused in one sentence."""

import gzip
import io
import lzma
import tarfile
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fer.datasets.readers import budget
from fer.datasets.readers.sources import read_uploads
from fer.datasets.readings import Reading
from fer.emotions import EMOTIONS
from fer.errors import DatasetError
from tests.support.forms import (
    csv_lines,
    image_files,
    npz_bytes,
    parquet_bytes,
    png,
    synthetic_faces,
    tar_bytes,
    zip_bytes,
)

DATASET = synthetic_faces(14, 7, 7)
TABLE = "\n".join(csv_lines(DATASET)).encode()


def read(name: str, data: bytes) -> Reading:
    return read_uploads({name: io.BytesIO(data)})


def with_tar_link() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        link = tarfile.TarInfo("train/happy/a.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return stream.getvalue()


def negative_size() -> bytes:
    data = bytearray(tar_bytes({"train/happy/a.png": b"x"}))
    data[124:136] = b"\xff" * 11 + b"\x00"
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)


def long_header() -> bytes:
    stream = io.BytesIO()
    member = tarfile.TarInfo("a" * 200)
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 3 * 2**20
    stream.write(member.tobuf(tarfile.USTAR_FORMAT) if len(member.name) < 100 else tarfile.TarInfo("x").tobuf())
    data = bytearray(stream.getvalue())
    data[156:157] = tarfile.GNUTYPE_LONGNAME
    data[124:136] = b"%011o\0" % (3 * 2**20)
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data) + bytes(3 * 2**20) + tar_bytes({"a": b"x"})


HOSTILE: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "../ in a tar": ("a.tar", lambda: tar_bytes({"../a.png": b"x"}), "leads out of it"),
    "absolute path in a tar": ("a.tar", lambda: tar_bytes({"/tmp/a.png": b"x"}), "leads out of it"),
    "link in a tar": ("a.tar", with_tar_link, "a link"),
    "negative size": ("a.tar", negative_size, "isn't a tar or is cut short"),
    "a header of megabytes": ("a.tar", long_header, "isn't a tar or is cut short"),
    "half a tar": ("a.tar", lambda: tar_bytes(image_files(DATASET))[:30_000], "cut short"),
    "a tar cut between two files": ("a.tar", lambda: tar_bytes({"a": b"x", "b": b"x"})[:1024], "cut short"),
    "a damaged header": (
        "a.tar",
        lambda: (lambda d: d[:1024] + b"\x01" * 512 + d[1536:])(tar_bytes({"a": b"x", "b": b"x"})),
        "cut short",
    ),
    "half a gzip": ("a.csv.gz", lambda: gzip.compress(TABLE)[:-2000], "damaged or cut short"),
    "gzip bomb": ("a.csv.gz", lambda: gzip.compress(bytes(30 * 2**20)), "packed"),
    "gzip bomb of a tar": (
        "a.tar.gz",
        lambda: gzip.compress(tar_bytes({"train/happy/a.png": bytes(30 * 2**20)})),
        "packed",
    ),
    "gzip three deep": ("a.csv.gz.gz.gz", lambda: gzip.compress(gzip.compress(gzip.compress(TABLE))), "too deep"),
    "7z": ("a.7z", lambda: b"7z\xbc\xaf\x27\x1c" + bytes(100), "a 7z archive, which isn't read; unpack it"),
    "rar": ("a.csv", lambda: b"Rar!\x1a\x07\x01\x00" + bytes(100), "a RAR archive"),
    "a picture": ("a.csv", lambda: png(DATASET.images[0]), "a single image; give a folder"),
    "a picture in WebP": ("a.csv", lambda: b"RIFF\x10\0\0\0WEBPVP8 ", "a single image; give a folder"),
    "a web page": ("fer2013.csv", lambda: b"\r\n<!DOCTYPE html>\n<title>Sign in", "a web page, .* sign in"),
    "a pointer of Git LFS": ("a.zip", lambda: b"version https://git-lfs.github.com/spec/v1\n", "run 'git lfs pull'"),
    "Arrow": ("data-00000-of-00001.arrow", lambda: b"\xff\xff\xff\xff\x10\0\0\0", "an Arrow file, .* to_parquet"),
    "MATLAB": ("a.mat", lambda: b"MATLAB 5.0 MAT-file", "a MATLAB file"),
    "lzma": ("a.csv.lzma", lambda: lzma.compress(TABLE, lzma.FORMAT_ALONE), "packed with lzma, .* unpack it"),
    "lz4": ("a.tar.lz4", lambda: b"\x04\x22\x4d\x18", "packed with lz4"),
    "a film": ("a.mp4", lambda: b"\0\0\0\x20ftypisom", "a film"),
    "JSON": ("labels.json", lambda: b'[{"file": "a.png", "label": "happy"}]', "a JSON file, .* save it as a CSV"),
    "TFRecord": ("train.tfrecord", lambda: bytes(30), "a TFRecord, .* as npz"),
    "PyTorch": ("faces.pt", lambda: zip_bytes({"faces/data.pkl": b"\x80\x02"}), "a file of PyTorch"),
    "a table of OpenOffice": (
        "a.ods",
        lambda: zip_bytes({"content.xml": b"<x/>", "meta.xml": b"<x/>"}),
        "a file of Office",
    ),
    "labels in a form that isn't read": (
        "a.zip",
        lambda: zip_bytes({"images/a.png": png(DATASET.images[0]), "coco.json": b"{}"}),
        r"recognised \(coco.json isn't read\); sort them",
    ),
    "pickle": ("a.npz", lambda: b"\x80\x04" + bytes(100), "a pickle, which can run code"),
    "half a parquet": ("a.parquet", lambda: parquet_bytes(DATASET, list(EMOTIONS))[:-40], "damaged parquet"),
    "parquet without labels": (
        "a.parquet",
        lambda: (lambda s: (pq.write_table(pa.table({"image": [b"x"]}), s), s.getvalue())[1])(io.BytesIO()),
        "no column 'label'",
    ),
    "objects in npz": (
        "a.npz",
        lambda: npz_bytes(images=DATASET.images, labels=np.array([{}] * len(DATASET), object)),
        "can run code",
    ),
    "floats in npz": (
        "a.npz",
        lambda: npz_bytes(images=DATASET.images / 255, labels=DATASET.labels),
        "type float64; expected",
    ),
    "fewer labels than images": (
        "a.npz",
        lambda: npz_bytes(images=DATASET.images, labels=DATASET.labels[:5]),
        r"labels has the shape \(5,\)",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_malicious_or_damaged_file_is_refused_in_one_sentence(kind: str) -> None:
    name, make, message = HOSTILE[kind]
    with pytest.raises(DatasetError, match=message) as caught:
        read(name, make())
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


def test_an_array_with_a_false_size_is_refused() -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**6, 4000, 4000)})
    labels = io.BytesIO()
    np.save(labels, np.zeros(3))
    data = zip_bytes({"images.npy": header.getvalue() + b"x", "labels.npy": labels.getvalue()})
    with pytest.raises(DatasetError, match="more than the file holds"):
        read("a.npz", data)


def test_archives_within_archives_share_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tar_bytes(image_files(DATASET))
    monkeypatch.setattr(budget, "MAX_TOTAL_BYTES", 4 * len(inner))
    assert read("a.zip", zip_bytes({"faces.tar": inner})).dataset.fingerprint == DATASET.fingerprint
    monkeypatch.setattr(budget, "MAX_TOTAL_BYTES", int(1.5 * len(inner)))
    with pytest.raises(DatasetError, match="would unpack to more than"):
        read("a.zip", zip_bytes({"faces.tar": inner, "more.tar": inner}))
