"""The names that people give to the columns of a table of faces."""

from collections.abc import Sequence
from typing import Final

# Under FER-2013's own name, numbers are in FER-2013's order.
FER2013_LABEL: Final = "emotion"
# Names of classes come first, as they need no order.
LABEL_COLUMNS: Final = (
    *("emotion_name", "class_name", "label_name", "expression_name", "label_text", "emotion_text"),
    *(FER2013_LABEL, "label", "labels", "class", "expression", "emotion_label", "category", "target", "emotions"),
    *("classes", "class_id", "label_id", "emotion_id"),
)
SPLIT_COLUMNS: Final = ("usage", "split", "subset", "partition", "set")
GROUP_COLUMNS: Final = ("group", "person", "subject", "person_id", "subject_id", "participant")
PIXELS_COLUMN: Final = "pixels"
# Images themselves, in a parquet file.
IMAGE_COLUMNS: Final = ("image", "img", "pixels", "images", "face", "photo", "picture", "image_bytes", "bytes")
# Files of images, in a label file; the last one is AffectNet's.
PATH_COLUMNS: Final = (
    *("file", "filename", "file_name", "filepath", "file_path", "path", "pth", "image", "img", "image_path"),
    *("img_path", "image_name", "img_name", "image_id", "name", "subdirectory_filepath", "id"),
)
# The box of a face in its image, in pixels: Roboflow's names, and others.
CORNER_COLUMNS: Final = (("xmin", "ymin", "xmax", "ymax"), ("x1", "y1", "x2", "y2"), ("left", "top", "right", "bottom"))
# Characters of the name of a person or session, and of the path of an image: more are no name, and would be kept.
MAX_GROUP: Final = 200
MAX_PATH: Final = 1000


def find_column(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    """Return the position of the first wanted name, in any case and with spaces for underscores, or None."""
    lower = [name.strip().lower().replace(" ", "_") for name in names]
    return next((lower.index(name) for name in wanted if name in lower), None)
