"""Measure the speed of videos: `python -m benchmarks.video`.

`--long` takes ten minutes of 1080p for speed, and an hour of video for memory.

Every row is a multiple of real time: seconds of video per second. The rows take turns with a desktop script's loop on
the same file: OpenCV's VideoCapture, Haar at full size with 1.3 / 5 on every frame, one Keras `predict` per face with
the same network, drawing. It runs in its own process, because TensorFlow's threads would affect the others.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import av
import click
import cv2
import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from fer.arrays import SIDE
from fer.paths import CHECKOUT, SHIPPED_BUNDLE
from fer.recognition.bundle import KERAS_FILE, load_bundle
from fer.recognition.provenance import provenance_of
from fer.text import MB
from fer.video.analysis import VideoAnalysis, VideoOptions, video_model
from fer.video.annotated import Annotated
from fer.video.processing import process
from fer.video.writers import CsvWriter
from fer.vision.images import decode
from fer.vision.samples import sample_portrait

_RATE: Final = 30
_ROUNDS: Final = 3
_MINUTES: Final = 60
# Frames of the script, and before it is timed.
_SCRIPT_FRAMES, _WARM_UP = 60, 5


def write_clip(path: Path, width: int, height: int, seconds: float, n_faces: int) -> float:
    """Write a clip in which portraits move sideways, and return its length in seconds."""
    portrait = decode(sample_portrait())
    side = round(height * (0.8 if n_faces == 1 else 0.45))
    small = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    room = width // (1 if n_faces == 1 else 2) - side
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=_RATE, options={"preset": "veryfast"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(round(seconds * _RATE)):
            picture = np.full((height, width, 3), 90, np.uint8)
            for face in range(n_faces):
                left = face % 2 * width // 2 + round(room * (0.5 + 0.4 * np.sin(index / 20 + face)))
                top = face // 2 * height // 2
                picture[top : top + side, left : left + side] = small
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = index
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return seconds


def analysis(path: Path, copy: Path | None = None) -> Callable[[], None]:
    """Return the analysis of a file to a CSV and, if `copy` is given, to an annotated video there."""
    bundle = load_bundle(SHIPPED_BUNDLE)
    model, options = video_model(bundle), VideoOptions.of(detector="yunet")
    about = provenance_of(bundle, "yunet", name=model.name)
    annotated = Annotated(copy, about) if copy else None

    def work() -> None:
        with tempfile.TemporaryFile() as stream:
            result = process(path, model, options, [CsvWriter(stream, about)], annotated=annotated)
        assert result.error is None, result.error

    return work


def script(path: Path) -> Callable[[], float]:
    """Return the desktop script's loop, which returns its speed as a multiple of real time."""

    def work() -> float:
        command = [sys.executable, "-m", "benchmarks.video", "--desktop", str(path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=CHECKOUT)
        return float(done.stdout.splitlines()[-1])

    return work


def desktop_speed(path: Path) -> float:
    """Run the desktop script's loop on the first seconds of a file of ours. Never give OpenCV a stranger's."""
    import keras

    network = keras.models.load_model(SHIPPED_BUNDLE / KERAS_FILE, compile=False)
    cascade = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"))  # type: ignore[attr-defined]
    video = cv2.VideoCapture(str(path))
    began, n_frames = 0.0, -_WARM_UP
    while n_frames < _SCRIPT_FRAMES:
        if n_frames == 0:
            began = time.perf_counter()
        ok, frame = video.read()
        assert ok
        gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        for x, y, width, height in cascade.detectMultiScale(gray, scaleFactor=1.3, minNeighbors=5):
            crop = cv2.resize(gray[y : y + height, x : x + width], (SIDE, SIDE))[None, ..., None]
            scores = network.predict(crop, verbose=0)
            label = int(np.argmax(scores["logits"] if isinstance(scores, dict) else scores))
            cv2.rectangle(frame, (x, y), (x + width, y + height), (255, 0, 0), 2)
            cv2.putText(frame, str(label), (x, y), cv2.FONT_HERSHEY_SIMPLEX, 1, (255, 255, 255), 2)
        n_frames += 1
    return _SCRIPT_FRAMES / _RATE / (time.perf_counter() - began)


def in_turns(works: dict[str, Callable[[], float | None]], seconds: float, rounds: int) -> dict[str, float]:
    """Return how many times real time each work is, as the median of measurements in turns."""
    speeds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            began = time.perf_counter()
            speed = work()
            speeds[name].append(seconds / (time.perf_counter() - began) if speed is None else speed)
    return {name: statistics.median(values) for name, values in speeds.items()}


def speed_table(folder: Path) -> Table:
    """Compare analyses with the script."""
    table = Table("video", "what", "times real time", "times the script", "target")
    small, large = folder / "small.mp4", folder / "large.mp4"
    length = write_clip(small, 640, 480, 15, 1)
    works: dict[str, Callable[[], float | None]] = {
        "script": script(small),
        "rows": analysis(small),
        "rows and video": analysis(small, folder / "out.mp4"),
    }
    found = in_turns(works, length, _ROUNDS)
    targets = {"script": "", "rows": "5 x real time, 8 x the script", "rows and video": "3 x real time"}
    for name, speed in found.items():
        table.add_row("640 x 480, one face", name, f"{speed:.1f}", f"{speed / found['script']:.1f}", targets[name])
    length = write_clip(large, 1920, 1080, 10, 4)
    found = in_turns({"script": script(large), "rows and video": analysis(large, folder / "out.mp4")}, length, 1)
    for name, speed in found.items():
        target = "1 x real time" if name != "script" else ""
        table.add_row("1080p, four faces", name, f"{speed:.1f}", f"{speed / found['script']:.1f}", target)
    return table


def repeat(source: Path, target: Path, times: int, seconds: float) -> None:
    """Write a clip of some seconds over and over, without encoding it again."""
    with av.open(str(target), "w") as output:
        stream = None
        for turn in range(times):
            with av.open(str(source)) as clip:
                stream = stream or output.add_stream_from_template(clip.streams.video[0])
                base = clip.streams.video[0].time_base
                assert base is not None
                offset = round(seconds * turn / base)
                for packet in clip.demux(video=0):
                    if packet.dts is not None and packet.pts is not None:
                        packet.pts, packet.dts, packet.stream = packet.pts + offset, packet.dts + offset, stream
                        output.mux(packet)


def long_table(folder: Path) -> Table:
    """Measure ten minutes of 1080p with four faces, rows and annotated video."""
    source, looped = folder / "ten-seconds.mp4", folder / "ten-minutes.mp4"
    repeat(source, looped, 60, write_clip(source, 1920, 1080, 10, 4))
    began = time.perf_counter()
    analysis(looped, folder / "out.mp4")()
    table = Table("video", "what", "times real time", "target")
    speed = 600 / (time.perf_counter() - began)
    table.add_row("ten minutes of 1080p, four faces", "rows and video", f"{speed:.2f}", "1 x real time")
    return table


def memory_table(folder: Path) -> Table:
    """Measure this process's memory over an hour of video, made by repeating a clip of a minute."""
    source, looped = folder / "minute.mp4", folder / "hour.mp4"
    repeat(source, looped, _MINUTES, write_clip(source, 320, 240, 60, 1))
    process_, memory = psutil.Process(), {}
    model = video_model(load_bundle(SHIPPED_BUNDLE))
    with VideoAnalysis(looped, model, VideoOptions.of(detector="yunet", every=5)) as frames:
        for frame in frames:
            if frame.number % (60 * _RATE) == 0:
                memory[frame.number // (60 * _RATE)] = process_.memory_info().rss / MB
    table = Table("minute", "MB of memory")
    for minute in (1, 20, 40, max(memory)):
        table.add_row(str(minute), f"{memory[minute]:.0f}")
    table.caption = f"Grows by {memory[max(memory)] - memory[1]:.0f} MB. Wanted: less than 100 MB."
    return table


@click.command()
@click.option("--long", "is_long", is_flag=True, help="Measure ten minutes of 1080p, and memory over an hour of video")
@click.option("--desktop", type=click.Path(path_type=Path), hidden=True)
def main(is_long: bool, desktop: Path | None) -> None:
    """Print the table."""
    if desktop:
        click.echo(desktop_speed(desktop))
        return
    with tempfile.TemporaryDirectory() as folder:
        for table in (long_table, memory_table) if is_long else (speed_table,):
            Console().print(table(Path(folder)))


if __name__ == "__main__":
    main()
