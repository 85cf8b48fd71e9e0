"""The same rows in every format."""

import io
import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from fer.emotions import EMOTIONS
from fer.results import QUALITY, Face, Pose
from fer.streams.people import Person
from fer.video.analysis import FACE, NO_FACE, AnalysedFrame
from fer.video.table import COLUMNS, Row, rows_of
from fer.video.writers import CsvWriter, JsonWriter, ParquetWriter
from tests.support.provenance import ABOUT
from tests.support.provenance import COLUMNS as MADE_BY

RAW = np.array([0.1, 0, 0, 0.9, 0, 0, 0], np.float32)
SMOOTH = np.array([0.25, 0, 0, 0.75, 0, 0, 0], np.float32)


def table(file: str = "=clip") -> list[Row]:
    face = Face(
        (10, 20, 30, 40),
        SMOOTH,
        0.5,
        pose=Pose(12.34, -5.0, 0.0),
        flaws=("the face is blurred", "the face is dark"),
        candidates=("happy", "angry"),
        quality=tuple(np.arange(9) / 8),
    )
    person = Person(2, face, RAW)
    frames = [
        AnalysedFrame(0, 0, 0.0, NO_FACE, (), None),
        AnalysedFrame(1, 512, 1 / 30, FACE, (person,), None),
    ]
    return [row for frame in frames for row in rows_of(file, frame)]


def test_an_unsure_face_has_a_label_of_its_own() -> None:
    face = Face((10, 20, 30, 40), SMOOTH, 0.8)
    (row,) = rows_of("clip", AnalysedFrame(0, 0, 0.0, FACE, (Person(1, face, RAW),), None))
    named = dict(zip(COLUMNS, row, strict=True))
    assert (named["label"], named["emotion"], named["sure"]) == ("not sure", "happy", False)


def test_csv_is_a_table_that_a_spreadsheet_may_open() -> None:
    stream = io.BytesIO()
    writer = CsvWriter(stream, ABOUT)
    writer.write(table())
    writer.close()
    read = pd.read_csv(io.BytesIO(stream.getvalue()))
    assert list(read.columns) == [*COLUMNS, *MADE_BY]
    assert read[list(MADE_BY)].to_dict("records") == [MADE_BY] * 2
    assert list(COLUMNS[:13]) == [
        *("file", "frame", "time_s", "status", "person", "x", "y", "width", "height"),
        *("label", "emotion", "confidence", "sure"),
    ]
    assert list(COLUMNS[13:27]) == [*EMOTIONS, *(f"smooth_{name}" for name in EMOTIONS)]
    assert read["file"].tolist() == ["'=clip"] * 2
    assert read["status"].tolist() == ["no face", "face"] and read["time_s"].tolist() == [0, 0.033333]
    assert np.isnan(read["person"][0]) and read["person"][1] == 2
    face = read.loc[1]
    assert (face["emotion"], face["confidence"], face["happy"], face["smooth_happy"]) == ("happy", 0.75, 0.9, 0.75)
    assert face["sure"] and face["label"] == "happy"
    assert list(COLUMNS[27:]) == ["yaw", "pitch", "roll", *QUALITY, "reasons", "candidates"]
    assert list(face[list(COLUMNS[27:])]) == [
        *(12.3, -5.0, 0.0),
        *(0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0),
        *("the face is blurred; the face is dark", "happy or angry"),
    ]


def test_parquet_has_types_and_nulls() -> None:
    stream = io.BytesIO()
    writer = ParquetWriter(stream, ABOUT)
    writer.write(table("clip"))
    writer.close()
    read = pq.read_table(io.BytesIO(stream.getvalue()))
    assert read.column_names == [*COLUMNS, *MADE_BY]
    assert read.select(list(MADE_BY)).to_pylist() == [MADE_BY] * 2
    assert json.loads(read.schema.metadata[b"about"]) == ABOUT.to_dict()
    assert [tuple(row.values()) for row in read.select(list(COLUMNS)).to_pylist()] == table("clip")


def test_every_format_has_the_groups_next_to_the_file() -> None:
    csv, parquet, document = io.BytesIO(), io.BytesIO(), io.BytesIO()
    for make, stream in ((CsvWriter, csv), (ParquetWriter, parquet), (JsonWriter, document)):
        writer = make(stream, ABOUT, {"=clip": "=1+1", "b": "calm"})
        for file in ("=clip", "b", "none"):
            writer.write(table(file)[:1])
            writer.end_video({"file": file})
        writer.close()
    rows = pd.read_csv(io.BytesIO(csv.getvalue()), keep_default_na=False)
    assert list(rows.columns) == ["file", "group", *COLUMNS[1:], *MADE_BY]
    assert rows[["file", "group"]].to_numpy().tolist() == [["'=clip", "'=1+1"], ["b", "calm"], ["none", ""]]
    read = pq.read_table(io.BytesIO(parquet.getvalue()))
    assert read.column_names == list(rows.columns)
    assert read.column("group").to_pylist() == ["=1+1", "calm", None]
    first = [file["rows"][0] for file in json.loads(document.getvalue())["files"]]
    assert [(row["file"], row["group"]) for row in first] == [("=clip", "=1+1"), ("b", "calm"), ("none", None)]


def test_json_has_one_object_per_video_also_without_rows() -> None:
    stream = io.BytesIO()
    writer = JsonWriter(stream, ABOUT)
    writer.write(table("a")[:1])
    writer.write(table("a")[1:])
    writer.end_video({"file": "a", "notes": ["x"]})
    writer.end_video({"file": "b", "error": "unreadable"})
    writer.close()
    document = json.loads(stream.getvalue())
    first, second = document["files"]
    assert document["about"] == ABOUT.to_dict()
    assert [tuple(row.values()) for row in first["rows"]] == table("a")
    assert (first["file"], first["notes"]) == ("a", ["x"])
    assert second == {"rows": [], "file": "b", "error": "unreadable"}


def test_no_video_is_an_empty_array() -> None:
    stream = io.BytesIO()
    JsonWriter(stream, ABOUT).close()
    assert json.loads(stream.getvalue())["files"] == []
