"""Read what a user gives: a path, or uploaded files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

from fer.datasets.readers.coco import is_coco_file
from fer.datasets.readers.finding import read_tree
from fer.datasets.readers.kinds import TEXT, kind_of
from fer.datasets.readers.label_files import find_label_columns
from fer.datasets.readers.lines import first_row
from fer.datasets.readers.listed_images import read_listed, rows_of
from fer.datasets.readers.named_images import NamedImages
from fer.datasets.readers.opening import NestedTree, open_file
from fer.datasets.readers.options import ReadOptions
from fer.datasets.readers.table_files import read_given_votes, read_lone_table
from fer.datasets.readers.trees import FolderTree, Tree, UploadTree
from fer.datasets.readers.votes import Votes, has_vote_columns, is_votes_name, read_votes
from fer.datasets.readings import Progress, Reading, require_usable, silent
from fer.errors import DatasetError

# Folders of label files, next to those of images.
_LABEL_FOLDERS: Final = ("annotations", "annotation", "labels", "label")


def read_path(path: Path, options: ReadOptions | None = None, progress: Progress = silent) -> Reading:
    """Read labelled faces from a file or folder of any form listed in docs/data.md.

    Args:
        path: the file or folder.
        options: what the user says of it.
        progress: called as the work proceeds; an exception it raises ends the reading.

    Raises:
        LabelOrderError: classes are numbers, and the order isn't known.
        DatasetError: it isn't in a known form, too much of it can't be read, or the votes don't belong to it.
    """
    options = options or ReadOptions()
    votes = None if options.votes is None else read_given_votes(options.votes, progress)
    try:
        if path.is_dir():
            reading = read_tree(FolderTree(path), options, votes, progress)
        elif path.is_file():
            with path.open("rb") as file:
                reading = _read_file(path, file, options, votes, progress)
        else:
            raise DatasetError(f"{path} doesn't exist; give FER-2013's CSV, a folder of images, or 'synthetic'.")
    except OSError as error:
        raise DatasetError(f"{path} can't be read ({error.strerror or error}); check the file.") from error
    require_usable(reading)
    return reading


def _read_file(path: Path, file: IO[bytes], options: ReadOptions, votes: Votes | None, progress: Progress) -> Reading:
    if is_coco_file(file, path.name):
        return _read_label_file(path, options, votes, progress)
    if kind_of(path.name, file) != TEXT:
        return read_tree(open_file(file, path.name, progress), options, votes, progress)
    if find_label_columns(first_row(file)) is not None:
        return _read_label_file(path, options, votes, progress)
    file.seek(0)
    if options.photos:
        raise DatasetError(f"{path.name} holds a table of faces and no photos; import it without --photos.")
    return read_lone_table(path, file, options, votes, progress)


def _read_label_file(path: Path, options: ReadOptions, votes: Votes | None, progress: Progress) -> Reading:
    if votes is not None:
        raise DatasetError("FER+ votes are joined by row, and only a CSV has the rows for it; leave the votes out.")
    # In COCO's own layout the images are next to the folder of the label files.
    root = path.parent.parent if path.parent.name.lower() in _LABEL_FOLDERS else path.parent
    tree = FolderTree(root)
    entries = tree.entries()
    label_file = next((entry for entry in entries if entry.path == PurePosixPath(path.relative_to(root))), None)
    if label_file is None:
        raise DatasetError(f"{path} is hidden or a link; give the file itself.")
    images = NamedImages(entries, options.photos)
    if not any(images.has(row.path, label_file.path.parent) for row in rows_of(tree, label_file)):
        raise DatasetError(
            f"None of the images that {path.name} lists is in {root}; put the images next to it, or import the folder "
            f"that holds both."
        )
    return read_listed(tree, [label_file], options, progress)


@dataclass(frozen=True)
class Uploads:
    """What uploaded files are.

    Attributes:
        data: the name of the dataset.
        votes: the name of the FER+ file, or None.
        label_files: names of label files whose images are in `data`.
    """

    data: str
    votes: str | None = None
    label_files: tuple[str, ...] = ()


def read_uploads(
    files: Mapping[str, IO[bytes]], options: ReadOptions | None = None, progress: Progress = silent
) -> Reading:
    """Read labelled faces from uploaded files: a dataset, and optionally a FER+ file or label files.

    Args:
        files: bytes by file name; they can seek, and stay open.
        options: what the user says of them.
        progress: called as the work proceeds; an exception it raises ends the reading.

    Raises:
        DatasetError: as `read_path` and `sort_uploads`.
    """
    try:
        found = sort_uploads(files)
        votes = None
        if found.votes is not None:
            files[found.votes].seek(0)
            votes = read_votes(files[found.votes], found.votes, progress)
        reading = read_tree(_tree_of(files, found, progress), options, votes, progress)
    except OSError as error:
        raise DatasetError(f"{', '.join(files)} can't be read ({error.strerror or error}); try again.") from error
    require_usable(reading)
    return reading


def _tree_of(files: Mapping[str, IO[bytes]], found: Uploads, progress: Progress) -> Tree:
    data = open_file(files[found.data], found.data, progress)
    if not found.label_files:
        return data
    archive = PurePosixPath(found.data)
    listed = {name: files[name] for name in (*found.label_files, found.data)}
    return NestedTree(UploadTree(listed, found.data), {PurePosixPath(archive.name): data})


def sort_uploads(files: Mapping[str, IO[bytes]]) -> Uploads:
    """Return what each uploaded file is, by its content.

    Raises:
        DatasetError: there is no dataset among them, or more than one, or more than one FER+ file.
    """
    coco = [name for name, file in files.items() if is_coco_file(file, name)]
    others = {name: file for name, file in files.items() if name not in coco}
    headers = {name: _header(file) for name, file in others.items() if kind_of(name, file) == TEXT}
    votes = [name for name, header in headers.items() if is_votes_name(name) or has_vote_columns(header)]
    tables = [name for name, header in headers.items() if name not in votes and find_label_columns(header) is not None]
    listing = [*coco, *tables]
    data = [name for name in files if name not in (*votes, *listing)]
    if len(data) > 1:
        raise DatasetError(
            f"{' and '.join(data)} are {len(data)} datasets; import one at a time, or zip the parts of one together."
        )
    if len(votes) > 1:
        raise DatasetError(f"{' and '.join(votes)} both hold FER+ votes; import the data with one of them.")
    if data:
        return Uploads(data[0], votes[0] if votes else None, tuple(listing))
    if listing:
        raise DatasetError(f"{listing[0]} lists images; add a zip or tar of the images that it names.")
    what = f"{votes[0]} holds FER+ votes and no faces" if votes else "There is no file"
    raise DatasetError(f"{what}; give FER-2013's CSV or a zip, together with the votes.")


def _header(file: IO[bytes]) -> list[str]:
    file.seek(0)
    return first_row(file)
