"""Small inputs for tests: a bundle whose answers are known, portraits, and pictures in many encodings."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from fer.recognition.bundle import Bundle, write_bundle
from fer.recognition.int8_copy import INT8_FILE, Int8Copy
from fer.vision.samples import sample_portrait


def make_bundle(folder: Path, *, sharpness: float = 4.0, **values: Any) -> Bundle:
    """Write a bundle that tells faces apart by their mean grey: darkest is 'angry' (0), brightest 'neutral' (6).

    The logit of class k is -sharpness * (6 * mean / 255 - k) ** 2; its map is the 8 x 8 pooled face (0..1) times k.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_onnx(brightness_model(sharpness), folder)
    (folder / "model.keras").write_bytes(b"not a real network")
    return write_bundle(replace(Bundle(path=folder), **values))


def make_int8_bundle(folder: Path, *, lost: float = 0.002, **values: Any) -> Bundle:
    """Write a bundle as `make_bundle` does, with an 'int8 copy' whose logits and temperature are half as large.

    It loses so much of the accuracy of 0.7 on the validation split.
    """
    bundle = make_bundle(folder, metrics={"validation": {"n": 100, "accuracy": 0.7}}, **values)
    onnx.save(brightness_model(2.0), str(folder / INT8_FILE))
    copy = Int8Copy(
        temperature=0.5, confidence_threshold=0.3, metrics={"validation": {"n": 100, "accuracy": 0.7 - lost}}
    )
    return write_bundle(replace(bundle, int8=copy))


def brightness_model(sharpness: float = 4.0) -> onnx.ModelProto:
    constants = {
        "to_class": np.array(6 / 255, np.float32),
        "to_unit": np.array(1 / 255, np.float32),
        "classes": np.arange(7, dtype=np.float32)[None],
        "minus_sharpness": np.array(-sharpness, np.float32),
        "spread": np.arange(7, dtype=np.float32).reshape(1, 1, 1, 7),
        "space": np.array([1, 2, 3], np.int64),
        "one_column": np.array([-1, 1], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "space"], ["mean4"], keepdims=1),
        helper.make_node("Reshape", ["mean4", "one_column"], ["mean"]),
        helper.make_node("Mul", ["mean", "to_class"], ["place"]),
        helper.make_node("Sub", ["place", "classes"], ["distance"]),
        helper.make_node("Mul", ["distance", "distance"], ["squared"]),
        helper.make_node("Mul", ["squared", "minus_sharpness"], ["logits"]),
        helper.make_node("Transpose", ["pixels"], ["channels_first"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["channels_first"], ["pooled"], kernel_shape=[6, 6], strides=[6, 6]),
        helper.make_node("Transpose", ["pooled"], ["channels_last"], perm=[0, 2, 3, 1]),
        helper.make_node("Mul", ["channels_last", "to_unit"], ["unit"]),
        helper.make_node("Mul", ["unit", "spread"], ["maps"]),
    ]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", 48, 48, 1])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 7]),
            helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["N", 8, 8, 7]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model


def save_onnx(model: onnx.ModelProto, folder: Path) -> Path:
    file = folder / "model.onnx"
    onnx.save(model, str(file))
    return file


def faces_of(*grays: int) -> np.ndarray:
    """Return crops of one grey each, (N, 48, 48, 1) uint8; `make_bundle`'s model sees class 6 * grey / 255."""
    return np.repeat(np.array(grays, np.uint8), 48 * 48).reshape(-1, 48, 48, 1)


def portrait_bgr() -> np.ndarray:
    """Return the sample portrait with its one face, (512, 512, 3) BGR uint8."""
    return cv2.imdecode(np.frombuffer(sample_portrait(), np.uint8), cv2.IMREAD_COLOR)


def group_bgr(columns: int = 4, rows: int = 3, side: int = 160) -> np.ndarray:
    """Return an image of `columns * rows` portraits of `side` pixels; a face is about a fifth of that wide."""
    small = cv2.resize(portrait_bgr(), (side, side), interpolation=cv2.INTER_AREA)
    return np.tile(small, (rows, columns, 1))


def encoded(image: Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    """Return a Pillow image as the bytes of a file."""
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()
