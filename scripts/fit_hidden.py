"""Fit the small network that recognises hidden halves of faces, and write its weights to `fer/vision/hidden.npz`.

python -m scripts.fit_hidden DATA

It learns from 6,000 faces of Training that no confidence is fitted on, with and without patterns over a half of them.
Neither labels nor a classifier are used, so that a new model needs no new fit. Fit the confidence of the shipped model
again afterwards, with `python -m scripts.ship_model --confidence`.
"""

import sys
from dataclasses import replace
from typing import Final

import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer.arrays import SIDE, Floats, Images
from fer.datasets.faces import FaceDataset
from fer.evaluation.robustness import COVERS, LOWER_COVERS, STRENGTHS, TRANSFORMS, Transform, corrupt
from fer.paths import SHIPPED_BUNDLE
from fer.runs.config import TrainConfig
from fer.training.run_data import load_data, split_parts
from fer.vision.hidden import FILE, inputs, network
from fer.vision.quality import MEASURES, measure

FACES, UNDER_EACH_COVER, UNDER_EACH_FAULT = 6000, 2000, 150
HIDDEN_UNITS: Final = 16
# Halves without detail are neither examples of a cover nor of its absence: `cover` measures them.
PLAIN: Final = ("covered", "lower_white", "left_black", "upper_grey")
PATTERNED: Final = (*COVERS, *LOWER_COVERS)
FAULTS: Final = tuple(item for item in (*TRANSFORMS, *STRENGTHS) if item.name not in (*PLAIN, "patterned"))
LIMIT: Final = next(item.limit for item in MEASURES if item.name == "hidden")
_NAMES: Final = [item.name for item in MEASURES]


def main(arguments: list[str]) -> None:
    """Fit the network on the dataset that is named, and write it."""
    if len(arguments) != 1:
        sys.exit("Expected one dataset, such as data/fer2013.csv.")
    config = TrainConfig.from_json((SHIPPED_BUNDLE / "config.json").read_text(encoding="utf-8"))
    config = replace(config, data=arguments[0], votes=None, votes_weight=0.0)
    parts = split_parts(load_data(config), config)
    rows = np.random.default_rng(1).choice(len(parts.train), min(FACES, len(parts.train)), replace=False)
    write(*fit(parts.train.take(rows)))
    clean = hidden_of(parts.validation.images)
    sys.stdout.write(f"98 of 100 clean faces stay below {np.quantile(clean, 0.98):.2f}.\n")
    for item in PATTERNED:
        sys.stdout.write(f"{item.label}: {(hidden_of(corrupt(parts.validation, item).images) > LIMIT).mean():.3f}\n")


def fit(faces: FaceDataset) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the weights of `fer.vision.hidden`, (82, H), (H,), (H,) and (), fitted on faces without covers."""

    def under(items: tuple[Transform, ...], n: int) -> list[Floats]:
        # Each from another place on, so that every face is used.
        starts = range(0, len(items) * n, n)
        taken = [np.arange(start, start + n) % len(faces) for start in starts]
        return [seen(corrupt(faces.take(rows), item).images) for item, rows in zip(items, taken, strict=True)]

    free = np.concatenate([seen(faces.images), *under(FAULTS, UNDER_EACH_FAULT)])
    covered = np.concatenate(under(PATTERNED, UNDER_EACH_COVER))
    classifier = MLPClassifier((HIDDEN_UNITS,), alpha=0.01, batch_size=256, max_iter=25, random_state=0)
    fitted = make_pipeline(StandardScaler(), classifier)
    fitted.fit(np.concatenate([free, covered]), np.repeat([0, 1], [len(free), len(covered)]))
    scaler = fitted[0]
    (first, second), (offsets, offset) = classifier.coefs_, classifier.intercepts_
    first = first / scaler.scale_[:, None]
    return first, offsets - scaler.mean_ @ first, second[:, 0], offset[0]


def seen(images: Images) -> Floats:
    """Return what the network sees of faces and of their mirror images, (2 N, 82) float32."""
    return np.concatenate([_inputs(images), _inputs(np.ascontiguousarray(images[:, :, ::-1]))])


def _inputs(images: Images) -> Floats:
    measures = measure(images)
    cover, blocks = (measures[:, _NAMES.index(name)] for name in ("cover", "blocks"))
    return inputs(images.reshape(-1, SIDE, SIDE).astype(np.float32), cover, blocks)


def hidden_of(images: Images) -> Floats:
    """Return the measure `hidden` of faces, (N,) float32."""
    return measure(images)[:, _NAMES.index("hidden")]


def write(first: Floats, offsets: Floats, second: Floats, offset: Floats) -> None:
    """Write the weights as float32, and use them from now on."""
    arrays = {"first": first, "offsets": offsets, "second": second, "offset": offset}
    np.savez(FILE, **{name: np.asarray(value, np.float32) for name, value in arrays.items()})  # type: ignore[arg-type]
    network.cache_clear()


if __name__ == "__main__":
    main(sys.argv[1:])
