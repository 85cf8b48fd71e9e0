"""Tables whose long names are shown in several lines, because a column has to fit into the window of a phone."""

import textwrap
from collections.abc import Iterable
from typing import Final

# A column of names leaves room for two narrow ones in a window of 400 pixels.
NAME_PX: Final = 165
_HEADER_PX: Final = 38
_ROW_PX: Final = 35
# Streamlit breaks lines only in rows higher than 64 pixels.
_LEAST_BROKEN_PX: Final = 66
_LINE_PX, _PADDING_PX = 18, 16
_CHARACTER_PX, _CELL_PADDING_PX = 6.5, 17
_MOST_LINES: Final = 5


def row_px(texts: Iterable[str], column_px: int = NAME_PX) -> int:
    """Return a height in pixels for all rows of a table, so that a column shows its texts in full, in up to five lines.

    Args:
        texts: those of the column.
        column_px: its width in pixels.
    """
    width = int((column_px - _CELL_PADDING_PX) / _CHARACTER_PX)
    n_lines = max((len(textwrap.wrap(text, width)) for text in texts), default=1)
    if n_lines <= 1:
        return _ROW_PX
    return max(_LEAST_BROKEN_PX, _LINE_PX * min(n_lines, _MOST_LINES) + _PADDING_PX)


def table_px(n_rows: int, height_of_row: int, most: int) -> int:
    """Return the height in pixels of a table with its header, at most `most`; it scrolls if it has more rows."""
    return min(most, _HEADER_PX + height_of_row * n_rows)
