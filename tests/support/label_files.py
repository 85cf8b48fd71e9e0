"""Label files in the forms of known datasets, all of the same faces."""

import numpy as np

from fer.datasets.faces import FaceDataset
from fer.datasets.readers.orders import PRESETS
from fer.datasets.readings import Reading
from fer.emotions import EMOTIONS
from tests.support.forms import SPLIT_NAMES, png, synthetic_faces, unanimous

DATASET = synthetic_faces(14, 7, 7)
NAMES = [f"{index:05d}.png" for index in range(len(DATASET))]
IMAGES = {name: png(image) for name, image in zip(NAMES, DATASET.images, strict=True)}
WORDS = [EMOTIONS[label] for label in DATASET.labels]
SPLITS = [SPLIT_NAMES[split] for split in DATASET.splits]
NUMBERS = {
    key: {label: number for number, label in reversed(list(order.labels.items()))} for key, order in PRESETS.items()
}


def lines(*rows: str) -> bytes:
    return "\n".join(rows).encode()


def in_numbers(key: str) -> list[int]:
    return [NUMBERS[key][label] for label in DATASET.labels]


GENERIC = lines("file,label,split", *map(",".join, zip(NAMES, WORDS, SPLITS, strict=True)))


def affectnet() -> dict[str, bytes]:
    files = {f"Manually_Annotated_Images/{index % 3}/{name}": IMAGES[name] for index, name in enumerate(NAMES)}
    header = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
    for split, name in enumerate(("training", "validation", "test")):
        rows = [
            f"{index % 3}/{NAMES[index]},1,2,40,41,3.1;4.5;6.0,{number},0.1,-0.2"
            for index, number in enumerate(in_numbers("affectnet"))
            if DATASET.splits[index] == split
        ]
        files[f"Manually_Annotated_file_lists/{name}.csv"] = lines(header, *rows)
    return files


def rafdb() -> dict[str, bytes]:
    starts = [f"{'test' if split == 2 else 'train'}_{index:05d}" for index, split in enumerate(DATASET.splits)]
    rows = [f"{start}.jpg {number}" for start, number in zip(starts, in_numbers("rafdb"), strict=True)]
    files = {f"basic/Image/aligned/{start}_aligned.jpg": IMAGES[n] for start, n in zip(starts, NAMES, strict=True)}
    return {**files, "basic/EmoLabel/list_patition_label.txt": lines(*rows)}


def ferplus() -> dict[str, bytes]:
    folders = ("FER2013Train", "FER2013Valid", "FER2013Test")
    files = {f"{folders[split]}/{name}": IMAGES[name] for split, name in zip(DATASET.splits, NAMES, strict=True)}
    votes = unanimous(DATASET)
    for split, folder in enumerate(folders):
        rows = [
            f'{NAMES[index]},"(0, 0, 48, 48)",{",".join(map(str, votes[index]))}'
            for index in np.flatnonzero(DATASET.splits == split)
        ]
        files[f"{folder}/label.csv"] = lines(*rows)
    return files


def same(reading: Reading, dataset: FaceDataset = DATASET) -> None:
    assert not reading.rejected
    assert reading.dataset.fingerprint == dataset.fingerprint
    np.testing.assert_array_equal(reading.dataset.counts(), dataset.counts())
