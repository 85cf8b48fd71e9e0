"""Archives, parquet, npz and CSV files made to do harm: one of each kind, refused or read, in bounded work."""

import gzip
import io
import struct
import tarfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fer.datasets.readers.sources import read_uploads
from fer.datasets.readings import Reading
from fer.datasets.store.importing import import_path
from fer.emotions import EMOTIONS
from fer.errors import DatasetError
from tests.support.forms import csv_lines, image_files, npz_bytes, png, snapshot, synthetic_faces, zip_bytes

DATASET = synthetic_faces(14, 7, 7)
FILES = list(image_files(DATASET).items())
PNG = png(DATASET.images[0])
TABLE = "\n".join(csv_lines(DATASET)).encode()
HEADER = b"emotion,pixels,Usage\n"
N_IMAGES = len(DATASET)
Made = tuple[str, Callable[[], bytes]]


def tar(members: Sequence[tuple[str | tarfile.TarInfo, bytes]], form: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for member, data in members:
            made = tarfile.TarInfo(member) if isinstance(member, str) else member
            made.size = len(data) if isinstance(member, str) else made.size
            archive.addfile(made, io.BytesIO(data))
    return stream.getvalue()


def member(kind: bytes, name: str = "train/happy/a.png", link: str = "", **headers: str) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.pax_headers = kind, link, headers
    made.size = len(PNG) if kind == tarfile.REGTYPE else 0
    return made


def with_member(kind: bytes, link: str = "", **headers: str) -> Callable[[], bytes]:
    data = PNG if kind == tarfile.REGTYPE else b""
    return lambda: tar([(member(kind, link=link, **headers), data), *FILES])


def chain(kind: bytes, data: bytes) -> bytes:
    """Thousands of headers that each extend the next one."""
    one = member(kind)
    one.size = len(data)
    return (one.tobuf(tarfile.GNU_FORMAT) + data.ljust(512, b"\0")) * 3000 + tar(FILES)


def npy(**header: object) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, **header})
    return stream.getvalue()


def saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npz(images: bytes, labels: bytes = saved(np.array(["happy"] * 3))) -> bytes:
    return zip_bytes({"images.npy": images, "labels.npy": labels})


def parquet(columns: dict[str, object], metadata: dict[str, str] | None = None) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), stream, compression="zstd")
    return stream.getvalue()


def dictionary_bomb() -> bytes:
    """One image of 2 MB, which 3,000 rows refer to: small on disk and as columns, 6 GB once decoded."""
    image = np.random.default_rng(0).integers(0, 256, 2 * 10**6, np.uint8).tobytes()
    rows = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), pa.array([image]))
    return parquet({"image": rows, "label": ["happy"] * 3000})


REFUSED: dict[str, tuple[Made, str]] = {
    "a pipe in a tar": (("a.tar", with_member(tarfile.FIFOTYPE)), "isn't a plain file"),
    "a device in a tar": (("a.tar", with_member(tarfile.CHRTYPE)), "isn't a plain file"),
    "a disk in a tar": (("a.tar", with_member(tarfile.BLKTYPE)), "isn't a plain file"),
    "a hard link out": (("a.tar", with_member(tarfile.LNKTYPE, link="/etc/passwd")), "a link"),
    "a member of an unknown type": (("a.tar", with_member(b"Z")), "isn't a plain file"),
    "a sparse file of 1 TB": (
        (
            "a.tar",
            with_member(
                tarfile.REGTYPE,
                **{
                    "GNU.sparse.major": "1",
                    "GNU.sparse.minor": "0",
                    "GNU.sparse.name": "x",
                    "GNU.sparse.realsize": "1",
                },
            ),
        ),
        "isn't a plain file|cut short",
    ),
    "a pax header with a path out": (("a.tar", with_member(tarfile.REGTYPE, path="../../x.png")), "leads out of it"),
    "a pax header of 15 TB": (("a.tar", with_member(tarfile.REGTYPE, size="9" * 14)), "unpack to more than 4 GB"),
    "a negative pax size": (("a.tar", with_member(tarfile.REGTYPE, size="-512")), "cut short"),
    "a pax header of megabytes": (("a.tar", with_member(tarfile.REGTYPE, comment="x" * 2 * 10**6)), "cut short"),
    "a chain of pax headers": (("a.tar", lambda: chain(tarfile.XHDTYPE, b"15 a=bbbbbbbbb\n")), "cut short"),
    "a chain of long names": (("a.tar", lambda: chain(tarfile.GNUTYPE_LONGNAME, b"abcdefghi\0")), "cut short"),
    "a tar after a tar": (("a.tar", lambda: tar(FILES[:5]) + tar(FILES[5:])), "several archives, one after another"),
    "files of one name": (("a.tar", lambda: tar([*FILES, *FILES[:4]])), "holds 2 files of this name"),
    "a bomb in a gz in a gz": (("a.csv.gz", lambda: gzip.compress(gzip.compress(bytes(30 * 2**20)))), "packed"),
    "three archives deep": (
        ("a.zip", lambda: zip_bytes({"b.zip": zip_bytes({"c.tar": tar(FILES)})})),
        "too deep within archives",
    ),
    "many archives": (
        ("a.zip", lambda: zip_bytes({f"{number}.zip": zip_bytes({"a": b"x"}) for number in range(30)})),
        "more than 20 archives",
    ),
    "a bomb in a zip in a zip": (
        ("a.zip", lambda: zip_bytes({"b.zip": zip_bytes({"train/happy/a.png": bytes(30 * 2**20)})})),
        "packed",
    ),
    "nested columns in parquet": (
        ("a.parquet", lambda: parquet({"image": [[{"a": [{"bytes": PNG}]}]] * 5, "label": [[1, 2]] * 5})),
        "5 of 5 images can't be read",
    ),
    "nothing in parquet": (
        ("a.parquet", lambda: parquet({"image": [None] * 5, "label": [None] * 5})),
        "5 of 5 images can't be read",
    ),
    "class names that are no names": (
        (
            "a.parquet",
            lambda: parquet({"image": [{"bytes": PNG}] * 5, "label": [0] * 5}, {"huggingface": "[" * 100_000}),
        ),
        "numbers for classes",
    ),
    "wrong statistics in parquet": (
        ("a.parquet", lambda: parquet({"image": [{"bytes": PNG}] * 5, "label": ["happy"] * 5})[:-20] + b"\xff" * 20),
        "damaged",
    ),
    "an image for thousands of rows": (("a.parquet", dictionary_bomb), "is packed"),
    "a pickle for labels": (("a.npz", lambda: npz(saved(DATASET.images), b"\x80\x04" + bytes(50))), "can't be read"),
    "a billion images": (("a.npz", lambda: npz(npy(shape=(10**9, 48, 48)))), "more than the file holds"),
    "a shape beyond any integer": (("a.npz", lambda: npz(npy(shape=(2**62, 2**62, 4)))), "more than the file holds"),
    "a negative shape": (("a.npz", lambda: npz(npy(shape=(-1, 48, 48)))), "can't be read"),
    "a header of 2 GB": (
        ("a.npz", lambda: npz(b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31 - 1) + b"{" * 1000)),
        "can't be read",
    ),
    "a header of brackets": (
        ("a.npz", lambda: npz(b"\x93NUMPY\x01\x00" + struct.pack("<H", 60_000) + b"(" * 60_000)),
        "can't be read",
    ),
    "an npz of zeros": (
        ("a.npz", lambda: npz_bytes(images=np.zeros((20_000, 48, 48), np.uint8), labels=np.zeros(20_000, int))),
        "packed",
    ),
    "images without pixels": (
        ("a.npz", lambda: npz_bytes(images=np.zeros((5, 0, 48), np.uint8), labels=np.zeros(5, int))),
        "expected",
    ),
    "records for images": (
        ("a.npz", lambda: npz_bytes(images=np.zeros(5, [("a", "u1", (48, 48))]), labels=np.zeros(5, int))),
        "expected",
    ),
    "a line of megabytes": (("a.csv", lambda: HEADER + b"0," + b"1 " * 10**6), "longer than a megabyte"),
    "a header of megabytes": (("a.csv", lambda: b"a," * 10**6), "no column 'pixels'|longer than a megabyte"),
    "nothing but NUL bytes": (("a.csv", lambda: bytes(10**5)), "no column|empty"),
    "EBCDIC": (("a.csv", lambda: TABLE.decode().encode("cp037")), "no column"),
    "an encoding that changes": (
        ("a.csv", lambda: TABLE[: len(TABLE) // 2] + TABLE[len(TABLE) // 2 :].decode().encode("utf-16-le")),
        "can't be read, more than a tenth",
    ),
}


def read(made: Made) -> Reading:
    name, make = made
    return read_uploads({name: io.BytesIO(make())})


@pytest.mark.parametrize("kind", REFUSED)
def test_a_malicious_file_is_refused_in_one_sentence(kind: str) -> None:
    made, message = REFUSED[kind]
    with pytest.raises(DatasetError, match=message) as caught:
        read(made)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


READ: dict[str, tuple[Made, int]] = {
    "a GNU long name": (
        ("a.tar", lambda: tar([("train/happy/" + "d" * 3000 + ".png", PNG), *FILES], tarfile.GNU_FORMAT)),
        1,
    ),
    "pax headers of another program": (("a.tar", with_member(tarfile.REGTYPE, comment="by hand")), 1),
    "gzip in two parts": (("a.csv.gz", lambda: gzip.compress(TABLE[:5000]) + gzip.compress(TABLE[5000:])), 0),
    "Fortran order": (
        (
            "a.npz",
            lambda: npz_bytes(
                images=np.asfortranarray(DATASET.images), labels=np.array([EMOTIONS[label] for label in DATASET.labels])
            ),
        ),
        0,
    ),
    "10,000 columns": (
        ("a.csv", lambda: b"emotion,pixels,Usage" + b",c" * 10_000 + b"\n" + TABLE.split(b"\n", 1)[1]),
        0,
    ),
    "two byte order marks": (("a.csv", lambda: b"\xef\xbb\xbf\xef\xbb\xbf" + TABLE), 0),
    "millions of blank lines": (("a.csv", lambda: b"\n" * 10**5 + TABLE), 0),
}


@pytest.mark.parametrize("kind", READ)
def test_an_odd_file_is_read(kind: str) -> None:
    made, n_more = READ[kind]
    reading = read(made)
    assert (len(reading.dataset), len(reading.rejected)) == (N_IMAGES + n_more, 0)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b'0,"' + b"1 " * 2304 + b",Training", "cut short"),
        (b"0," + b"1 " * 2303 + b"\0,Training", "is not a whole number"),
        (b"0," + b"1 " * 2304 + b",Trai\0ning", "is not train"),
    ],
)
def test_a_quote_never_closed_and_a_nul_byte_cost_one_row(row: bytes, reason: str) -> None:
    lines = TABLE.split(b"\n")
    reading = read(("a.csv", lambda: b"\n".join([*lines[:5], row, *lines[5:]])))
    (rejected,) = reading.rejected
    assert rejected.where == "line 6" and reason in rejected.reason
    assert reading.dataset.fingerprint == DATASET.fingerprint


def test_a_parquet_whose_schema_contradicts_its_statistics_does_not_end_the_process() -> None:
    data = parquet({"image": [PNG] * 5, "label": ["happy"] * 5})
    # The footer begins with the schema; a column that is required or optional has other statistics.
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    n_refused = 0
    for place in range(footer, footer + 60, 5):
        damaged = data[:place] + bytes([data[place] ^ 2]) + data[place + 1 :]
        try:
            assert read(("a.parquet", partial(bytes, damaged))).n_read == 5
        except DatasetError as error:
            assert "\n" not in str(error)
            n_refused += 1
    assert n_refused > 2


@pytest.mark.parametrize("kind", ["a hard link out", "a bomb in a zip in a zip", "a billion images", "EBCDIC"])
def test_a_refused_file_leaves_what_was_there_untouched(kind: str, fer_home: Path, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_bytes(TABLE)
    import_path(tmp_path / "old.csv", "old")
    before = snapshot(fer_home)
    (name, make), _ = REFUSED[kind]
    (tmp_path / name).write_bytes(make())
    with pytest.raises(DatasetError):
        import_path(tmp_path / name, "new")
    assert snapshot(fer_home) == before


def test_paths_in_a_label_file_open_nothing_outside() -> None:
    rows = [b"../../etc/passwd,happy", b"/etc/passwd,happy", b"C:\\a.png,happy", b"http://x/a.png,happy", b"\0.png,sad"]
    good = [f"b{number}.png,happy".encode() for number in range(60)]
    files = {"labels.csv": b"\n".join([b"file,label", *rows, *good])}
    files |= {f"b{number}.png": PNG for number in range(60)}
    reading = read(("a.zip", lambda: zip_bytes(files)))
    assert len(reading.dataset) == 60
    assert [item.reason for item in reading.rejected[:3]] == ["its path leads out of the folder"] * 3
    assert len(reading.rejected) == 5
