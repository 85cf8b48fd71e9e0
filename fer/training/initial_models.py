"""The models that a run starts from or learns from: their weights, and whether they are still the same."""

from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from fer.errors import BundleError, ConfigError
from fer.recognition.bundle import KERAS_FILE, Bundle, load_bundle
from fer.runs.config import TrainConfig
from fer.training.networks import VOTES


def needed_models(config: TrainConfig) -> tuple[str, ...]:
    """Return the bundles that a run needs whenever it resumes: teachers, and initial models to average with."""
    return (*config.teacher, *(config.start_from if config.init_weight else ()))


def models_digest(config: TrainConfig) -> str:
    """Return the hashes of `needed_models`, separated by blanks.

    Raises:
        BundleError: one of them is missing or damaged.
    """
    return " ".join(load_bundle(folder).hash for folder in needed_models(config))


def initial_weights(network: keras.Model, config: TrainConfig) -> list[npt.NDArray[np.float32]]:
    """Return the weights to start from: those of a bundle, or the average of several bundles.

    Networks fine-tuned from one network can be averaged: the average predicts about as well as their ensemble
    (Wortsman et al., 'Model soups', 2022).

    Raises:
        BundleError: a bundle is missing or damaged, or has no Keras file.
        ConfigError: a bundle has another network.
    """
    models = [_weights(network, folder) for folder in config.start_from]
    return [np.mean(same, axis=0) for same in zip(*models, strict=True)]


def _weights(network: keras.Model, folder: str) -> list[npt.NDArray[np.float32]]:
    bundle = load_bundle(folder)
    weights = _read(bundle)
    wanted = [tuple(weight.shape) for weight in network.weights if weight.path.split("/")[0] != VOTES]
    if [weight.shape for weight in weights] != wanted:
        name = bundle.network.get("name", "unknown")
        raise ConfigError(
            f"start_from: the model in '{bundle.path}' has another network ({name}); choose that network, or another "
            "model."
        )
    return weights


def _read(bundle: Bundle) -> list[npt.NDArray[np.float32]]:
    file: Path = bundle.path / KERAS_FILE
    if KERAS_FILE not in bundle.files:
        raise BundleError(f"The model in '{bundle.path}' has no {KERAS_FILE} to train on; choose one made by a run.")
    try:
        model = keras.saving.load_model(file, safe_mode=True, compile=False)
    except (ValueError, TypeError, OSError) as error:
        raise BundleError(f"'{file}' can't be read; choose another model to start from.") from error
    weights: list[npt.NDArray[np.float32]] = model.get_weights()
    return weights
