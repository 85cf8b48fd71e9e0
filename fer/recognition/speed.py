"""Compare the speed of a network with that of its int8 copy, in at most a second."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

import numpy as np
from msgspec import Meta

from fer.arrays import SIDE

BUDGET_SECONDS: Final = 0.9
# Below this, the gain isn't worth that another copy of the network answers.
LEAST_FASTER: Final = 1.2
MANY: Final = 64
_ONE_SECONDS: Final = 0.2

Clock = Callable[[], float]
Milliseconds = Annotated[float, Meta(gt=0, le=1e7)]


class Network(Protocol):
    """What is timed."""

    def logits(self, crops: Any, /) -> Any:
        """Classify crops (N, 48, 48, 1) uint8."""


def processor_seconds() -> float:
    """Return the processor time of this thread, in seconds, to which other threads and programs add nothing.

    A network on one thread computes on the one that calls it. Windows counts processor time in steps of 16 ms, too
    coarse for a call, so it is the time on the clock there.
    """
    return time.perf_counter() if sys.platform == "win32" else time.thread_time()


@dataclass(frozen=True)
class Speeds:
    """Shortest processor times in ms of both copies of a network, for one face and for `many` faces.

    Attributes:
        many: 64, or fewer if 64 faces would have taken too long.
    """

    float32_one: Milliseconds
    int8_one: Milliseconds
    float32_many: Milliseconds
    int8_many: Milliseconds
    many: Annotated[int, Meta(ge=1, le=MANY)] = MANY

    @property
    def ratios(self) -> tuple[float, float]:
        """Return how many times as fast int8 is, for one face and for many."""
        return self.float32_one / self.int8_one, self.float32_many / self.int8_many

    @property
    def int8_is_faster(self) -> bool:
        """Return whether int8 is clearly faster for one face and for many."""
        return min(self.ratios) >= LEAST_FASTER

    @property
    def text(self) -> str:
        """Return the speeds as a sentence, such as 'One face takes 3.1 ms with float32 and 2.4 ms with int8, ...'."""
        return (
            f"One face takes {self.float32_one:.1f} ms with float32 and {self.int8_one:.1f} ms with int8; {self.many} "
            f"faces take {self.float32_many:.0f} and {self.int8_many:.0f} ms."
        )


def compare_speeds(
    float32: Network,
    int8: Network,
    spent: Clock = processor_seconds,
    now: Clock = time.perf_counter,
    budget: float = BUDGET_SECONDS,
) -> Speeds:
    """Time both copies in turns.

    Args:
        float32: the network, on one thread.
        int8: its copy.
        spent: returns seconds; its difference is what a call cost.
        now: returns the seconds that the budget limits.
        budget: seconds after which no further round begins.
    """
    end = now() + budget
    faces = np.random.default_rng(0).integers(0, 256, (MANY, SIDE, SIDE, 1), dtype=np.uint8)

    def shortest(some: Any, until: float) -> tuple[float, float]:
        """Return the shortest time of each network, of as many rounds as there is time for, at least one."""
        times: tuple[list[float], list[float]] = ([], [])
        began = now()
        while not times[0] or now() + (now() - began) / len(times[0]) < until:
            for network, taken in zip((float32, int8), times, strict=True):
                before = spent()
                network.logits(some)
                taken.append(max(spent() - before, 1e-6))
        return min(times[0]), min(times[1])

    one = shortest(faces[:1], end - budget + min(_ONE_SECONDS, budget / 2))
    many, left = MANY, end - now()
    # No batch takes longer than its faces one by one.
    while many > 1 and many * sum(one) > left:
        many //= 2
    return _in_ms(one, shortest(faces[:many], end) if many > 1 else one, many)


def _in_ms(one: tuple[float, float], several: tuple[float, float], many: int) -> Speeds:
    return Speeds(
        float32_one=1000 * one[0],
        int8_one=1000 * one[1],
        float32_many=1000 * several[0],
        int8_many=1000 * several[1],
        many=many,
    )
