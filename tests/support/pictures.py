"""Where the image files are that no encoder here can write."""

from pathlib import Path

PICTURES = Path(__file__).parents[1] / "vision" / "pictures"
