"""The class and the split that a word or a file name stands for."""

import pytest

from fer.datasets.readers.names import CONTEMPT, class_named, class_number
from fer.datasets.readers.split_names import split_named, split_of_file


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("Happiness", 3),
        ("HAPPY", 3),
        ("0_angry", 0),
        ("4-sadness", 4),
        ("wütend", 0),
        ("Überrascht", 5),
        ("dégoût", 1),
        ("degout", 1),
        ("miedo", 2),
        ("tristeza", 4),
        ("nojo", 1),
        ("高兴", 3),
        ("中性", 6),
        ("Contempt", CONTEMPT),
        ("fâchée", 0),
        ("asustada", 2),
        ("恼怒", 0),
        ("无表情", 6),
        ("train_happy", 3),
        ("[Happy]", 3),
        ("emotion_sad", 4),
        ("Sad-Validation", 4),
        ("bored", None),
        ("trainer", None),
        ("7", None),
        ("", None),
    ],
)
def test_a_class_is_recognised_in_any_case_and_several_languages(word: str, label: int | None) -> None:
    assert class_named(word) == label


@pytest.mark.parametrize(
    ("word", "split"),
    [("Train_Set", 0), ("training", 0), ("dev", 1), ("VALID", 1), ("test set", 2), ("PrivateTest", 2), ("data", None)],
)
def test_a_split_is_recognised(word: str, split: int | None) -> None:
    assert split_named(word) == split


def test_a_files_name_contains_its_split() -> None:
    assert [split_of_file(name) for name in ("fer_train.csv", "test.csv", "val-00000-of-00001.parquet")] == [0, 2, 1]
    assert split_of_file("train_and_test.csv") is None and split_of_file("faces.csv") is None


@pytest.mark.parametrize("taken_for", ["cp437", "latin-1", "utf-8"])
@pytest.mark.parametrize(
    ("word", "encoding", "label"),
    [
        ("wütend", "cp1252", 0),
        ("dégoût", "cp850", 1),
        ("悲伤", "gb18030", 4),
        ("恐懼", "big5", 2),
        ("fröhlich", "utf-8", 3),
    ],
)
def test_a_class_is_recognised_if_its_encoding_was_mistaken(
    word: str, encoding: str, label: int, taken_for: str
) -> None:
    assert class_named(word.encode(encoding).decode(taken_for, "surrogateescape")) == label
    assert class_named("é".encode().decode(taken_for, "surrogateescape")) is None


def test_a_number_may_follow_a_noun() -> None:
    assert [class_number(text) for text in ("3", "3,0", "class_3", "Label 11", "emotion3", "S3", "2013")] == [
        *(3, 3, 3, 11, 3),
        *(None, None),
    ]
