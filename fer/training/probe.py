"""A few steps of a run, timed: what the whole of it would take on this machine."""

import time
from typing import Final

import numpy as np

from fer.runs.config import TrainConfig
from fer.runs.estimates import Measured
from fer.training.batches import TrainingBatches
from fer.training.fit import compiled_network, has_votes, judge, load_data, plain_batches, split_parts, validate
from fer.training.watch import STATISTICS_IMAGES

# The first steps and the first verdict compile; the median of the next few steps is what the others take.
_WARM_UP_STEPS: Final = 2
_STEPS: Final = 8
_WARM_UP_IMAGES: Final = 256


def probe(config: TrainConfig) -> Measured:
    """Time a few steps, and judging an epoch once.

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
    statistics = plain_batches(parts.train, STATISTICS_IMAGES)
    validate(network, parts.validation.take(np.arange(min(len(parts.validation), _WARM_UP_IMAGES))))
    began = time.perf_counter()
    judge(network, parts.validation, statistics)
    return Measured.of(
        config,
        trained_on=len(parts.train),
        n_validation=len(parts.validation),
        step_seconds=float(np.median(times[_WARM_UP_STEPS:])),
        validation_seconds=time.perf_counter() - began,
    )
