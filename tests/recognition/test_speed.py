"""Comparing the speeds of two networks, with a clock that only they move."""

import sys
import time
from threading import Thread

import numpy as np
import pytest

from fer.recognition.speed import Speeds, compare_speeds, processor_seconds


class Clock:
    """A clock that stands still unless a network works."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Worker:
    """A network that takes so many ms for one face, and a share of that for each further one."""

    def __init__(self, clock: Clock, one_ms: float, further_ms: float, first_ms: float = 0.0) -> None:
        self.clock, self.one_ms, self.further_ms, self.first_ms = clock, one_ms, further_ms, first_ms
        self.calls: list[int] = []

    def logits(self, crops: np.ndarray) -> None:
        assert crops.dtype == np.uint8 and crops.shape[1:] == (48, 48, 1)
        warming = 0.0 if self.calls else self.first_ms
        self.calls.append(len(crops))
        self.clock.seconds += (warming + self.one_ms + (len(crops) - 1) * self.further_ms) / 1000


def test_the_shortest_times_count_and_both_take_turns() -> None:
    clock = Clock()
    float32, int8 = Worker(clock, 3.0, 2.0, first_ms=40), Worker(clock, 2.0, 1.5, first_ms=40)
    speeds = compare_speeds(float32, int8, clock, clock)
    assert speeds.float32_one == pytest.approx(3.0) and speeds.int8_one == pytest.approx(2.0)
    assert speeds.many == 64
    assert speeds.float32_many == pytest.approx(3 + 63 * 2) and speeds.int8_many == pytest.approx(2 + 63 * 1.5)
    assert float32.calls == int8.calls and set(float32.calls) == {1, 64}
    assert float32.calls.count(64) >= 2


@pytest.mark.parametrize("one_ms", [0.5, 3.0, 12.0, 40.0])
def test_it_takes_at_most_a_second_on_slow_machines_too(one_ms: float) -> None:
    clock = Clock()
    began = clock.seconds
    speeds = compare_speeds(Worker(clock, one_ms, one_ms), Worker(clock, one_ms, one_ms), clock, clock)
    assert clock.seconds - began <= 1.0
    assert speeds.many == {0.5: 64, 3.0: 64, 12.0: 16, 40.0: 8}[one_ms]


def test_networks_that_take_seconds_are_run_once() -> None:
    clock = Clock()
    float32, int8 = Worker(clock, 2000.0, 2000.0), Worker(clock, 900.0, 900.0)
    speeds = compare_speeds(float32, int8, clock, clock)
    assert float32.calls == int8.calls == [1]
    assert (speeds.float32_many, speeds.int8_many, speeds.many) == (pytest.approx(2000), pytest.approx(900), 1)


@pytest.mark.parametrize(
    ("one", "many", "faster"), [(1.2, 1.2, True), (1.19, 2.0, False), (2.0, 1.19, False), (0.5, 0.5, False)]
)
def test_int8_must_be_faster_for_one_face_and_for_many(one: float, many: float, faster: bool) -> None:
    assert Speeds(one, 1.0, many, 1.0).int8_is_faster is faster


@pytest.mark.skipif(sys.platform == "win32", reason="Windows counts the time of a thread in steps of 16 ms")
def test_what_other_threads_do_meanwhile_does_not_count() -> None:
    def work() -> None:
        end = time.thread_time() + 0.05
        while time.thread_time() < end:
            sum(range(1000))

    before = processor_seconds(), time.process_time()
    other = Thread(target=work)
    other.start()
    other.join()
    own, all_threads = processor_seconds() - before[0], time.process_time() - before[1]
    # This thread only waits. The process has worked for at least 50 ms.
    assert 0 <= own < all_threads / 2


def test_the_speeds_are_said_in_a_sentence() -> None:
    assert Speeds(3.14, 2.41, 150.2, 98.7).text == (
        "One face takes 3.1 ms with float32 and 2.4 ms with int8; 64 faces take 150 and 99 ms."
    )
