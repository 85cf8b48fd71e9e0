"""A few steps of a run, timed: what the whole of it would take on this machine."""

import time
from typing import Final

import numpy as np

from fer.runs.config import TrainConfig
from fer.runs.estimates import Measured
from fer.training.batches import TrainingBatches
from fer.training.fit import compiled_network, has_votes, judge, load_data, plain_batches, split_parts
from fer.training.watch import STATISTICS_IMAGES

# The first steps and the first verdict compile; the median of the next few steps is what the others take.
_WARM_UP_STEPS: Final = 2
_STEPS: Final = 8
# So many images of each kind are judged by, for all of them would take as long as a whole verdict.
_WARM_UP_IMAGES: Final = 128
_IMAGES: Final = 512


def probe(config: TrainConfig) -> Measured:
    """Time a few steps, and a part of what judges an epoch.

    Raises:
        FerError: the settings or the data do not allow the run, in one sentence.
    """
    dataset = load_data(config)
    parts = split_parts(dataset, config)
    # Without a teacher's answers, which change nothing about a step and take minutes.
    batches = TrainingBatches(parts.train, config, votes=has_votes(parts, config))
    network = compiled_network(config, parts, batches.steps)
    times = []
    for step in range(_WARM_UP_STEPS + _STEPS):
        batch = batches[step % batches.steps]
        began = time.perf_counter()
        network.train_on_batch(*batch)
        times.append(time.perf_counter() - began)

    def seconds_an_image(n_images: int) -> float:
        some = parts.validation.take(np.arange(min(len(parts.validation), n_images)))
        statistics = plain_batches(parts.train, n_images)
        began = time.perf_counter()
        judge(network, some, statistics)
        return (time.perf_counter() - began) / (len(some) + sum(map(len, statistics)))

    seconds_an_image(_WARM_UP_IMAGES)
    n_judged = len(parts.validation) + min(len(parts.train), STATISTICS_IMAGES)
    return Measured.of(
        config,
        trained_on=len(parts.train),
        n_validation=len(parts.validation),
        step_seconds=float(np.median(times[_WARM_UP_STEPS:])),
        validation_seconds=seconds_an_image(_IMAGES) * n_judged,
    )
