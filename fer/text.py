"""Sanitize untrusted text, and write numbers, sizes and times for people."""

import math
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

# A megabyte as Streamlit's file chooser counts it, everywhere a size is shown or a limit is set: otherwise a file that
# the chooser allows would be refused.
KB: Final = 2**10
MB: Final = 2**20
# Marks that turn the direction of the text around them, so that 'gpj.exe' reads 'exe.jpg'.
_TURNING: Final = {code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "|", "%")


def spreadsheet_safe(text: str) -> str:
    """Return a cell that no spreadsheet runs as a formula: text that begins like one gets an apostrophe in front."""
    # A spreadsheet may trim white space, and read full-width signs as their plain forms.
    start = unicodedata.normalize("NFKC", text.lstrip()[:1])
    return f"'{text}" if start.startswith(_FORMULA_STARTS) or text.startswith(("\t", "\r", "\n")) else text


def encodable(text: str) -> str:
    """Return a name that can be stored and shown: bytes that are not UTF-8 become a backslash and digits."""
    return text.encode("utf-8", "backslashreplace").decode()


def printable(text: str) -> str:
    """Return text that can be written to any terminal and can't control it."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def literal(text: str) -> str:
    """Return text that Markdown shows as it is: no link, emphasis, entity, formula, icon or turned text."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(encodable(text).translate(_TURNING).split()))


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: '1 image', '2,000 images'."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """Return words as a list in a sentence: 'a', 'a and b', 'a, b and c'."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def percent(share: float, digits: int = 1) -> str:
    """Return a share of 1 for people: '71.2 %'."""
    return f"{100 * share:.{digits}f} %"


def file_size(n_bytes: int) -> str:
    """Return a size for people: '12 kB', '4.8 MB', '300 MB'."""
    if n_bytes < MB / 10:
        return f"{max(1, round(n_bytes / KB))} kB"
    return f"{n_bytes / MB:.1f} MB" if n_bytes < 100 * MB else f"{n_bytes / MB:,.0f} MB"


def duration(seconds: float) -> str:
    """Return a duration for people: '50 s', '12 min', '1 h 50 min', '2 d 3 h', '30 days'."""
    if seconds < 90:
        return f"{max(1, math.ceil(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days < 10 else f"{days} days"


def ago(moment: str) -> str:
    """Return how long ago a moment was, such as '3 min ago'; the moment is in ISO 8601 with a time zone."""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    return f"{duration(max(seconds, 0))} ago"
