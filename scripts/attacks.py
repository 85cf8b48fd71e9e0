"""The attack corpus: malicious inputs of four kinds, each followed by mutations that depend on a seed."""

import hashlib
import io
import json
import random
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from fer import paths
from fer.datasets.store import catalog
from fer.datasets.store.importing import import_uploads
from fer.recognition.bundle import load_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.runs.bundle_check import try_model
from fer.runs.graph_check import check_graph
from fer.vision import images
from fer.vision.samples import sample_portrait
from tests.support import forms, state_files
from tests.support.builders import brightness_model, make_bundle
from tests.support.hostile_models import REFUSED

_FORMATS: Final = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "PPM")
_HEIC_PHOTOS: Final = paths.CHECKOUT / "tests" / "vision" / "pictures"
_INTERESTING: Final = (0x00, 0x01, 0x7F, 0x80, 0xFF)
_ESCAPED: Final = "escaped.png"


class Leak(Exception):  # noqa: N818 (it is a finding)
    """An attack succeeded in doing something forbidden."""


@dataclass(frozen=True)
class Attack:
    """An input and what it is."""

    name: str
    data: bytes


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Return a file with one to eight changes: bytes, lengths, a part that is cut out, doubled or put elsewhere."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        if not changed:
            break
        place = rng.randrange(len(changed))
        end = min(len(changed), place + rng.choice((1, 4, 16, 256, len(changed))))
        match rng.randrange(6):
            case 0:
                changed[place] ^= 1 << rng.randrange(8)
            case 1:
                changed[place] = rng.choice(_INTERESTING)
            case 2:
                changed[place : place + 4] = rng.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"))
            case 3:
                del changed[place:end]
            case 4:
                changed[place:place] = changed[place:end] * rng.randint(1, 4)
            case _:
                other = rng.randrange(len(changed))
                changed[other:other] = changed[place:end]
    return bytes(changed[:20_000_000])


def _with_mutations(whole: list[Attack], rng: random.Random) -> Iterator[Attack]:
    """Yield the crafted inputs, then endless mutations of them."""
    yield from whole
    number = 0
    while True:
        number += 1
        base = rng.choice(whole)
        yield Attack(f"mutation {number} of {base.name}", mutated(base.data, rng))


def pictures(rng: random.Random) -> Iterator[Attack]:
    """Yield images in every format, some with false sizes."""
    portrait = Image.open(io.BytesIO(sample_portrait())).resize((96, 96))
    whole = []
    for file_format in _FORMATS:
        for mode in ("RGB", "L", "P", "CMYK", "I;16", "F"):
            stream = io.BytesIO()
            try:
                portrait.convert("RGB").convert("L" if mode in ("I;16", "F") else mode).convert(mode).save(
                    stream, file_format
                )
            except (OSError, ValueError, KeyError):
                continue
            whole.append(Attack(f"{file_format} {mode}", stream.getvalue()))
    # Nothing here writes HEIC.
    whole += [Attack(photo.name, photo.read_bytes()) for photo in sorted(_HEIC_PHOTOS.glob("*.heic"))]
    for width, height in ((1, 65_000), (65_000, 1), (7_999, 7_999)):
        stream = io.BytesIO()
        Image.new("1", (width, height)).save(stream, "PNG")
        whole.append(Attack(f"PNG of {width} x {height}", stream.getvalue()))
    progressive = io.BytesIO()
    portrait.convert("RGB").save(progressive, "JPEG", progressive=True)
    whole.append(Attack("JPEG with 3,000 scans", _with_scans(progressive.getvalue(), 3_000)))
    return _with_mutations(whole, rng)


def _with_scans(data: bytes, count: int) -> bytes:
    """Repeat the last scan of a progressive JPEG."""
    start = data.rindex(b"\xff\xda")
    return data[:start] + data[start:-2] * count + b"\xff\xd9"


def decode(data: bytes) -> None:
    """Decode an image like a dropped photo."""
    image = images.decode(data)
    if image.dtype != np.uint8 or image.ndim != 3:
        raise Leak(f"a picture is {image.dtype} {image.shape}")


def archives(rng: random.Random) -> Iterator[Attack]:
    """Yield datasets as CSV, zip and tar, with paths that leave the folder, and bombs."""
    faces = forms.synthetic_faces(14, 7, 7)
    files = forms.image_files(faces)
    csv = ("\n".join(forms.csv_lines(faces)) + "\n").encode()
    image = next(iter(files.values()))
    out = {f"../../{_ESCAPED}": image, f"/{_ESCAPED}": image, f"train/happy/../../../../{_ESCAPED}": image}
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fer2013.csv", b"emotion,pixels,Usage\n" + b"0," * 100_000_000)
    whole = [
        Attack("fer2013.csv", csv),
        Attack("folders.zip", forms.zip_bytes(files)),
        Attack("csv.zip", forms.zip_bytes({"fer2013.csv": csv})),
        Attack("out.zip", forms.zip_bytes(files | out)),
        Attack("bomb.zip", bomb.getvalue()),
        Attack("nested.zip", forms.zip_bytes({"train/happy/1.zip": forms.zip_bytes(files)})),
        Attack("link.tar.gz", _tar_with_links(image)),
        Attack("many.zip", forms.zip_bytes({f"train/happy/{number}.png": b"" for number in range(20_000)})),
    ]
    for attack in _with_mutations(whole, rng):
        suffix = attack.name.rpartition(" of ")[2]
        yield Attack(suffix, attack.data)


def _tar_with_links(image: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, target in (("train", "/etc"), ("train/happy/1.png", "/etc/passwd")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
        entry = tarfile.TarInfo(f"../../{_ESCAPED}")
        entry.size = len(image)
        archive.addfile(entry, io.BytesIO(image))
    return stream.getvalue()


def import_dataset(name: str, data: bytes) -> None:
    """Import a dataset like an upload on the Data page, and check that it writes nowhere else."""
    before = {path for path in paths.home().rglob("*") if "data" not in path.parts}
    try:
        info = import_uploads({name: io.BytesIO(data)}, name="attack")
        catalog.open_dataset(info.name)
        catalog.delete_dataset(info.name)
    finally:
        outside = [path for path in paths.home().rglob("*") if "data" not in path.parts and path not in before]
        above = [place / _ESCAPED for place in (Path("/"), *paths.home().parents) if (place / _ESCAPED).exists()]
        if outside or above:
            raise Leak(f"files outside the dataset: {[*outside, *above][:3]}")
        left = [path.name for path in paths.data_dir().glob("[!.]*")] if paths.data_dir().is_dir() else []
        if left:
            raise Leak(f"half an import is left: {left}")


def models(rng: random.Random) -> Iterator[Attack]:
    """Yield malicious ONNX files, and the shipped one."""
    whole = []
    for name, (change, _) in REFUSED.items():
        model = brightness_model()
        change(model)
        whole.append(Attack(name, model.SerializeToString()))
    small = [attack for attack in whole if len(attack.data) < 1_000_000]
    good = [
        Attack("the brightness model", brightness_model().SerializeToString()),
        Attack("the shipped model", (paths.SHIPPED_BUNDLE / "model.onnx").read_bytes()),
    ]
    yield from whole
    yield from _with_mutations([*good, *small], rng)


def check_model(data: bytes) -> None:
    """Check a model like an import."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make_bundle(folder)
        (folder / "model.onnx").write_bytes(data)
        values = json.loads((folder / "bundle.json").read_text())
        values["files"] = {"model.onnx": {"sha256": hashlib.sha256(data).hexdigest()}}
        (folder / "bundle.json").write_text(json.dumps(values))
        check_graph(folder / "model.onnx")
        try_model(EmotionClassifier(load_bundle(folder)))


def states(rng: random.Random) -> Iterator[Attack]:
    """Yield state files with odd values; each has the name of its file below FER_HOME."""
    files = state_files.write_state()
    home = paths.home()
    for file in files:
        for kind, data in state_files.RAW.items():
            yield Attack(f"{file.relative_to(home)} | {kind}", data)
    while True:
        file = rng.choice(files)
        text = file.read_text()
        if file.suffix == ".json" and rng.random() < 0.8:
            place = rng.choice([(), *state_files.leaves(json.loads(text))])
            data = state_files.replaced(text, place, rng.choice(state_files.ODD)).encode()
            yield Attack(f"{file.relative_to(home)} | {place}", data)
        else:
            yield Attack(f"{file.relative_to(home)} | mutation", mutated(text.encode(), rng))


def read_state(name: str, data: bytes) -> None:
    """Put a state file in place, read everything, and put the old one back."""
    file = paths.home() / name.partition(" | ")[0]
    before = file.read_bytes()
    try:
        file.write_bytes(data)
        faults = state_files.read_all()
    finally:
        file.write_bytes(before)
    if faults:
        raise Leak(faults[0])


@dataclass(frozen=True)
class Kind:
    """A kind of attack.

    Attributes:
        make: yields endless attacks from a random generator.
        run: processes one as the program does, by its name and data.
        seconds: time limit of one on a busy machine.
    """

    make: Callable[[random.Random], Iterator[Attack]]
    run: Callable[[Attack], None]
    seconds: float


KINDS: Final = {
    "pictures": Kind(pictures, lambda attack: decode(attack.data), 20),
    "archives": Kind(archives, lambda attack: import_dataset(attack.name, attack.data), 60),
    "models": Kind(models, lambda attack: check_model(attack.data), 60),
    "state": Kind(states, lambda attack: read_state(attack.name, attack.data), 30),
}
