"""Files that pretend to be videos, name other files, or claim to be huge."""

import binascii
import struct
from collections.abc import Iterator
from pathlib import Path

import av

from tests.support.clips import Clip, moving_portrait, plain

# What a text file can name: a file here, or an address.
_TEXTS = {
    "ffconcat.mp4": "ffconcat version 1.0\nfile '{file}'\n",
    "ffconcat-safe.mov": "ffconcat version 1.0\nfile canary.mp4\nduration 1\n",
    "concat-address.mp4": "ffconcat version 1.0\nfile '{address}/canary.mp4'\n",
    "hls.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{file}\n#EXT-X-ENDLIST\n",
    "hls-address.m4v": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{address}/canary.ts\n#EXT-X-ENDLIST\n",
    "session.webm": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
    "playlist.avi": "[playlist]\nFile1={address}/canary.mp4\nNumberOfEntries=1\n",
    "dash.mkv": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
    '<Representation id="1" bandwidth="1"><BaseURL>{address}/canary.mp4</BaseURL></Representation></AdaptationSet>'
    "</Period></MPD>",
    "images%03d.mp4": "{file}",
    "ffmetadata.mp4": ";FFMETADATA1\ntitle={file}\n",
    "xspf.mov": '<?xml version="1.0"?><playlist><trackList><track><location>{address}</location></track></trackList>'
    "</playlist>",
    "null.mp4": "\0" * 4096,
}


def disguised(folder: Path, canary: Path, port: int) -> Iterator[Path]:
    """Yield text files with a video's name, each of which names the canary or an address."""
    for name, text in _TEXTS.items():
        path = folder / name
        path.write_text(text.format(file=canary, address=f"http://127.0.0.1:{port}", port=port))
        yield path


def bombs(folder: Path) -> Iterator[Path]:
    """Yield small files that claim many pixels, many frames or a great length."""
    whole = Clip().write(folder / "whole.mp4", moving_portrait(30)).read_bytes()
    for name, data in {
        "stts-count.mp4": _patched(whole, b"stts", 8, struct.pack(">II", 1, 0xFFFFFFF0)),
        "stts-entries.mp4": _patched(whole, b"stts", 4, struct.pack(">I", 0x7FFFFFF0)),
        "stsz-count.mp4": _patched(whole, b"stsz", 4, struct.pack(">II", 1, 0x7FFFFFF0)),
        "stco-count.mp4": _patched(whole, b"stco", 4, struct.pack(">I", 0x3FFFFFF0)),
        "stsc-count.mp4": _patched(whole, b"stsc", 4, struct.pack(">I", 0x3FFFFFF0)),
        "long.mp4": _patched(whole, b"mdhd", 12, struct.pack(">I", 0xFFFFFFF0)),
        "claimed-size.mp4": _patched(whole, b"avc1", 24, struct.pack(">HH", 65_000, 65_000)),
        "atom.mp4": whole[:40] + struct.pack(">I", 0x7FFFFFFF) + whole[44:],
        "nested.mp4": whole[:28] + b"".join(struct.pack(">I4s", 8 * (4000 - i), b"moov") for i in range(4000)),
    }.items():
        path = folder / name
        path.write_bytes(data)
        yield path
    yield _jpeg(folder / "jpeg.mkv", 65_000, 65_000)
    yield _png(folder / "png.mov", 20_000, 20_000)
    yield _raw(folder / "raw.avi")


def _patched(data: bytes, atom: bytes, offset: int, value: bytes) -> bytes:
    """Replace bytes at an offset after the name of the first such atom."""
    place = data.index(atom) + 4 + offset
    return data[:place] + value + data[place + len(value) :]


def _png(path: Path, width: int, height: int) -> Path:
    """Write a PNG video whose pictures claim a size, with checksums that are right."""
    clip = Clip(codec="png", pixel_format="rgb24", options={}).write(path, plain(3, 64, 64))
    data = bytearray(clip.read_bytes())
    place = data.find(b"IHDR")
    while place >= 0:
        data[place + 4 : place + 12] = struct.pack(">II", width, height)
        data[place + 17 : place + 21] = struct.pack(">I", binascii.crc32(bytes(data[place : place + 17])))
        place = data.find(b"IHDR", place + 4)
    path.write_bytes(data)
    return path


def _jpeg(path: Path, width: int, height: int) -> Path:
    """Write a motion JPEG whose frames claim a size."""
    Clip(codec="mjpeg", pixel_format="yuvj420p", options={}).write(path, plain(3, 64, 64))
    frame = b"\xff\xc0\x00\x11\x08"
    claimed = frame + struct.pack(">HH", height, width)
    path.write_bytes(path.read_bytes().replace(frame + struct.pack(">HH", 64, 64), claimed))
    return path


def _raw(path: Path) -> Path:
    """Write an uncompressed AVI whose headers claim 30,000 x 30,000 pixels."""
    Clip(codec="rawvideo", pixel_format="bgr24", options={}).write(path, plain(2, 64, 64))
    data = path.read_bytes()
    for sign in (1, -1):
        # Uncompressed pictures stand upside down, so one of the heights is negative.
        data = data.replace(struct.pack("<ii", 64, sign * 64), struct.pack("<ii", 30_000, sign * 30_000))
    path.write_bytes(data)
    return path


def containers(folder: Path) -> dict[str, bytes]:
    """Return a short video with sound in each container."""
    makers = {
        ".mp4": Clip(sound="aac"),
        "-fast.mp4": Clip(sound="aac", container={"movflags": "+faststart"}),
        ".mkv": Clip(sound="libmp3lame"),
        ".webm": Clip(codec="libvpx", sound="libopus", options={"deadline": "realtime", "cpu-used": "8"}),
        ".avi": Clip(codec="mpeg4", sound="pcm_s16le", options={}),
    }
    return {
        suffix: maker.write(folder / f"container{suffix}", moving_portrait(20)).read_bytes()
        for suffix, maker in makers.items()
    }


def follows(path: Path) -> None:
    """Open and decode a file as FFmpeg does by default."""
    with av.open(str(path)) as clip:
        next(clip.decode(video=0))
