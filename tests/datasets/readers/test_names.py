"""The class and the split that a word or a file name stands for."""

import pytest

from fer.datasets.readers.names import CONTEMPT, class_named, split_named, split_of_file


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
        ("bored", None),
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
