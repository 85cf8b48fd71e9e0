"""Time a few steps, to estimate how long a whole run takes on this machine."""

import time
from typing import Final

import numpy as np

from fer.runs.config import TrainConfig
from fer.runs.estimates import Measured
from fer.training.batch_statistics import unaugmented_batches
from fer.training.batches import TrainingBatches
from fer.training.callback import STATISTICS_IMAGES
from fer.training.compiling import compiled_network
from fer.training.run_data import has_votes, load_data, split_parts
from fer.training.validation import validate_epoch

# The first steps and the first validation compile the network. The median of the next steps is typical.
_WARM_UP_STEPS: Final = 2
_STEPS: Final = 8
# A sample of the images is enough: validating all of them takes as long as in a real epoch.
_WARM_UP_IMAGES: Final = 128
_IMAGES: Final = 512


def probe(config: TrainConfig) -> Measured:
    """Time a few training steps and a part of a validation.

    Raises:
        FerError: the run isn't possible with these settings or data.
    """
    dataset = load_data(config)
    parts = split_parts(dataset, config)
    # Without the teachers' predictions: they take minutes to compute and don't change the time of a step.
    batches = TrainingBatches(parts.train, config, votes=has_votes(parts, config))
    network = compiled_network(config, parts, batches.steps)
    times = []
    for step in range(_WARM_UP_STEPS + _STEPS):
        batch = batches[step % batches.steps]
        began = time.perf_counter()
        network.train_on_batch(*batch)
        times.append(time.perf_counter() - began)

    def seconds_per_image(n_images: int) -> float:
        some = parts.validation.take(np.arange(min(len(parts.validation), n_images)))
        statistics = unaugmented_batches(parts.train, n_images)
        began = time.perf_counter()
        validate_epoch(network, some, statistics)
        return (time.perf_counter() - began) / (len(some) + sum(map(len, statistics)))

    seconds_per_image(_WARM_UP_IMAGES)
    n_images = len(parts.validation) + min(len(parts.train), STATISTICS_IMAGES)
    return Measured.of(
        config,
        trained_on=len(parts.train),
        n_validation=len(parts.validation),
        step_seconds=float(np.median(times[_WARM_UP_STEPS:])),
        validation_seconds=seconds_per_image(_IMAGES) * n_images,
    )
