"""Which of the images that could not be used are of the split that is evaluated."""

from pathlib import Path, PurePosixPath

from fer.datasets.faces import SPLITS
from fer.datasets.layouts import find_layout
from fer.datasets.readings import Reading, Rejection
from fer.datasets.tables import USAGES, numbered_lines, parse_header, split_fields
from fer.errors import DatasetError


def of_split(reading: Reading, split: str, path: Path | None = None) -> tuple[Rejection, ...]:
    """What was left out of one split; what names no split that is known counts as well.

    Args:
        reading: what was read of a source, all splits.
        split: one of `SPLITS`.
        path: where it was read, to look up the `Usage` of a table's rows; None counts them all.
    """
    if not reading.rejected:
        return ()
    splits = _of_rows(reading, path) if reading.form == "CSV" else _of_files(reading)
    wanted = SPLITS.index(split)
    return tuple(item for item in reading.rejected if splits.get(item.where, wanted) == wanted)


def _of_files(reading: Reading) -> dict[str, int]:
    names = [*reading.origins, *(item.where for item in reading.rejected)]
    try:
        layout = find_layout(map(PurePosixPath, names), reading.dataset.name)
    except DatasetError:
        return {}
    found = {}
    for item in reading.rejected:
        file = PurePosixPath(item.where)
        place = layout.split_of(file) if layout is not None and layout.covers(file) else None
        if place is not None:
            found[item.where] = place
    return found


def _of_rows(reading: Reading, path: Path | None) -> dict[str, int]:
    """Look up the rows that were rejected; a table inside a zip is not opened again."""
    if path is None:
        return {}
    table = path / reading.dataset.name if path.is_dir() else path
    rejected = {item.where for item in reading.rejected}
    found = {}
    try:
        with table.open("rb") as file:
            lines = numbered_lines(file, table.name)
            header = parse_header(next(lines)[1], table.name)
            if header.usage is None:
                return {}
            for number, line in lines:
                where = f"line {number}"
                if where in rejected:
                    fields = split_fields(line, header.delimiter)
                    usage = fields[header.usage].lower() if header.usage < len(fields) else ""
                    if usage in USAGES:
                        found[where] = USAGES[usage]
    except (OSError, StopIteration, DatasetError):
        return {}
    return found
