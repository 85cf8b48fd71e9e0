"""Average the weights of several models into one (Wortsman et al., 'Model soups', 2022).

If the models were fine-tuned from one model with different targets, the average predicts about as well as their
ensemble, in the time of one model.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from fer.recognition.bundle import KERAS_FILE, Bundle
from fer.runs.config import TrainConfig
from fer.runs.layout import CONFIG
from fer.training.batch_statistics import recompute_statistics, unaugmented_batches
from fer.training.bundling import BEST_WEIGHTS, bundle_run
from fer.training.run_data import load_data, split_parts


def average_models(folder: Path, bundles: Sequence[Path], shares: Sequence[float]) -> Bundle:
    """Write the averaged weights and `bundle/` into a folder that has a run's `config.json`.

    Args:
        folder: a run's folder. Its settings name the data: the training part gives the batch-norm statistics, the rest
            calibrates and measures the model.
        bundles: models of the same network, each with its `model.keras`.
        shares: the weight of each model; they sum to 1.

    Raises:
        ValueError: the shares don't sum to 1, or there is not one for each model.
        FerError: the data are missing, or the exported model differs from the network.
    """
    if not np.isclose(sum(shares), 1):
        raise ValueError(f"Shares must sum to 1. Received: {list(shares)}.")
    config = TrainConfig.from_json((folder / CONFIG).read_text(encoding="utf-8"))
    dataset = load_data(config)
    networks = [keras.saving.load_model(bundle / KERAS_FILE, compile=False) for bundle in bundles]
    parts = zip(*(network.get_weights() for network in networks), strict=True)
    average = networks[0]
    average.set_weights([np.average(same, axis=0, weights=shares) for same in parts])
    recompute_statistics(average, unaugmented_batches(split_parts(dataset, config).train))
    np.savez(folder / BEST_WEIGHTS, *average.get_weights())
    return bundle_run(folder, config, dataset)


def main() -> None:
    """Run `python -m fer.training.averaging FOLDER '[["bundle", share], ...]'`."""
    models = json.loads(sys.argv[2])
    average_models(Path(sys.argv[1]), [Path(bundle) for bundle, _ in models], [share for _, share in models])


if __name__ == "__main__":
    main()
