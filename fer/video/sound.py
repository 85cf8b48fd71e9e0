"""Add a video's sound to its annotated picture: `python -m fer.video.sound REQUEST`, in a child process with limits.

The sound comes from a stranger's file, so only this process reads it. It is copied if browsers play it in this
container, and encoded otherwise.
"""

import contextlib
import heapq
import json
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from fer.errors import VideoError
from fer.storage.children import end_child, start_child
from fer.video.child import allow_files, end_with_parent, import_all, restrict
from fer.video.decode import open_strangers

# What browsers play in each container, and what else is encoded to.
_COPIED: Final = {".mp4": {"aac", "mp3", "opus", "flac"}, ".webm": {"opus", "vorbis"}}
_ENCODED: Final = {".mp4": "aac", ".webm": "libopus"}
# Opus knows this rate, and AAC any.
_RATE: Final = 48_000
_SECONDS: Final = 600.0
# The picture, the target, and the target once more to move its index to the front.
_OUR_FILES: Final = 3


def add_sound(source: Path, picture: Path, target: Path) -> bool:
    """Write a video with the picture of one file and the sound of another.

    Args:
        source: the original video.
        picture: the annotated picture, which has the same timestamps.
        target: the file to write; its suffix is '.mp4' or '.webm'.

    Returns:
        Whether it was written. False if the sound can't be read.
    """
    request = json.dumps([str(source.absolute()), str(picture.absolute()), str(target.absolute())])
    child = start_child("fer.video.sound", request)
    try:
        return child.wait(_SECONDS) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        end_child(child)
        if child.stdout:
            child.stdout.close()


def _main() -> None:
    end_with_parent()
    import_all()
    source, picture, target = json.loads(sys.argv[1])
    restrict(n_files=1)
    with open_strangers(source) as strangers:
        # What a file names is opened together with it. From here on, only our files are opened.
        allow_files(_OUR_FILES)
        options = {"movflags": "+faststart"} if target.endswith(".mp4") else {}
        with av.open(picture) as ours, av.open(target, "w", options=options) as output:
            _mux(ours, strangers, output, Path(target).suffix)


def _mux(ours: InputContainer, strangers: InputContainer, output: OutputContainer, suffix: str) -> None:
    output.metadata.update(ours.metadata)
    video = output.add_stream_from_template(ours.streams.video[0])
    sound = strangers.streams.audio[0]
    if sound.codec_context.codec.canonical_name in _COPIED[suffix]:
        heard = _copied(strangers, sound, output.add_stream_from_template(sound))
    else:
        encoder = output.add_stream(_ENCODED[suffix], rate=_RATE, layout="stereo")
        assert isinstance(encoder, AudioStream)
        heard = _encoded(strangers, sound, encoder)
    for packet in heapq.merge(_copied(ours, ours.streams.video[0], video), heard, key=_time):
        output.mux(packet)


def _time(packet: "Packet[Any]") -> Fraction:
    return packet.dts * packet.time_base if packet.dts is not None and packet.time_base else Fraction(0)


def _copied(container: InputContainer, stream: Stream, target: Stream) -> Iterator["Packet[Any]"]:
    last: int | None = None
    for packet in _packets(container, stream):
        # A muxer takes no packet without a time, and none from before the last one.
        if packet.dts is None or packet.pts is None or (last is not None and packet.dts <= last):
            continue
        last = packet.dts
        packet.stream = target
        yield packet


def _encoded(container: InputContainer, stream: AudioStream, encoder: AudioStream) -> Iterator["Packet[Any]"]:
    for packet in _packets(container, stream):
        with contextlib.suppress(av.error.InvalidDataError):
            for frame in packet.decode():
                yield from encoder.encode(frame)  # type: ignore[arg-type]
    yield from encoder.encode()


def _packets(container: InputContainer, stream: Stream) -> Iterator["Packet[Any]"]:
    """Yield packets until the end of the file or of what can be read."""
    with contextlib.suppress(av.error.FFmpegError):
        yield from container.demux(stream)


if __name__ == "__main__":
    try:
        _main()
    except (VideoError, av.error.FFmpegError, MemoryError):
        sys.exit(1)
