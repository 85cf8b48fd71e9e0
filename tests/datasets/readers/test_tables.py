"""The CSV forms of FER-2013, clean and damaged."""

import io
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from fer.datasets.readers.sources import read_path
from fer.datasets.readers.tables import read_table
from fer.errors import DatasetError
from tests.support.forms import csv_lines, icml_lines, synthetic_faces, write_lines

Lines = list[str]


def semicolons(lines: Lines) -> bytes:
    return "\n".join(line.replace(",", ";") for line in lines).encode()


def header(text: str) -> Callable[[Lines], bytes]:
    return lambda lines: "\n".join([text, *lines[1:]]).encode()


def quoted(lines: Lines) -> bytes:
    rows = [line.split(",") for line in lines[1:]]
    return "\n".join([lines[0], *(f'{label},"{pixels}","{usage}"' for label, pixels, usage in rows)]).encode()


FORMS: dict[str, Callable[[Lines], bytes]] = {
    "byte order mark": lambda lines: b"\xef\xbb\xbf" + "\n".join(lines).encode(),
    "CRLF": lambda lines: "\r\n".join(lines).encode(),
    "semicolons": semicolons,
    "semicolons, CRLF, byte order mark": lambda lines: b"\xef\xbb\xbf" + semicolons(lines).replace(b"\n", b"\r\n"),
    "tabs": lambda lines: "\n".join(line.replace(",", "\t") for line in lines).encode(),
    "capitals": header("EMOTION,PIXELS,USAGE"),
    "spaces": header(" emotion , pixels , Usage "),
    "blank lines": lambda lines: ("\n\n" + "\n\n  \n".join(lines) + "\n\n,,\n").encode(),
    "quotes": quoted,
    "no end of line": lambda lines: "\n".join(lines).encode(),
    "usage in small letters": lambda lines: "\n".join(
        line.replace("Training", "training").replace("PublicTest", " publictest ") for line in lines
    ).encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_in_another_notation_has_the_same_fingerprint(tmp_path: Path, form: str) -> None:
    dataset = synthetic_faces()
    path = tmp_path / "fer2013.csv"
    path.write_bytes(FORMS[form](csv_lines(dataset)))
    reading = read_path(path)
    assert not reading.rejected
    assert reading.dataset.fingerprint == dataset.fingerprint
    np.testing.assert_array_equal(reading.dataset.splits, dataset.splits)
    np.testing.assert_array_equal(reading.dataset.images, dataset.images)


def test_kaggles_icml_file_is_the_same_dataset(tmp_path: Path) -> None:
    dataset = synthetic_faces()
    reading = read_path(write_lines(tmp_path / "icml_face_data.csv", icml_lines(dataset)))
    np.testing.assert_array_equal(reading.dataset.images, dataset.images)
    np.testing.assert_array_equal(reading.dataset.labels, dataset.labels)
    np.testing.assert_array_equal(reading.dataset.splits, dataset.splits)


def test_without_usage_all_rows_are_train(tmp_path: Path) -> None:
    dataset = synthetic_faces(7, 7, 7)
    lines = [line.rsplit(",", 1)[0] for line in csv_lines(dataset)]
    reading = read_path(write_lines(tmp_path / "train.csv", lines))
    assert reading.dataset.split_names() == ("train",)
    assert reading.dataset.fingerprint == dataset.fingerprint


def change_pixels(change: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    def changed(line: str) -> str:
        label, pixels, usage = line.split(",")
        return f"{label},{' '.join(change(pixels.split(' ')))},{usage}"

    return changed


DAMAGES: dict[str, tuple[Callable[[str], str], str]] = {
    "2,303 values": (change_pixels(lambda values: values[:-1]), "2,303 pixel values, expected 2,304"),
    "2,305 values": (change_pixels(lambda values: [*values, "0"]), "2,305 pixel values, expected 2,304"),
    "256": (change_pixels(lambda values: [*values[:-1], "256"]), "pixel value '256' is not"),
    "-1": (change_pixels(lambda values: ["-1", *values[1:]]), "pixel value '-1' is not"),
    "3.5 in the middle": (change_pixels(lambda values: [*values[:99], "3.5", *values[100:]]), "'3.5' is not"),
    "3.5 at the end": (change_pixels(lambda values: [*values[:-1], "3.5"]), "'3.5' is not"),
    "NaN": (change_pixels(lambda values: ["NaN", *values[1:]]), "'NaN' is not"),
    "1e2": (change_pixels(lambda values: ["1e2", *values[1:]]), "'1e2' is not"),
    "a number beyond any integer": (change_pixels(lambda values: ["9" * 40, *values[1:]]), "is not a whole number"),
    "65,536 more than a pixel": (change_pixels(lambda values: ["65636", *values[1:]]), "'65636' is not"),
    "no pixels": (change_pixels(lambda values: []), "0 pixel values"),
    "label 7": (lambda line: "7" + line[1:], "label '7' is not"),
    "label -1": (lambda line: "-1" + line[1:], "label '-1' is not"),
    "label 'bored'": (lambda line: "bored" + line[1:], "label 'bored' is not"),
    "no label": (lambda line: line[1:], "label '' is not"),
    "unknown Usage": (lambda line: line.rsplit(",", 1)[0] + ",Holdout", "split 'Holdout' is not"),
    "no Usage": (lambda line: line.rsplit(",", 1)[0], "cut short: 2 of 3 columns"),
    "a stray quote": (lambda line: line.replace(",", ',"', 1), "cut short"),
    "bytes that are no text": (lambda line: "\udcff\udcfe" + line, "label"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("place", [1, 9, 42])
def test_a_damaged_row_is_rejected_with_its_line_and_reason(damage: str, place: int) -> None:
    dataset = synthetic_faces()
    lines = csv_lines(dataset)
    change, reason = DAMAGES[damage]
    lines[place] = change(lines[place])
    data = "\n".join(lines).encode("utf-8", "surrogateescape")
    table = read_table(io.BytesIO(data), PurePosixPath("fer2013.csv"))
    reading = table.reading
    (rejection,) = reading.rejected
    assert rejection.where == f"line {place + 1}"
    assert reason in rejection.reason
    assert reading.n_read == len(dataset)
    rest = np.delete(np.arange(len(dataset)), place - 1)
    np.testing.assert_array_equal(reading.dataset.images, dataset.images[rest])
    np.testing.assert_array_equal(reading.dataset.labels, dataset.labels[rest])
    # Votes, which are joined by row, still match the rows after the gap.
    np.testing.assert_array_equal(table.rows, rest)


@pytest.mark.parametrize("n_cut", [3, 40, 5000])
def test_a_truncated_last_line_loses_only_that_line(n_cut: int) -> None:
    lines = csv_lines(synthetic_faces())
    lines[-1] = lines[-1][:-n_cut]
    reading = read_table(io.BytesIO("\n".join(lines).encode()), PurePosixPath("fer2013.csv")).reading
    assert [item.where for item in reading.rejected] == ["line 43"]
    assert len(reading.dataset) == 41


def test_lines_are_numbered_as_in_an_editor() -> None:
    lines = csv_lines(synthetic_faces())
    lines[20] = "7" + lines[20][1:]
    lines.insert(3, "")
    reading = read_table(io.BytesIO("\n".join(lines).encode()), PurePosixPath("fer2013.csv")).reading
    assert [item.where for item in reading.rejected] == ["line 22"]
    assert reading.origins[:4] == ("line 2", "line 3", "line 5", "line 6")


def test_at_most_a_tenth_of_the_rows_may_be_rejected(tmp_path: Path) -> None:
    lines = csv_lines(synthetic_faces(40, 0, 0))
    for place in range(1, 5):
        lines[place] = "9" + lines[place][1:]
    assert len(read_path(write_lines(tmp_path / "tenth.csv", lines)).rejected) == 4
    lines[5] = "9" + lines[5][1:]
    with pytest.raises(DatasetError, match=r"5 of 40 .* more than a tenth; the first is line 2: label '9'"):
        read_path(write_lines(tmp_path / "more.csv", lines))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"emotion,Usage\n0,Training\n", "no column 'pixels'"),
        (b"pixels\n1 2 3\n", "no column 'emotion'"),
        (b"emotion,pixels,Usage\n", "holds no image"),
        (b"x" * 2_000_000, "longer than a megabyte"),
        (bytes(range(256)) * 50, "no column 'pixels'"),
    ],
)
def test_a_file_that_is_not_a_table_of_faces_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "faces.csv"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=message) as caught:
        read_path(path)
    assert "\n" not in str(caught.value)


def test_reading_blank_lines_reports_progress_and_can_be_cancelled() -> None:
    told: list[float] = []
    data = b"emotion,pixels,Usage\n" + b"\n" * (5 * 2**20)
    read_table(io.BytesIO(data), PurePosixPath("blank.csv"), len(data), lambda share, text: told.append(share))
    assert len(told) >= 5 and told == sorted(told) and told[-1] > 0.9
