"""Text of strangers made fit for where it goes, a spreadsheet, a file, a terminal; and numbers with their noun."""

import unicodedata
from typing import Final

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "|", "%")


def spreadsheet_safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe in front of what begins like one."""
    # A spreadsheet may trim white space and read full-width signs as their plain forms before it looks.
    start = unicodedata.normalize("NFKC", text.lstrip()[:1])
    return f"'{text}" if start.startswith(_FORMULA_STARTS) or text.startswith(("\t", "\r", "\n")) else text


def encodable(text: str) -> str:
    """A name with every byte that is no UTF-8 written as a backslash and digits, so that it can be stored and shown."""
    return text.encode("utf-8", "backslashreplace").decode()


def printable(text: str) -> str:
    """Text that can neither steer a terminal nor fail to be written to one."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def counted(number: int, noun: str) -> str:
    """'1 image', '2,000 images'."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
