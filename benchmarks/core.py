"""Measure the speed of the core and the size of the app: `python -m benchmarks.core` prints a table.

The two sides of a row take turns, so that other load on the machine affects both; a row shows the ratio of their
medians. 'Desktop script' stands for a common webcam script: decode, Haar at full size with 1.3 / 5, and one Keras
`predict` per face. Both sides use the same network, the `model.keras` and `model.onnx` of one bundle. The last rows
compare networks.

The rows about the app need Chromium and pytest-playwright (requirements-dev.txt). The exit code is 1 if a measurement
misses its target.
"""

import io
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import cv2
import numpy as np
import psutil
from PIL import Image as PILImage
from rich.console import Console
from rich.table import Table

from benchmarks.turns import Timing, alternate
from fer.arrays import SIDE
from fer.datasets.synthetic import make_synthetic
from fer.paths import SHIPPED_BUNDLE
from fer.recognition.analyzer import FaceAnalyzer
from fer.recognition.bundle import KERAS_FILE, Bundle, load_bundle, write_bundle
from fer.recognition.classifier import EmotionClassifier
from fer.recognition.speed import MANY
from fer.recognition.weights import AUTO, VARIABLE, bundle_to_serve, known_speeds, wanted_weights
from fer.text import MB
from fer.vision import images
from fer.vision.detection import create_detector, photo_detector_name
from fer.vision.photos import PHOTO_SIDE as ONE_PASS_SIDE
from fer.vision.samples import sample_portrait

PHOTO_SIDE: Final = 1280
MAX_APP_MB: Final = 400


def photo(side: int = PHOTO_SIDE) -> bytes:
    """Return a JPEG of `side` x `side` pixels with one face: the enlarged sample portrait."""
    portrait = images.decode(sample_portrait())
    return images.encode_jpeg(np.asarray(cv2.resize(portrait, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8))


def keras_logits(network: Any, crops: np.ndarray) -> np.ndarray:
    """Return the logits (N, 7) that Keras `predict` computes for crops (N, 48, 48, 1) uint8."""
    scores = network.predict(crops, verbose=0)
    return np.asarray(scores["logits"] if isinstance(scores, dict) else scores)


def desktop_script(network: Any) -> Callable[[bytes], list[int]]:
    """Return a function from a photo's bytes to the classes of its faces, as a desktop script computes them."""
    cascade = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"))  # type: ignore[attr-defined]

    def analyze(data: bytes) -> list[int]:
        frame = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert frame is not None
        gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        labels = []
        for x, y, width, height in cascade.detectMultiScale(gray, scaleFactor=1.3, minNeighbors=5):
            face = cv2.resize(gray[y : y + height, x : x + width], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
            labels.append(int(keras_logits(network, face[None, ..., None]).argmax()))
        return labels

    return analyze


def compare(bundle_path: Path, rounds: int) -> list[Timing]:
    """Return the rows that compare ONNX Runtime with Keras `predict`, and our analysis of a photo with a script's."""
    bundle = load_bundle(bundle_path)
    classifier = EmotionClassifier(bundle)
    analyzer = FaceAnalyzer(create_detector(photo_detector_name()), classifier)
    # Imported late, because the app that is measured never imports it.
    import keras

    network = keras.models.load_model(bundle.path / KERAS_FILE, compile=False)
    face = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 1), dtype=np.uint8)
    difference = np.abs(keras_logits(network, face) - classifier.logits(face)).max()
    if not difference < 1e-3:
        raise click.ClickException(
            f"The two files of the bundle aren't the same network; their logits differ by {difference}."
        )
    data, desktop = photo(), desktop_script(network)
    found = len(analyzer.analyze_bytes(data, "photo").faces), len(desktop(data))
    if min(found) < 1:
        raise click.ClickException(
            f"Expected both ways to find the face in the photo. Received: {found[0]} and {found[1]} faces."
        )
    return [
        alternate(
            "one face: classifier / Keras predict",
            lambda: classifier.probabilities(face),
            lambda: keras_logits(network, face),
            rounds,
            wanted=10,
        ),
        alternate(
            f"photo of {PHOTO_SIDE} px to result: ours ({found[0]} face) / desktop script ({found[1]})",
            lambda: analyzer.analyze_bytes(data, "photo"),
            lambda: desktop(data),
            rounds,
            wanted=3,
        ),
    ]


def scenes() -> Iterator[tuple[str, bytes]]:
    """Yield photos of four sizes as JPEGs, with four faces in a row and with none, and what they are."""
    portrait = images.decode(sample_portrait())
    coarse = np.random.default_rng(0).integers(60, 160, (30, 40, 3)).astype(np.uint8)
    for megapixels, width, height in ((0.3, 640, 480), (1.3, 1280, 1024), (12, 4000, 3000), (48, 8000, 6000)):
        scene = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
        yield f"{megapixels:g} megapixels, no face", images.encode_jpeg(scene)
        side = min(len(portrait), width // 4)
        small = np.asarray(cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
        for x in range(0, width - side + 1, width // 4):
            scene[:side, x : x + side] = small
        yield f"{megapixels:g} megapixels, four faces", images.encode_jpeg(scene)


def compare_photos(bundle_path: Path, rounds: int) -> list[Timing]:
    """Return the rows that compare our analysis of a photo with one pass over what Pillow decodes."""
    classifier = EmotionClassifier(load_bundle(bundle_path))
    name = photo_detector_name()
    thorough = FaceAnalyzer(create_detector(name), classifier)
    once = FaceAnalyzer(create_detector(name, side=ONE_PASS_SIDE), classifier)

    def simply(data: bytes) -> None:
        with PILImage.open(io.BytesIO(data)) as opened:
            once.analyze(np.ascontiguousarray(np.asarray(opened.convert("RGB"))[..., ::-1]))

    return [
        alternate(
            f"{what}: ours / Pillow and one pass at {ONE_PASS_SIDE}",
            lambda data=data: thorough.analyze_bytes(data, "photo"),  # type: ignore[misc]
            lambda data=data: simply(data),  # type: ignore[misc]
            rounds,
        )
        for what, data in scenes()
    ]


def compare_networks(bundle_path: Path, rounds: int) -> list[Timing]:
    """Return the rows that compare the network with its int8 copy, if it has one, and with the desktop script's."""
    from fer.training.export import export_network, serving_network
    from fer.training.networks import build_network

    bundle = load_bundle(bundle_path)
    float32, faces = EmotionClassifier(bundle), make_synthetic().images[:MANY, ..., None]
    rows = []
    if bundle.int8 is not None:
        int8 = EmotionClassifier(bundle.with_int8_served())
        for what, some in (("one face", faces[:1]), (f"{MANY} faces", faces)):
            rows.append(_networks(f"{what}: int8 copy / float32", int8, float32, some, 5 * rounds // len(some) + 20))
    with tempfile.TemporaryDirectory() as folder:
        # Its weights are random, which doesn't change its time.
        export_network(serving_network("baseline", build_network("baseline").get_weights()), Path(folder))
        script = EmotionClassifier(write_bundle(Bundle(path=Path(folder))))
        rows.append(
            _networks("one face: float32 / the desktop script's network", float32, script, faces[:1], 5 * rounds)
        )
    return rows


def _networks(what: str, ours: EmotionClassifier, theirs: EmotionClassifier, faces: Any, rounds: int) -> Timing:
    return alternate(what, lambda: ours.logits(faces), lambda: theirs.logits(faces), rounds)


def chosen_weights(bundle_path: Path) -> str:
    """Return which weights this computer serves, and the measurement by which it chose them."""
    served, bundle = bundle_to_serve(bundle_path), load_bundle(bundle_path)
    if wanted_weights() != AUTO:
        return f"{served.weights}, because {VARIABLE} says so"
    speeds = known_speeds(bundle) if bundle.int8 else None
    return f"{served.weights}. {speeds.text}" if speeds else f"{served.weights}, without a measurement"


@dataclass(frozen=True)
class AppMeasurements:
    """Seconds since the process started, and its memory in MB after it has analysed a photo."""

    answers_s: float
    first_result_s: float
    rss_mb: float
    tensorflow: bool

    @property
    def small(self) -> bool:
        """Return whether its memory is below the limit."""
        return self.rss_mb < MAX_APP_MB


def measure_app() -> AppMeasurements:
    """Start the app, analyse the sample portrait in a browser, and measure the app's process."""
    from playwright.sync_api import sync_playwright

    from tests.support.browser import MISSING, find_browser
    from tests.support.serving import running_app

    browser_path = find_browser()
    if browser_path is None:
        raise click.ClickException(MISSING)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path)
        page = browser.new_page()
        page.set_default_timeout(60_000)
        start = time.perf_counter()
        with running_app(Path(folder), Path(folder) / "server.log") as server:
            answers_s = time.perf_counter() - start
            page.goto(f"{server.url}/Upload")
            page.get_by_role("radio", name="Try a sample").click()
            page.get_by_role("button", name="Analyse the sample").click()
            page.get_by_text("Face 1", exact=False).first.wait_for()
            first_result_s = time.perf_counter() - start
            process = psutil.Process(server.pid)
            loaded = any("/tensorflow/" in part.path for part in process.memory_maps())
            measured = AppMeasurements(answers_s, first_result_s, process.memory_info().rss / MB, loaded)
        browser.close()
    return measured


def _table(timings: list[Timing], app: AppMeasurements | None, why_not: str) -> Table:
    table = Table("what", "ours", "theirs", "ratio", "wanted", "", title=f"{os.cpu_count()} cores")
    for timing in timings:
        table.add_row(
            timing.what,
            f"{timing.ours_ms:.2f} ms",
            f"{timing.theirs_ms:.2f} ms",
            f"{timing.ratio:.2f}",
            *(("", "") if timing.wanted is None else (f">= {timing.wanted:g}", "ok" if timing.good else "MISSED")),
        )
    if app is None:
        table.add_row("app", f"not measured: {why_not}")
        return table
    table.add_row("app: seconds to the first answer", f"{app.answers_s:.1f} s")
    table.add_row("app: seconds to the first result on a page", f"{app.first_result_s:.1f} s")
    table.add_row(
        "app: memory after a photo",
        *(f"{app.rss_mb:.0f} MB", "", "", f"< {MAX_APP_MB}", "ok" if app.small else "MISSED"),
    )
    table.add_row("app: TensorFlow loaded", str(app.tensorflow), "", "", "False", "MISSED" if app.tensorflow else "ok")
    return table


@click.command()
@click.option("--model", type=click.Path(path_type=Path), default=SHIPPED_BUNDLE, help="A model bundle's folder")
@click.option("--rounds", default=40, show_default=True, help="Number of turns of each row")
@click.option("--app/--no-app", default=True, help="Measure the app in a browser as well")
def main(model: Path, rounds: int, app: bool) -> None:
    """Compare the core with Keras and a desktop script, and measure the app's start and memory."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    measured, why_not = None, "--no-app"
    if app:
        try:
            measured = measure_app()
        except (ImportError, click.ClickException) as error:
            why_not = str(error)
    timings = [*compare(model, rounds), *compare_photos(model, rounds), *compare_networks(model, rounds)]
    Console().print(_table(timings, measured, why_not))
    Console().print(f"Served on this computer: {chosen_weights(model)}", highlight=False)
    if not all(timing.good for timing in timings) or (measured and (measured.tensorflow or not measured.small)):
        sys.exit(1)


if __name__ == "__main__":
    main()
