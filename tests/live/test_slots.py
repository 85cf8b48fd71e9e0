"""The next viewer is turned away when all slots are taken, and only then."""

import weakref
from dataclasses import dataclass

import pytest

from fer.live.slots import StreamSlots


@dataclass(eq=False)
class Viewer:
    active: bool = True


def test_the_next_viewer_is_turned_away() -> None:
    slots, viewers = StreamSlots(2), [Viewer() for _ in range(3)]
    assert [slots.enter(viewer) for viewer in viewers] == [True, True, False]
    assert slots.full()
    assert slots.taken() == 2


def test_a_stream_that_ended_makes_room() -> None:
    slots, first = StreamSlots(1), Viewer()
    slots.enter(first)
    first.active = False
    assert not slots.full()
    assert slots.enter(Viewer())


def test_a_stream_that_was_only_silent_counts_again() -> None:
    slots, first, second = StreamSlots(2), Viewer(), Viewer()
    slots.enter(first)
    first.active = False
    assert slots.enter(second)
    first.active = True
    assert slots.taken() == 2
    assert not slots.enter(Viewer())


def test_a_slot_keeps_no_stream_in_memory() -> None:
    slots, viewer = StreamSlots(1), Viewer()
    slots.enter(viewer)
    gone = weakref.ref(viewer)
    del viewer
    assert gone() is None
    assert slots.taken() == 0


def test_a_stream_does_not_stand_in_its_own_way() -> None:
    slots, viewer = StreamSlots(1), Viewer()
    assert slots.enter(viewer)
    assert slots.enter(viewer)
    assert slots.full()


def test_no_slot_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match=r"1 or more.*0"):
        StreamSlots(0)
