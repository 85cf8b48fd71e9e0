"""The grid of a sweep: values as people type them, every combination, and one sentence for what doesn't fit."""

import pytest

from fer.errors import FerError
from fer.runs.config import NETWORKS, TrainConfig
from fer.sweeps.grid import Axis, axis_words, grid, parse_axis

BASE = TrainConfig(epochs=5)


def test_every_combination_is_trained_with_each_seed() -> None:
    points = grid(BASE, [parse_axis("learning-rate=1e-3, 2e-3"), parse_axis("flip=yes,no"), parse_axis("epochs=7")], 2)
    chosen = [[(one.learning_rate, one.flip, one.seed) for one in point.configs] for point in points]
    assert chosen == [[(rate, flip, seed) for seed in (0, 1)] for rate in (0.001, 0.002) for flip in (True, False)]
    assert {one.epochs for point in points for one in point.configs} == {7}
    # What doesn't vary isn't named.
    assert [point.words for point in points][:2] == ["learning rate 0.001, flip", "learning rate 0.001, no flip"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("batch_size=32,64", (32, 64)),
        ("optimizer=adamw,sgd", ("adamw", "sgd")),
        ("labels=0=neutral,1=happy", ("0=neutral,1=happy",)),
        ("start_from=a,b", (("a,b",),)),
        (" dropout = 0 , 0.5", (0.0, 0.5)),
    ],
)
def test_values_have_the_type_of_their_setting(text: str, values: tuple) -> None:
    assert parse_axis(text).values == values


def test_an_axis_is_named_with_its_values() -> None:
    assert axis_words(Axis("learning_rate", (0.001, 0.002))) == "learning rate 0.001, 0.002"
    assert axis_words(Axis("flip", (True, False))) == "flip and no flip"


@pytest.mark.parametrize(
    ("texts", "n_seeds", "sentence"),
    [
        (["learning_rate"], 3, "'learning_rate' has no value; write it like learning_rate=1e-3,2e-3."),
        (["learning_rat=1"], 3, "There is no setting 'learning_rat'; 'fer train --help' lists them all."),
        (["learning_rate=1e-3,"], 3, "learning_rate: a value is missing"),
        (["learning_rate=1e-3,fast"], 3, "learning_rate: choose numbers. Received: 'fast'."),
        (["epochs=2.5"], 3, "epochs: choose whole numbers. Received: '2.5'."),
        (["learning_rate=1e-3,0.001"], 3, "learning_rate: the value 0.001 is there twice; give each once."),
        (["learning_rate=1e-3,5"], 3, "learning_rate: choose a number from 1e-06 to 1. Received: 5.0."),
        (["learning_rate=nan"], 3, "learning_rate: choose a number from 1e-06 to 1. Received: nan."),
        (["flip=maybe"], 3, "flip: choose true or false. Received: 'maybe'."),
        (["network=small,huge"], 3, f"network: choose one of {', '.join(NETWORKS)}. Received: 'huge'."),
        (["seed=1,2"], 3, "seed: choose their number with --seeds."),
        (["epochs=2,9", "warmup_epochs=3"], 3, "warmup_epochs: choose fewer than the run's 2 epochs."),
        (["flip=yes", "flip=no"], 3, "flip: it is chosen twice"),
        ([], 0, "seeds: choose a whole number from 1 to 100. Received: 0."),
        (["batch_size=" + ",".join(map(str, range(4, 104)))], 11, "These are 1,100 trainings; choose fewer"),
    ],
)
def test_what_does_not_fit_is_one_sentence(texts: list[str], n_seeds: int, sentence: str) -> None:
    with pytest.raises(FerError) as caught:
        grid(BASE, [parse_axis(text) for text in texts], n_seeds)
    assert str(caught.value).startswith(sentence)
