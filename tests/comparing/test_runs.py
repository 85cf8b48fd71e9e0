"""Which of several runs is better: by their results, their settings and a test on the same faces."""

from collections.abc import Callable

import pytest

from fer.comparing.runs import compare_runs, differing_settings, in_words, results_of, unique_names
from fer.emotions import EMOTIONS
from fer.runs import layout, store
from fer.runs.config import TrainConfig
from fer.runs.store import RunSummary
from fer.storage.files import write_json
from tests.support.run_folders import write_answers

MakeRun = Callable[..., str]
METRICS = {"n": 40, "accuracy": 0.75, "accuracy_interval": [0.6, 0.86], "macro_f1": 0.7, "ece": 0.05}


def said(*run_ids: str) -> str:
    runs = [store.read_run(run_id) for run_id in run_ids]
    return " ".join(in_words(compare_runs(runs), unique_names(runs)))


def read(run_id: str) -> RunSummary:
    return store.read_run(run_id)


def test_a_clear_lead_is_significant(make_run: MakeRun) -> None:
    good, poor = make_run(name="good", bundle=True), make_run(name="poor", bundle=True)
    write_answers(good, [True] * 30 + [False] * 10)
    write_answers(poor, [True] * 20 + [False] * 20)
    found = compare_runs([read(poor), read(good)])
    assert (found.best, found.accuracy) == (good, 0.75)
    (rival,) = found.rivals
    assert (rival.run_id, rival.accuracy, rival.test.only_first, rival.test.only_second) == (poor, 0.5, 10, 0)
    assert rival.test.p_value == pytest.approx(2 / 1024)
    text = said(poor, good)
    assert "'good' is right most often: on 75.0 % of the 40 faces of the test split of greys." in text
    assert "significantly better than 'poor' with 50.0 % (McNemar's exact test on the same faces, p = 0.002)" in text


def test_a_small_lead_may_be_chance(make_run: MakeRun) -> None:
    first, second = make_run(name="first", bundle=True), make_run(name="second", bundle=True)
    write_answers(first, [True] * 21 + [False] * 19)
    write_answers(second, [True] * 20 + [False] * 20)
    assert "The difference from 'second' with 50.0 % may be chance" in said(first, second)


def test_several_rivals_are_corrected_for(make_run: MakeRun) -> None:
    # Six discordant faces: p = 2 / 64 = 0.031 alone, 0.0625 with two rivals.
    ids = [make_run(name=name, bundle=True) for name in ("a", "b", "c")]
    for run_id, n_right in zip(ids, (26, 20, 20), strict=True):
        write_answers(run_id, [True] * n_right + [False] * (40 - n_right))
    assert all(not rival.test.significant for rival in compare_runs([read(run_id) for run_id in ids]).rivals)
    assert compare_runs([read(run_id) for run_id in ids[:2]]).rivals[0].test.significant
    assert "corrected for 2 comparisons" in said(*ids)


@pytest.mark.parametrize(
    ("n_good", "n_poor", "sentence"),
    [
        (25, 20, ""),
        (25, 19, "would be right on 50.0 % of these faces: more often than 'poor'."),
        (19, 10, "would be right on 50.0 % of these faces: more often than every run."),
    ],
)
def test_runs_below_the_most_frequent_class_are_named(
    make_run: MakeRun, n_good: int, n_poor: int, sentence: str
) -> None:
    labels = [EMOTIONS.index("happy")] * 20 + [EMOTIONS.index("sad")] * 15 + [EMOTIONS.index("fear")] * 5
    good, poor = make_run(name="good", bundle=True), make_run(name="poor", bundle=True)
    for run_id, n_right in ((good, n_good), (poor, n_poor)):
        write_answers(run_id, [True] * n_right + [False] * (40 - n_right), labels=labels)
    text = said(good, poor)
    assert text.count("Always answering 'happy', the most frequent class,") == bool(sentence) and sentence in text


def test_each_run_that_cannot_be_tested_says_why(make_run: MakeRun) -> None:
    good, poor = make_run(name="good", bundle=True), make_run(name="poor", bundle=True)
    write_answers(good, [True] * 40)
    write_answers(poor, [False] * 40)
    old, bare, other = make_run(name="old", bundle=True), make_run(name="bare"), make_run(name="other", bundle=True)
    write_answers(other, [True] * 3, faces="other faces")
    text = said(good, poor, old, bare, other)
    assert "significantly better than 'poor'" in text
    assert "'old' can't be tested against the others: it ended before runs stored their predictions." in text
    assert "'bare' can't be tested against the others: it has no model yet." in text
    assert "'other' can't be tested against the others: it was measured on the 3 faces" in text


def test_without_common_faces_no_run_is_better(make_run: MakeRun) -> None:
    first, second = make_run(name="first", bundle=True), make_run(name="second", bundle=True)
    write_answers(first, [True] * 4)
    assert compare_runs([read(first), read(second)]).best is None
    text = said(first, second)
    assert "'first' can't be tested" in text
    assert "'second' can't be tested" in text


def test_results_are_those_of_the_best_split(make_run: MakeRun) -> None:
    run_id = make_run(epochs_done=3)
    found = results_of(read(run_id))
    assert found is not None
    assert (found.split, found.accuracy, found.n) == ("validation", pytest.approx(0.32), None)
    metrics = {"validation": METRICS | {"accuracy": 0.8}, "test": METRICS}
    write_json(layout.run_folder(run_id) / layout.REPORT, {"metrics": metrics})
    found = results_of(read(run_id))
    assert found is not None
    assert (found.split, found.accuracy, found.n, found.interval) == ("test", 0.75, 40, (0.6, 0.86))
    assert results_of(read(make_run())) is None


def test_only_settings_that_differ_are_listed(make_run: MakeRun) -> None:
    first = make_run(TrainConfig(seed=1, epochs=5))
    second = make_run(TrainConfig(seed=2, epochs=5, teacher=("/models/a", "/models/b")))
    damaged = make_run()
    (layout.run_folder(damaged) / layout.CONFIG).write_text("{")
    assert differing_settings([read(first), read(second)]) == {
        "seed": ["1", "2"],
        "teacher": ["", "/models/a, /models/b"],
    }
    assert differing_settings([read(first), read(damaged)])["seed"] == ["1", ""]


def test_runs_of_one_name_are_told_apart(make_run: MakeRun) -> None:
    ids = [make_run(name="same"), make_run(name="same"), make_run(name="own")]
    assert [*unique_names([read(run_id) for run_id in ids]).values()] == [
        f"same ({ids[0][-4:]})",
        f"same ({ids[1][-4:]})",
        "own",
    ]
