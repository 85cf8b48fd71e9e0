"""The next viewer is turned away when all slots are taken, and only then."""

from dataclasses import dataclass

import pytest

from fer.live.slots import StreamSlots


@dataclass(eq=False)
class Viewer:
    active: bool = True


def test_the_next_viewer_is_turned_away() -> None:
    slots = StreamSlots(2)
    assert [slots.enter(Viewer()) for _ in range(3)] == [True, True, False]
    assert slots.full()
    assert slots.taken() == 2


def test_a_stream_that_ended_makes_room() -> None:
    slots, first = StreamSlots(1), Viewer()
    slots.enter(first)
    first.active = False
    assert not slots.full()
    assert slots.enter(Viewer())


def test_a_stream_does_not_stand_in_its_own_way() -> None:
    slots, viewer = StreamSlots(1), Viewer()
    assert slots.enter(viewer)
    assert slots.enter(viewer)
    assert not slots.full(apart_from=viewer)
    assert slots.full()


def test_no_slot_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match=r"1 or more.*0"):
        StreamSlots(0)
