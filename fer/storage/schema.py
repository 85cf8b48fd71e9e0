"""The types and ranges of what state files hold; a file that doesn't fit is damaged, and is never shown as it is."""

from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from fer.storage.open_files import read_plain
from fer.storage.values import ValuesError, cleaned, parse_object

Count = Annotated[int, Meta(ge=0, le=10**12)]
Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=1e10)]
# Seconds since 1970, up to the year 2286: what a calendar can show everywhere.
Moment = Annotated[float, Meta(ge=0, le=1e10)]
Text = Annotated[str, Meta(max_length=20_000)]
# The type of a model's weights. A request of an earlier version doesn't say it.
Weights = Annotated[str, Meta(pattern="^(float32|int8)?$")]

T = TypeVar("T")


def read_object(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file, its text valid Unicode and its numbers finite.

    Raises:
        FileNotFoundError: there is no such file.
        ValuesError: it can't be read, or holds something else.
    """
    try:
        data = read_plain(path)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise ValuesError(getattr(error, "strerror", None) or str(error)) from error
    values: dict[str, Any] = cleaned(parse_object(data))
    return values


def fitting(values: Any, kind: type[T]) -> T:
    """Return values of `read_object` as a dataclass or another type, whose annotations say what fits.

    Raises:
        ValuesError: a value has another type or is out of its range; the message names it.
    """
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise ValuesError(str(error).replace("`", "").replace("$.", "").replace(" - at ", ", in ")) from error
    except (ValueError, TypeError) as error:  # what a dataclass itself refuses
        raise ValuesError(str(error)) from error
