"""Moments and spans in words."""

from datetime import UTC, datetime


def ago(made: str) -> str:
    """'3 s ago', of a moment in ISO 8601."""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(made)).total_seconds()
    return f"{duration(max(seconds, 0))} ago"


def duration(seconds: float) -> str:
    """'40 s', '3 min', '5 h', '2 days'."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
