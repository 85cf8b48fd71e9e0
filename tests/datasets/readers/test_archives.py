"""Zip archives: the layouts that people have, and malicious ones."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from fer.datasets.readers import budget
from fer.datasets.readers.sources import read_path, read_uploads
from fer.datasets.store.importing import import_path, import_uploads
from fer.errors import DatasetError
from tests.support.forms import (
    csv_lines,
    icml_lines,
    image_files,
    png,
    snapshot,
    synthetic_faces,
    unanimous,
    votes_lines,
    zip_bytes,
)

DATASET = synthetic_faces()
GOOD = image_files(DATASET)


def text(lines: list[str]) -> bytes:
    return "\n".join(lines).encode()


FORMS: dict[str, dict[str, bytes]] = {
    "table": {"fer2013.csv": text(csv_lines(DATASET))},
    "table, one folder too many": {"archive/fer2013/fer2013.csv": text(csv_lines(DATASET))},
    "Kaggle's competition": {
        "icml_face_data.csv": text(icml_lines(DATASET)),
        "example_submission.csv": b"emotion\n0\n",
        "test.csv": b"pixels\n1 2 3\n",
        "train.csv": text([line.rsplit(",", 1)[0] for line in csv_lines(DATASET)]),
    },
    "a table of another name": {"my faces.csv": text(csv_lines(DATASET)), "notes.txt": b"mine"},
    "folders": GOOD,
    "folders, one too many, and what a Mac leaves": {
        **image_files(DATASET, prefix="archive/"),
        "__MACOSX/archive/train/happy/._00000.png": b"\0\5",
        "archive/.DS_Store": b"x",
    },
    "folders written with backslashes": {path.replace("/", "\\"): data for path, data in GOOD.items()},
}


@pytest.mark.parametrize("form", FORMS)
def test_a_zip_of_any_layout_is_read_like_its_contents(form: str) -> None:
    reading = read_uploads({"upload.zip": io.BytesIO(zip_bytes(FORMS[form]))})
    assert not reading.rejected
    assert reading.dataset.fingerprint == DATASET.fingerprint
    np.testing.assert_array_equal(reading.dataset.counts(), DATASET.counts())


def test_votes_are_inside_the_zip_or_next_to_it() -> None:
    table, votes = text(csv_lines(DATASET)), text(votes_lines(DATASET))
    together = zip_bytes({"a/fer2013.csv": table, "a/fer2013new.csv": votes})
    alone = zip_bytes({"fer2013.csv": table})
    uploads = [
        {"fer.zip": io.BytesIO(together)},
        {"fer.zip": io.BytesIO(alone), "fer2013new.csv": io.BytesIO(votes)},
        {"fer2013.csv": io.BytesIO(table), "fer2013new.csv": io.BytesIO(votes)},
    ]
    for files in uploads:
        np.testing.assert_array_equal(read_uploads(files).dataset.votes, unanimous(DATASET))


def test_two_datasets_at_once_are_refused() -> None:
    data = zip_bytes(GOOD)
    with pytest.raises(DatasetError, match="one at a time"):
        read_uploads({"a.zip": io.BytesIO(data), "b.zip": io.BytesIO(data)})
    with pytest.raises(DatasetError, match="one at a time"):
        read_uploads({"a.zip": io.BytesIO(data), "b.csv": io.BytesIO(text(csv_lines(DATASET)))})


@pytest.mark.parametrize("name", ["fer2013new (1).csv", "FER2013new.csv", "votes of the crowd.csv"])
@pytest.mark.parametrize("zipped", [False, True])
def test_votes_are_recognised_by_variants_of_their_name_or_by_their_header(
    name: str, zipped: bool, fer_home: Path
) -> None:
    table = text(csv_lines(DATASET))
    data = {"faces.zip": zip_bytes({"fer2013.csv": table})} if zipped else {"faces.csv": table}
    files = {name: text(votes_lines(DATASET)), **data}
    info = import_uploads({key: io.BytesIO(value) for key, value in files.items()})
    assert info.has_votes and info.name == "faces"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("fer2013.csv", "other.csv"), "fer2013.csv and other.csv are 2 datasets; import one at a time"),
        (("fer2013.csv", "fer2013new.csv", "fer2013new (1).csv"), "both hold FER\\+ votes"),
        (("fer2013new.csv",), "votes and no faces"),
    ],
)
def test_no_upload_is_ignored_silently(names: tuple[str, ...], message: str) -> None:
    contents = {"fer2013.csv": text(csv_lines(DATASET)), "other.csv": text(csv_lines(DATASET))}
    files = {name: io.BytesIO(contents.get(name, text(votes_lines(DATASET)))) for name in names}
    with pytest.raises(DatasetError, match=message):
        read_uploads(files)


def test_votes_uploaded_with_a_table_without_usage_are_refused() -> None:
    table = text([line.rsplit(",", 1)[0] for line in csv_lines(DATASET)])
    with pytest.raises(DatasetError, match="no column Usage"):
        read_uploads({"train.csv": io.BytesIO(table), "fer2013new.csv": io.BytesIO(text(votes_lines(DATASET)))})


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_files_with_the_same_name_in_a_zip_are_rejected_by_name() -> None:
    """It is unclear which of them is meant, so each is reported."""
    name = list(GOOD)[3]
    stream = io.BytesIO(zip_bytes(GOOD))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(name, GOOD[list(GOOD)[4]])
    reading = read_uploads({"faces.zip": stream})
    assert [item.where for item in reading.rejected] == [name, name]
    assert all("2 files of this name" in item.reason for item in reading.rejected)
    assert reading.n_read == 43 and len(reading.dataset) == 41


def with_link() -> bytes:
    stream = io.BytesIO(zip_bytes(GOOD))
    with zipfile.ZipFile(stream, "a") as archive:
        info = zipfile.ZipInfo("train/happy/link.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return stream.getvalue()


def encrypted() -> bytes:
    """The flag in both headers of the first file, as every packer sets it."""
    data = bytearray(zip_bytes({"fer2013.csv": text(csv_lines(DATASET))}))
    data[6] |= 1
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def declaring(n_entries: int) -> bytes:
    """An archive whose directory says that it holds so many files."""
    data = zip_bytes(GOOD)
    place = data.rfind(b"PK\x05\x06")
    record = struct.pack("<4s4H2LH", b"PK\x06\x06"[:2] + b"\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    large = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, n_entries, n_entries, n_entries * 60, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, place, 1)
    return data[:place] + large + locator + record


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "../": (lambda: zip_bytes({**GOOD, "../../escaped.png": b"x"}), "leads out of it"),
    "../ in the middle": (lambda: zip_bytes({**GOOD, "train/../../escaped.png": b"x"}), "leads out of it"),
    "..\\": (lambda: zip_bytes({**GOOD, "..\\escaped.png": b"x"}), "leads out of it"),
    "absolute path": (lambda: zip_bytes({**GOOD, "/tmp/escaped.png": b"x"}), "leads out of it"),
    "absolute path of Windows": (lambda: zip_bytes({**GOOD, "C:/escaped.png": b"x"}), "leads out of it"),
    "link": (with_link, "a link"),
    "nested zip": (lambda: zip_bytes({**GOOD, "more.zip": zip_bytes(GOOD)}), "more than one dataset"),
    "a zip in a zip in a zip": (
        lambda: zip_bytes({"a.zip": zip_bytes({"b.zip": zip_bytes(GOOD)})}),
        "too deep within archives",
    ),
    "21 zips": (lambda: zip_bytes({f"{n}.zip": zip_bytes({}) for n in range(21)}), "more than 20 archives"),
    "7z in a zip": (lambda: zip_bytes({"faces.7z": b"7z\xbc\xaf\x27\x1c"}), "a 7z archive"),
    "bomb in a zip in a zip": (
        lambda: zip_bytes({"a.zip": zip_bytes({"train/happy/a.png": bytes(30 * 2**20)})}),
        "packed",
    ),
    "42.zip": (lambda: zip_bytes({f"lib {n}.zip": b"PK" for n in range(16)}), "cut short"),
    "bomb": (lambda: zip_bytes({"train/happy/a.png": bytes(30 * 2**20)}), "packed"),
    "bomb of a table": (lambda: zip_bytes({"fer2013.csv": bytes(30 * 2**20)}), "packed"),
    "a million entries, declared": (lambda: declaring(1_000_000), "more than 250,000 files"),
    "encrypted": (encrypted, "encrypted"),
    "truncated": (lambda: zip_bytes(GOOD)[:-40], "cut short"),
    "truncated to its first half": (lambda: zip_bytes(GOOD)[:5000], "cut short"),
    "empty file": (lambda: b"", "is empty; copy or download it again"),
    "no zip": (lambda: b"PK\x03\x04 and then a letter", "cut short"),
    "no file in it": (lambda: zip_bytes({}), "neither FER-2013's CSV nor image folders"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_malicious_zip_is_refused_in_one_sentence_and_leaves_nothing(
    tmp_path: Path, fer_home: Path, kind: str
) -> None:
    make, message = HOSTILE[kind]
    data = make()
    before = snapshot(tmp_path)
    with pytest.raises(DatasetError, match=message) as caught:
        import_uploads({"upload.zip": io.BytesIO(data)})
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
    assert snapshot(tmp_path) == before
    assert not Path("/tmp/escaped.png").exists()


def test_a_zip_on_disk_is_checked_like_an_upload(tmp_path: Path, fer_home: Path) -> None:
    path = tmp_path / "faces.zip"
    path.write_bytes(zip_bytes(GOOD))
    assert read_path(path).dataset.fingerprint == DATASET.fingerprint
    path.write_bytes(zip_bytes({**GOOD, "../escaped.png": b"x"}))
    with pytest.raises(DatasetError, match="leads out of it"):
        import_path(path)
    # A truncated zip is still recognised as a zip, not as a table without columns.
    for name in ("faces.zip", "faces"):
        (tmp_path / name).write_bytes(zip_bytes(GOOD)[:-40])
        with pytest.raises(DatasetError, match="cut short"):
            import_path(tmp_path / name)


def test_the_sum_of_declared_sizes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_TOTAL_BYTES", 2 * sum(map(len, GOOD.values())))
    assert read_uploads({"a.zip": io.BytesIO(zip_bytes(GOOD))}).n_read == len(DATASET)
    monkeypatch.setattr(budget, "MAX_TOTAL_BYTES", sum(map(len, GOOD.values())) - 1)
    with pytest.raises(DatasetError, match="would unpack to more than"):
        read_uploads({"a.zip": io.BytesIO(zip_bytes(GOOD))})


def test_a_damaged_image_in_a_zip_loses_only_that_image() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (48, 48)).astype(np.uint8)
    data = bytearray(zip_bytes({**GOOD, "train/happy/z.png": png(noise)}, zipfile.ZIP_STORED))
    place = bytes(data).find(b"train/happy/z.png") + 100
    data[place : place + 4] = b"\0\0\0\0"
    reading = read_uploads({"a.zip": io.BytesIO(bytes(data))})
    assert [item.where for item in reading.rejected] == ["train/happy/z.png"]
    assert reading.dataset.fingerprint == DATASET.fingerprint


def test_a_damaged_table_in_a_zip_is_refused() -> None:
    data = bytearray(zip_bytes({"fer2013.csv": text(csv_lines(DATASET))}, zipfile.ZIP_STORED))
    data[60_000] ^= 1
    with pytest.raises(DatasetError, match="damaged at line"):
        read_uploads({"a.zip": io.BytesIO(bytes(data))})


def mutants(data: bytes, number: int, seed: int) -> Iterator[bytes]:
    """Yield the data with a few bytes changed, mostly near the end, where a zip has its directory; some truncated."""
    rng = np.random.default_rng(seed)
    for turn in range(number):
        changed = bytearray(data)
        start = max(0, len(data) - 2500) if turn % 2 else 0
        for place in rng.integers(start, len(data), 1 + turn % 5):
            changed[place] = rng.integers(256)
        yield bytes(changed[: rng.integers(len(data))] if turn % 7 == 0 else changed)


METHODS = {"stored": zipfile.ZIP_STORED, "bzip2": zipfile.ZIP_BZIP2, "lzma": zipfile.ZIP_LZMA}
TABLE = text(csv_lines(DATASET))
CONTENTS: dict[str, Callable[[], bytes]] = {
    "faces.zip": lambda: zip_bytes(GOOD),
    "table.zip": lambda: zip_bytes({"fer2013.csv": TABLE}),
    "table.csv": lambda: TABLE,
    **{f"faces.{name}.zip": partial(zip_bytes, GOOD, method) for name, method in METHODS.items()},
    **{f"table.{name}.zip": partial(zip_bytes, {"fer2013.csv": TABLE}, method) for name, method in METHODS.items()},
}


@pytest.mark.parametrize("name", CONTENTS)
def test_damage_anywhere_is_tolerated_or_refused_in_one_sentence(name: str) -> None:
    for data in mutants(CONTENTS[name](), 60, seed=len(name)):
        try:
            reading = read_uploads({name: io.BytesIO(data)})
        except DatasetError as error:
            assert "\n" not in str(error)
        else:
            # A changed name may have left the folders; a table may end early, or have a line broken in two.
            few, many = (len(DATASET) - 3, len(DATASET)) if name.startswith("faces") else (1, len(DATASET) + 5)
            assert few <= reading.n_read <= many
