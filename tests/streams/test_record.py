"""The record of a session: rows, shares of time, people, CSV and JSON."""

import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fer.emotions import EMOTIONS
from fer.provenance import PROVENANCE_COLUMNS, Provenance
from fer.results import QUALITY, Pose
from fer.streams.record import OUTCOMES, Observation, SessionRecord
from tests.support.observations import STARTED, leaning, seen

ABOUT = Provenance("=model", "0f", "haar", 0.5, 1.0)


def record(max_rows: int = 100) -> SessionRecord:
    return SessionRecord(STARTED, max_rows)


def turned() -> Observation:
    return replace(
        seen(1, "disgust"),
        pose=Pose(61.24, -5.0, 0.0),
        quality=tuple(np.arange(9) / 8),
        reasons=("the face is turned too far to the side", "the face is dark"),
    )


def test_there_is_a_row_per_face_and_moment() -> None:
    session = record()
    session.add(0, 0.0, 0.0, [seen(1, "happy")])
    session.add(1, 0.1, 0.1, [seen(1, "happy", left=12.6), seen(2, "sad", 0.4)])
    table = session.to_frame()
    assert table[["seconds", "frame", "person", "x", "emotion", "confidence", "sure"]].to_numpy().tolist() == [
        [0.0, 0, 1, 10, "happy", 0.7, True],
        [0.1, 1, 1, 13, "happy", 0.7, True],
        [0.1, 1, 2, 10, "sad", 0.4, False],
    ]
    assert table.loc[1, "time"] == "2025-03-04T05:06:07.100+00:00"
    assert table.loc[0, "happy"] == 0.7
    assert table.loc[0, "raw_neutral"] == 0.7
    assert table.loc[0, "raw_happy"] == 0.05


def test_the_share_of_time_counts_seconds_not_frames() -> None:
    session = record()
    session.add(0, 0.0, 1.0, [seen(1, "happy")])
    session.add(1, 3.0, 3.0, [seen(1, "sad"), seen(2, "fear", 0.3)])
    seconds = dict(zip(OUTCOMES, session.seconds_by_outcome, strict=True))
    assert {name: value for name, value in seconds.items() if value} == {"happy": 1.0, "sad": 3.0, "not sure": 3.0}


def test_each_person_has_a_summary() -> None:
    session = record()
    for frame in range(4):
        faces = [seen(3, "happy" if frame else "surprise")]
        if frame == 2:
            faces.append(seen(7, "angry", 0.2))
        session.add(frame, frame / 2, 0.5, faces)
    first, second = session.people()
    assert (first.person, first.first_s, first.last_s) == (3, 0.0, 1.5)
    assert first.shares[EMOTIONS.index("happy")] == pytest.approx(0.75)
    assert (second.person, second.first_s, second.last_s) == (7, 1.0, 1.0)
    assert second.shares == (0.0,) * 7 + (1.0,)


def test_a_persons_shares_are_of_time_and_outlast_the_rows() -> None:
    """Frames come unevenly and most rows are dropped, but 3 of 4 seconds are sad in every four frames."""
    session = record(max_rows=8)
    for frame in range(400):
        faces = [seen(1, "happy") if frame % 4 else seen(1, "sad")]
        if frame == 3:
            faces.append(seen(2, "fear"))
        session.add(frame, float(frame), 1 / 3 if frame % 4 else 3.0, faces)
    one, two = session.people()
    assert one.shares[EMOTIONS.index("sad")] == pytest.approx(0.75)
    assert (one.first_s, one.last_s) == (0, 399)
    assert (two.person, two.shares[EMOTIONS.index("fear")]) == (2, 1.0)
    assert set(session.to_frame()["person"]) == {1}
    assert session.seconds_by_outcome[EMOTIONS.index("sad")] == pytest.approx(300)


def test_memory_is_bounded_and_the_record_spans_the_whole_session() -> None:
    session = record(max_rows=64)
    for frame in range(1000):
        session.add(frame, frame / 10, 0.1, [seen(1, "happy"), seen(2, "sad")])
    frames = session.to_frame()["frame"]
    assert len(session) <= 64
    assert session.every == 32
    assert frames.iloc[0] == 0
    assert frames.iloc[-1] >= 1000 - 32
    assert (frames % 32 == 0).all()
    assert frames.value_counts().unique().tolist() == [2]
    assert session.seconds_by_outcome.sum() == pytest.approx(200)


def test_a_crowd_larger_than_the_record_is_left_out() -> None:
    session = record(max_rows=3)
    session.add(0, 0.0, 0.1, [seen(person, "sad") for person in range(5)])
    session.add(1024, 1.0, 0.1, [seen(1, "sad")])
    assert session.to_frame()["frame"].tolist() in ([], [1024])


def test_candidates_are_named_most_probable_first() -> None:
    session = record()
    without = Observation(3, np.zeros(4, np.float32), leaning("sad"), leaning("sad"), sure=True)
    session.add(0, 0.0, 0.0, [seen(1, "happy"), seen(2, "sad", 0.4), without])
    assert session.to_frame()["candidates"].tolist() == ["happy", "sad or angry", ""]


def test_pose_quality_and_reasons_are_recorded_as_for_photos() -> None:
    session = record()
    for number, face in enumerate((turned(), seen(1, "happy"), turned())):
        session.add(number, number / 10, 0.1, [face])
    table = session.copy().to_frame()
    names = ["yaw", "pitch", "roll", *QUALITY, "reasons", "candidates"]
    assert list(table.columns[-len(names) :]) == names
    assert list(table.loc[2, names[:-1]]) == [
        *(61.2, -5.0, 0.0),
        *(0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0),
        "the face is turned too far to the side; the face is dark",
    ]
    assert table.loc[1, names[:12]].isna().all() and table.loc[1, "reasons"] == ""
    row = json.loads(session.files({}, ABOUT).json)["rows"][1]
    assert row["yaw"] is None and row["blur"] is None


def test_csv_reads_back_as_the_table() -> None:
    session = record()
    session.add(0, 0.25, 0.0, [turned()])
    table = pd.read_csv(io.BytesIO(session.files({}, ABOUT).csv))
    rows, made_by = table.drop(columns=list(PROVENANCE_COLUMNS)), table[list(PROVENANCE_COLUMNS)]
    pd.testing.assert_frame_equal(rows, session.to_frame(), check_dtype=False)
    # A spreadsheet would run the name as a formula.
    assert made_by.to_numpy()[0].tolist() == ["'=model", "0f", "haar", 0.5, "crop_scale=1.0", ABOUT.version, ABOUT.date]


def test_json_holds_the_session_and_its_rows() -> None:
    session = record()
    session.add(0, 0.0, 2.0, [seen(1, "fear")])
    document = json.loads(session.files({"model": "m1"}, ABOUT).json)
    assert document["model"] == "m1" and document["about"] == ABOUT.to_dict()
    assert document["started"] == "2025-03-04T05:06:07.000+00:00"
    assert document["share_of_time"]["fear"] == 1.0
    assert document["people"][0]["share_of_time"]["fear"] == 1.0
    assert document["rows"][0]["emotion"] == "fear"
    assert document["rows"][0]["fear"] == 0.7


def test_an_empty_session_exports_its_columns() -> None:
    session = record()
    assert len(session.to_frame()) == 0
    files = session.files({}, ABOUT)
    assert files.csv.decode().startswith(
        "time,seconds,frame,person,x,y,width,height,label,emotion,confidence,sure,angry"
    )
    document = json.loads(files.json)
    assert document["rows"] == []
    assert sum(document["share_of_time"].values()) == 0


def test_a_copy_does_not_change() -> None:
    session = record()
    session.add(0, 0.0, 0.0, [seen(1, "happy")])
    copy = session.copy()
    session.add(1, 0.1, 0.1, [seen(1, "sad")])
    assert (len(copy), len(session)) == (1, 2)
    assert copy.to_frame()["emotion"].tolist() == ["happy"]
    assert copy.people()[0].last_s == 0
    assert copy.seconds_by_outcome.sum() == 0


def test_rows_since() -> None:
    session = record()
    for frame in range(10):
        session.add(frame, float(frame), 1.0, [seen(1, "happy")])
    assert session.rows(since_s=7)["seconds"].tolist() == [7.0, 8.0, 9.0]
