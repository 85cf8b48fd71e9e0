"""Tasks: each input in one of them, of the right size, with names that change with what matters and nothing else."""

from collections import Counter
from dataclasses import replace

import pytest

from fer.batch.inputs import Input
from fer.batch.plan import PIECES, Task, plan, split
from fer.batch.settings import Settings

SETTINGS = Settings("a" * 16, "yunet")


def photos(n: int, prefix: str = "/photos/") -> list[Input]:
    return [Input(f"{prefix}{index:07}.jpg", 1000 + index, "1") for index in range(n)]


def planned(inputs: list[Input], settings: Settings = SETTINGS) -> list[Task]:
    return list(plan(inputs, settings))


def names(tasks: list[Task]) -> set[str]:
    return {task.name for task in tasks}


@pytest.mark.parametrize("n", [1, 7, 8, 300, 2000, 70_000])
def test_each_input_is_in_one_task_and_the_plan_is_the_same_every_time(n: int) -> None:
    inputs = photos(n)
    tasks = planned(inputs)
    assert [one for task in tasks for one in task.inputs] == inputs
    assert sum(task.n_files for task in tasks) == n and len(names(tasks)) == len(tasks)
    assert planned(inputs) == tasks


def test_large_batches_have_tasks_of_500_to_2000_photos_and_small_ones_smaller_tasks() -> None:
    sizes = [task.n_files for task in planned(photos(64_000))]
    assert min(sizes[:-1]) >= 500 and max(sizes) <= 2000 and max(sizes) > min(sizes[:-1])
    assert 40 <= len(planned(photos(2000))) <= 140
    assert 3 <= len(planned(photos(40))) <= 10


def test_a_video_is_a_task_of_its_own_wherever_it_is() -> None:
    clip, other = Input("/photos/0000003.MP4", 5, "1"), Input("/photos/z.mov", 5, "1")
    inputs = [*photos(3), clip, *photos(3000, "/more/"), other]
    tasks = planned(inputs)
    assert [task.inputs for task in tasks if any(one.is_video for one in task.inputs)] == [(clip,), (other,)]
    assert Counter(one for task in tasks for one in task.inputs) == Counter(inputs)


def test_a_photo_that_is_added_changed_or_removed_changes_few_tasks() -> None:
    n = 3000
    inputs = photos(n)
    before, middle = names(planned(inputs)), n // 2
    added = [*inputs[:middle], Input("/photos/0000500a.jpg", 3, "1"), *inputs[middle:]]
    removed = [*inputs[:middle], *inputs[middle + 1 :]]
    for one in (inputs[middle]._replace(size=1), inputs[middle]._replace(stamp="2")):
        changed = [*inputs[:middle], one, *inputs[middle + 1 :]]
        assert len(names(planned(changed)) - before) == 1
    for other in (added, removed):
        assert 1 <= len(names(planned(other)) - before) <= 4
    # When a file was last written matters only as far as its stamp says so.
    assert names(planned([one._replace(modified=5.0) for one in inputs])) == before


@pytest.mark.parametrize(
    "change", [{"model_hash": "b" * 16}, {"detector": "haar"}, {"confidence_threshold": 0.5}, {"annotated": True}]
)
def test_another_model_or_setting_changes_every_task(change: dict) -> None:
    inputs = photos(1000)
    assert not names(planned(inputs)) & names(planned(inputs, replace(SETTINGS, **change)))


def test_a_task_falls_into_the_same_pieces_until_single_files_are_left() -> None:
    [task] = [task for task in planned(photos(1000)) if task.n_files > 20][:1]
    pieces = split(task, SETTINGS)
    assert 2 <= len(pieces) <= PIECES and split(task, SETTINGS) == pieces
    assert [one for piece in pieces for one in piece.inputs] == list(task.inputs)
    singles = [task]
    while any(one.n_files > 1 for one in singles):
        singles = [piece for one in singles for piece in split(one, SETTINGS) or (one,)]
    assert [one.inputs[0] for one in singles] == list(task.inputs)
    assert len({one.name for one in singles} | {task.name}) == task.n_files + 1
    assert split(singles[0], SETTINGS) == ()


def test_names_that_are_not_unicode_survive() -> None:
    inputs = [Input("/photos/\udcff.jpg", 1, "1")]
    assert planned(inputs)[0].inputs == tuple(inputs)
