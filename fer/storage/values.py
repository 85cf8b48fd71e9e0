"""JSON from a file that anyone may have written, as plain values that pages can show and compute with."""

import dataclasses
import json
import math
from datetime import datetime
from typing import Any, Final

from fer.text import encodable

# A number beyond says nothing to a reader, and many a library can't hold it.
MAX_NUMBER: Final = 1e15
MAX_DEPTH: Final = 32
MAX_TEXT: Final = 20_000


class ValuesError(ValueError):
    """A text isn't a JSON object that this program can read; the message says why, without a full stop."""


def is_number(value: Any, low: float = -MAX_NUMBER, high: float = MAX_NUMBER) -> bool:
    """Return whether a value is a number from `low` to `high`; True and False are none, nor is NaN."""
    # Compared before it is converted: a whole number in JSON may be too large for a float.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def require_time(name: str, text: str) -> None:
    """Check that a text is a time in ISO 8601 with its time zone.

    Raises:
        ValueError: it isn't; the message names the value.
    """
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError(f"{name}: it has no time zone")


def with_fields_of(values: Any, dataclass: type) -> dict[str, Any]:
    """Return a JSON object if its names are exactly the fields of a dataclass.

    Raises:
        ValueError: it is something else; the message names the fields.
    """
    names = [item.name for item in dataclasses.fields(dataclass)]
    if not isinstance(values, dict) or set(values) != set(names):
        raise ValueError(f"expected an object with {', '.join(names)}")
    return values


def parse_object(data: bytes | str) -> dict[str, Any]:
    """Return the object in a JSON text, as `parse` does.

    Raises:
        ValuesError: as `parse`, or it is no object.
    """
    values = parse(data)
    if not isinstance(values, dict):
        raise ValuesError("it isn't a JSON object")
    return values


def parse(data: bytes | str) -> Any:
    """Return what a JSON text holds, in UTF-8 if it is bytes.

    Raises:
        ValuesError: it isn't JSON, or is nested deeper than anything this program writes.
    """
    try:
        values = json.loads(data.decode("utf-8") if isinstance(data, bytes) else data)
    except RecursionError as error:
        raise ValuesError("it is nested too deep") from error
    except ValueError as error:  # not UTF-8, not JSON, a number of thousands of digits
        raise ValuesError(f"it isn't JSON in UTF-8: {error}") from error
    _require_flat(values)
    return values


def _require_flat(values: Any) -> None:
    """Refuse what is nested deep: whoever walks it later must not run out of stack."""
    level, depth = [values], 0
    while level:
        if depth > MAX_DEPTH:
            raise ValuesError("it is nested too deep")
        inner = [value for value in level if isinstance(value, (dict, list))]
        level = [item for value in inner for item in (value.values() if isinstance(value, dict) else value)]
        depth += 1


def cleaned(value: Any) -> Any:
    """Return a value of `parse_object` with text that is valid Unicode and of a length to be shown.

    Numbers that cannot be shown (NaN, infinity, hundreds of digits) become None.
    """
    if isinstance(value, str):
        return encodable(value[:MAX_TEXT])
    if isinstance(value, dict):
        return {cleaned(key): cleaned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [cleaned(item) for item in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value if is_number(value) and math.isfinite(value) else None
    return value
