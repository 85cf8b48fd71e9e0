"""Small datasets of synthetic faces in the formats in which people have FER-2013."""

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from fer.datasets.doctor.crowd import EMOTION_COLUMNS
from fer.datasets.faces import VOTE_COLUMNS, FaceDataset
from fer.datasets.synthetic import make_synthetic
from fer.emotions import EMOTIONS

USAGES = ("Training", "PublicTest", "PrivateTest")
SPLIT_NAMES = ("train", "validation", "test")


def synthetic_faces(n_train: int = 28, n_validation: int = 7, n_test: int = 7, seed: int = 0) -> FaceDataset:
    """Return a few synthetic faces; the default has every class in every split."""
    return make_synthetic(n_train, n_validation, n_test, seed)


def csv_lines(dataset: FaceDataset) -> list[str]:
    """Return the header and a line per face, with Kaggle's order of columns."""
    rows = zip(dataset.images, dataset.labels, dataset.splits, strict=True)
    return [
        "emotion,pixels,Usage",
        *(f"{label},{' '.join(map(str, image.ravel()))},{USAGES[split]}" for image, label, split in rows),
    ]


def icml_lines(dataset: FaceDataset) -> list[str]:
    """Return the same with the columns of icml_face_data.csv, including their leading spaces."""
    lines = [line.split(",") for line in csv_lines(dataset)[1:]]
    return ["emotion, Usage, pixels", *(f"{label},{usage},{pixels}" for label, pixels, usage in lines)]


def unanimous(dataset: FaceDataset) -> np.ndarray:
    """Return votes (N, 10) in which all ten people agree with the label."""
    votes = np.zeros((len(dataset), len(VOTE_COLUMNS)), np.uint8)
    votes[np.arange(len(dataset)), np.array(EMOTION_COLUMNS)[dataset.labels]] = 10
    return votes


def votes_lines(dataset: FaceDataset, votes: np.ndarray | None = None) -> list[str]:
    rows = unanimous(dataset) if votes is None else votes
    return [
        "Usage,Image name," + ",".join(VOTE_COLUMNS),
        *(
            f"{USAGES[split]},fer{index:07d}.png,{','.join(map(str, row))}"
            for index, (split, row) in enumerate(zip(dataset.splits, rows, strict=True))
        ),
    ]


def write_lines(path: Path, lines: Sequence[str], end: str = "\n") -> Path:
    path.write_bytes((end.join(lines) + end).encode())
    return path


def image_files(dataset: FaceDataset, classes: Sequence[str] = EMOTIONS, prefix: str = "") -> dict[str, bytes]:
    """Return PNG bytes by path, such as train/happy/00003.png."""
    rows = enumerate(zip(dataset.images, dataset.labels, dataset.splits, strict=True))
    return {
        f"{prefix}{SPLIT_NAMES[split]}/{classes[label]}/{index:05d}.png": png(image)
        for index, (image, label, split) in rows
    }


def png(image: np.ndarray) -> bytes:
    return encoded(Image.fromarray(image), "PNG")


def encoded(image: Image.Image, form: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form)
    return stream.getvalue()


def write_files(root: Path, files: Mapping[str, bytes]) -> Path:
    """Write files by their path below `root`."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def zip_bytes(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def plus(dataset: FaceDataset, image: np.ndarray, label: int, split: int = 0) -> FaceDataset:
    """Return the dataset with one more image at its end."""
    return replace(
        dataset,
        images=np.concatenate([dataset.images, image[None].astype(np.uint8)]),
        labels=np.append(dataset.labels, label),
        splits=np.append(dataset.splits, np.uint8(split)),
    )


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below a folder, by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def tar_bytes(files: Mapping[str, bytes]) -> bytes:
    """Return a tar of files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def npz_bytes(**arrays: np.ndarray) -> bytes:
    """Return a compressed npz of arrays."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def parquet_bytes(dataset: FaceDataset, names: list[str] | None = None, **columns: list[str]) -> bytes:
    """Return a parquet file in the layout of Hugging Face; with `names`, the schema names the classes."""
    table = pa.table(
        {
            "image": [{"bytes": png(image), "path": f"{index}.png"} for index, image in enumerate(dataset.images)],
            "label": dataset.labels.tolist(),
            **columns,
        }
    )
    if names is not None:
        features = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(features)})
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue()


def packed_table(tmp_path: Path, table: Path) -> Path:
    """Write a tgz of a table, called fer2013.csv in it."""
    path = tmp_path / "faces.tgz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(table, "fer2013.csv")
    return path
