"""What identifies a training: its settings, the faces and models it learns from, and its seed.

The same training is recognised under other paths and on other machines, so it is never repeated.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from fer.datasets.faces import FaceDataset
from fer.datasets.store.loading import SYNTHETIC, load_dataset
from fer.recognition.bundle import load_bundle
from fer.runs.config import MODELS, TrainConfig
from fer.runs.making import clean_name, default_name
from fer.sweeps.grid import Point

# Settings that say which faces to load, and nothing else.
DATA_SETTINGS: Final = ("data", "votes", "labels", "corrections")
_DIGITS: Final = 32


@dataclass(frozen=True)
class Training:
    """One training of a sweep.

    Attributes:
        identity: 32 hexadecimal digits.
        name: the name of its run.
        config: its settings.
        needs: by setting, the digests of the faces or models that it names; nothing for synthetic faces.
    """

    identity: str
    name: str
    config: TrainConfig
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def seed(self) -> int:
        """Return its seed."""
        return self.config.seed


class Sources:
    """The faces and models that trainings learn from, loaded once each.

    Args:
        load: loads the faces that settings name.
    """

    def __init__(self, load: Callable[[TrainConfig], FaceDataset] | None = None) -> None:
        self._load = load or load_faces
        self._keys: dict[tuple[Any, ...], str] = {}
        self.datasets: dict[str, FaceDataset] = {}
        self.models: dict[str, Path] = {}

    def dataset(self, config: TrainConfig) -> str:
        """Return the digest of the faces that settings name.

        Raises:
            DatasetError: they can't be loaded.
        """
        chosen = tuple(getattr(config, name) for name in DATA_SETTINGS)
        if chosen not in self._keys:
            faces = self._load(config)
            key = digest_of(faces)
            self._keys[chosen] = key
            self.datasets[key] = faces
        return self._keys[chosen]

    def model(self, folder: str) -> str:
        """Return the digest of a model.

        Raises:
            BundleError: it is missing or damaged.
        """
        bundle = load_bundle(folder)
        key = _digest({"hash": bundle.hash, "files": bundle.files})
        self.models[key] = bundle.path
        return key


def load_faces(config: TrainConfig) -> FaceDataset:
    """Return the faces that settings name, all splits, as a run loads them.

    Raises:
        DatasetError: they can't be loaded.
    """
    votes = Path(config.votes) if config.votes else None
    return load_dataset(config.data, votes=votes, corrections=config.corrections, labels=config.labels)


def digest_of(dataset: FaceDataset) -> str:
    """Return what identifies faces to train on. Unlike their fingerprint, it covers order, splits and votes, too."""
    digest = hashlib.sha256()
    for array in (dataset.images, dataset.labels, dataset.splits, dataset.votes):
        digest.update(b"none" if array is None else np.ascontiguousarray(array).data)
    return digest.hexdigest()[:_DIGITS]


def trainings_of(point: Point, sources: Sources) -> list[Training]:
    """Return the trainings of one combination of values.

    Raises:
        DatasetError, BundleError: what they learn from can't be loaded.
    """
    return [_training(config, point.words, sources) for config in point.configs]


def _training(config: TrainConfig, words: str, sources: Sources) -> Training:
    data = sources.dataset(config)
    models = {name: tuple(sources.model(folder) for folder in getattr(config, name)) for name in MODELS}
    settings = {name: value for name, value in asdict(config).items() if name not in (*DATA_SETTINGS, *MODELS)}
    needs = {name: keys for name, keys in models.items() if keys}
    if config.data != SYNTHETIC:
        needs["data"] = (data,)
    # In a table of runs, what varies says more than the preset and what differs from that.
    name = clean_name(f"{words or default_name(replace(config, seed=0))}, seed {config.seed}")
    return Training(_digest({"settings": settings, "data": data, "models": models}), name, config, needs)


def _digest(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:_DIGITS]
