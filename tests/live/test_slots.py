"""A viewer is refused only if all slots are taken."""

import weakref
from dataclasses import dataclass

import pytest

from fer.live.slots import StreamSlots


@dataclass(eq=False)
class Viewer:
    active: bool = True


def test_a_viewer_is_refused_if_all_slots_are_taken() -> None:
    slots, viewers = StreamSlots(2), [Viewer() for _ in range(3)]
    assert [slots.enter(viewer) for viewer in viewers] == [True, True, False]
    assert slots.full()
    assert slots.taken() == 2


def test_an_ended_stream_frees_its_slot() -> None:
    slots, first = StreamSlots(1), Viewer()
    slots.enter(first)
    first.active = False
    assert not slots.full()
    assert slots.enter(Viewer())


def test_a_stalled_stream_takes_its_slot_again() -> None:
    slots, first, second = StreamSlots(2), Viewer(), Viewer()
    slots.enter(first)
    first.active = False
    assert slots.enter(second)
    first.active = True
    assert slots.taken() == 2
    assert not slots.enter(Viewer())


def test_a_slot_does_not_keep_its_stream_in_memory() -> None:
    slots, viewer = StreamSlots(1), Viewer()
    slots.enter(viewer)
    gone = weakref.ref(viewer)
    del viewer
    assert gone() is None
    assert slots.taken() == 0


def test_a_stream_does_not_block_itself() -> None:
    slots, viewer = StreamSlots(1), Viewer()
    assert slots.enter(viewer)
    assert slots.enter(viewer)
    assert slots.full()


def test_a_limit_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match=r"1 or more.*0"):
        StreamSlots(0)
