"""The video of the browser's fake camera: a portrait that moves a little."""

from pathlib import Path

import cv2
import numpy as np
import skimage.data

WIDTH, HEIGHT, FPS = 640, 480, 15
_N_FRAMES = 30
_SWAY_PX = 8


def portrait_frames() -> list[np.ndarray]:
    """Return two seconds of NASA's portrait of Eileen Collins, (480, 640, 3) BGR uint8, panned over a sine period.

    After a full period the frames can be looped without a jump.
    """
    portrait = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    side = WIDTH + 2 * _SWAY_PX
    portrait = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
    lefts = (round(_SWAY_PX * (1 + np.sin(2 * np.pi * index / _N_FRAMES))) for index in range(_N_FRAMES))
    return [np.ascontiguousarray(portrait[:HEIGHT, left : left + WIDTH]) for left in lefts]


def write_portrait_video(path: Path, fps: int = FPS) -> None:
    """Write `portrait_frames` as y4m, which Chromium plays in a loop."""
    with path.open("wb") as video:
        video.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{fps}:1 Ip A1:1 C420jpeg\n".encode())
        for frame in portrait_frames():
            video.write(b"FRAME\n" + cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420).tobytes())
