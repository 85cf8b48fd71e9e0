"""What a reader sees of escaped Markdown."""

import re


def plain(text: str) -> str:
    """Return text without the backslashes that `fer.text.literal` puts before punctuation."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)
