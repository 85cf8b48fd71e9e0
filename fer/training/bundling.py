"""Turn the best epoch's weights into a calibrated and measured bundle at the end of a run."""

import importlib.metadata
import platform
import shutil
import sys
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt

from fer import __version__
from fer.datasets.faces import FaceDataset
from fer.errors import ExportError
from fer.recognition.bundle import Bundle, load_bundle, write_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.runs.config import TrainConfig
from fer.runs.layout import BUNDLE as BUNDLE_FOLDER
from fer.runs.layout import CONFIG
from fer.storage.files import PART, replace_folder
from fer.storage.processes import run_to_end
from fer.training.calibrating import calibrate, with_confidence
from fer.training.export import export_network, serving_network
from fer.training.networks import cost
from fer.training.run_data import Parts, load_data, split_parts

BEST_WEIGHTS: Final = "best.npz"
_LIBRARIES: Final = ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime", "numpy", "opencv-python-headless")


def bundle_run(folder: Path, config: TrainConfig, dataset: FaceDataset) -> Bundle:
    """Write `bundle/` in a run's folder from the best epoch's weights there.

    Everything about its confidence is fitted on the held-out part of the training images. Without one, the temperature
    stays 1, the threshold is fitted on the validation split, which also chose the epoch, and there is no more.

    Args:
        folder: the run's folder, with `BEST_WEIGHTS`.
        config: the run's settings.
        dataset: all splits of the run's data.

    Raises:
        ExportError: the outputs of the ONNX model differ from the network's.
    """
    if keras.config.backend() != "tensorflow":
        return _in_tensorflow(folder)
    parts = split_parts(dataset, config)
    network = serving_network(config.network, load_weights(folder / BEST_WEIGHTS), fear_offset=config.fear_offset)
    # Written elsewhere and renamed when complete: the previous model of a resumed run stays usable meanwhile.
    target = folder / f".{BUNDLE_FOLDER}{PART}"
    shutil.rmtree(target, ignore_errors=True)
    difference = export_network(network, target)
    network_cost = cost(network)
    description: dict[str, Any] = {
        "network": {
            "name": config.network,
            "parameters": network_cost.parameters,
            "multiply_adds": network_cost.multiply_adds,
            "onnx_max_difference": difference,
        },
        "data": _describe_data(dataset, parts),
        "versions": _versions(),
    }
    plain = EmotionClassifier(write_bundle(Bundle(path=target, **description)))
    with_confidence(plain.bundle, *calibrate(plain, parts), dataset, parts)
    replace_folder(target, folder / BUNDLE_FOLDER)
    return load_bundle(folder / BUNDLE_FOLDER)


def load_weights(path: Path) -> list[npt.NDArray[np.float32]]:
    """Return the weights in a file of `numpy.savez`, in the order of `Model.get_weights()`."""
    with np.load(path) as stored:
        return [stored[name] for name in stored.files]


def _describe_data(dataset: FaceDataset, parts: Parts) -> dict[str, Any]:
    splits = {name: len(dataset.split(name)) for name in dataset.split_names()}
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        # By which the faces that chose the model are recognised, whatever else was imported with them.
        "validation_fingerprint": parts.validation.fingerprint,
        "synthetic": dataset.synthetic,
        "votes": dataset.votes is not None,
        "splits": splits,
        "trained_on": len(parts.train),
        "calibrated_on": 0 if parts.calibration is None else len(parts.calibration),
    }


def _versions() -> dict[str, str]:
    return {
        "fer": __version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in _LIBRARIES},
    }


def _in_tensorflow(folder: Path) -> Bundle:
    """Export in a child process with the TensorFlow backend, the only one that can export to ONNX."""
    variables = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = run_to_end([sys.executable, "-m", "fer.training.bundling", str(folder)], variables=variables)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ExportError(f"The export on the TensorFlow backend failed: {last}. The weights are kept in '{folder}'.")
    return load_bundle(folder / BUNDLE_FOLDER)


def main() -> None:
    """Bundle the run in the folder given as the only argument."""
    folder = Path(sys.argv[1])
    config = TrainConfig.from_json((folder / CONFIG).read_text(encoding="utf-8"))
    bundle_run(folder, config, load_data(config))


if __name__ == "__main__":
    main()
