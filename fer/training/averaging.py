"""The average of several models' weights, as a model of its own (Wortsman et al., 'Model soups', 2022).

It answers much as all of them together do, in the time of one, where they were fine-tuned from one model and saw
different targets.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from fer.recognition.bundle import KERAS_FILE, Bundle
from fer.runs.config import TrainConfig
from fer.training.bundling import BEST_WEIGHTS, bundle_run
from fer.training.fit import load_data, plain_batches, recompute_statistics, split_parts


def average_models(folder: Path, bundles: Sequence[Path], shares: Sequence[float]) -> Bundle:
    """Write the average's weights and `bundle/` into a folder that has a run's `config.json`.

    Args:
        folder: the settings in it say which data calibrate and measure, and which are trained on: these give the batch
            normalisation its statistics.
        bundles: models of one network, each with its `model.keras`.
        shares: of each, adding up to 1.

    Raises:
        ValueError: the shares do not add up, or are not as many as the models.
        FerError: the data are gone, or the export does not agree with the network.
    """
    if not np.isclose(sum(shares), 1):
        raise ValueError(f"Shares that add up to 1 are needed. Received: {list(shares)}.")
    config = TrainConfig.from_json((folder / "config.json").read_text(encoding="utf-8"))
    dataset = load_data(config)
    networks = [keras.saving.load_model(bundle / KERAS_FILE, compile=False) for bundle in bundles]
    parts = zip(*(network.get_weights() for network in networks), strict=True)
    average = networks[0]
    average.set_weights([np.average(same, axis=0, weights=shares) for same in parts])
    recompute_statistics(average, plain_batches(split_parts(dataset, config).train))
    np.savez(folder / BEST_WEIGHTS, *average.get_weights())
    return bundle_run(folder, config, dataset)


def main() -> None:
    """`python -m fer.training.averaging FOLDER '[["bundle", share], ...]'`."""
    models = json.loads(sys.argv[2])
    average_models(Path(sys.argv[1]), [Path(bundle) for bundle, _ in models], [share for _, share in models])


if __name__ == "__main__":
    main()
