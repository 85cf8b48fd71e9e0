"""A run of a tiny network in this process, for tests of its training."""

from dataclasses import replace

import numpy as np

from fer.runs import layout, making
from fer.runs.config import TrainConfig
from fer.runs.session import RunSession
from fer.training import callback, run
from fer.training.checkpoints import newest_checkpoint
from fer.training.run_data import load_data, split_parts

CONFIG = TrainConfig(fraction=0.1, batch_size=10, epochs=4, learning_rate=0.01, weight_averaging=0, precision="float32")


def start(config: TrainConfig) -> RunSession:
    return RunSession(layout.run_folder(making.create_run(config)))


def fit(session: RunSession, config: TrainConfig) -> callback.RunCallback:
    checkpoint, _ = newest_checkpoint(session.folder / layout.CHECKPOINTS)
    return run._fit(session, config, "synthetic", split_parts(load_data(config), config), checkpoint)


def with_votes(parts):
    made = {name: getattr(parts, name) for name in ("train", "validation")}
    return replace(parts, **{k: replace(d, votes=np.ones((len(d), 10), np.uint8)) for k, d in made.items()})
