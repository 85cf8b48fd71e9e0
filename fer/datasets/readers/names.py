"""Class and split names: the words that people use in folders, files and tables."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from fer.datasets.faces import SPLITS
from fer.emotions import EMOTIONS, N_EMOTIONS

# Classes of FER+, AffectNet and CK+ that FER-2013 and this product don't have: their labels follow the seven.
OTHER_CLASSES: Final = ("contempt", "uncertain", "no face")
CONTEMPT, UNCERTAIN, NO_FACE = range(N_EMOTIONS, N_EMOTIONS + len(OTHER_CLASSES))
NOT_OF_THE_SEVEN: Final = "isn't one of the seven classes"

# English, then German, French, Spanish, Portuguese and Chinese; compared without case and accents.
_CLASS_WORDS: Final = {
    "angry": "anger mad rage | wütend wuetend wut zorn zornig ärger aerger verärgert | colère en-colère fâché | "
    "enojado enojo enfadado enfado ira | raiva zangado bravo | 生气 生氣 愤怒 憤怒",
    "disgust": "disgusted disgusting | ekel angeekelt | dégoût dégoûté | asco asqueado | nojo aversão | "
    "厌恶 厭惡 恶心 噁心",
    "fear": "fearful afraid scared | angst ängstlich aengstlich furcht | peur effrayé | miedo temor asustado | "
    "medo assustado | 恐惧 恐懼 害怕",
    "happy": "happiness joy joyful | glücklich gluecklich fröhlich froehlich freude | heureux joie content | "
    "feliz felicidad alegría alegre contento | felicidade | 高兴 高興 快乐 快樂 开心 開心",
    "sad": "sadness | traurig trauer traurigkeit | triste tristesse | tristeza | 悲伤 悲傷 伤心 傷心 难过 難過",
    "surprise": "surprised suprise | überrascht ueberrascht überraschung ueberraschung | surpris | "
    "sorpresa sorprendido | surpresa surpreso | 惊讶 驚訝 吃惊 吃驚",
    "neutral": "neutrality | neutre | neutro | 中性 中立 平静 平靜",
}
_CONTEMPT_WORDS: Final = "contempt contemptuous | verachtung | mépris | desprecio | desprezo | 轻蔑 輕蔑 蔑视 蔑視"
# In a table only: as folders, such words could mean anything.
_CELL_WORDS: Final = {UNCERTAIN: "uncertain none unknown unsure", NO_FACE: "no-face noface nf non-face not-a-face"}
_SPLIT_WORDS: Final = {
    "train": "training",
    "validation": "val valid dev development publictest",
    "test": "testing privatetest",
}


def _plain(text: str) -> str:
    """Return a name without case, accents, and the marks between its words."""
    letters = unicodedata.normalize("NFKD", text.strip().casefold())
    return re.sub(r"[\s_\-]+", "-", "".join(char for char in letters if not unicodedata.combining(char)))


def _words(text: str) -> Iterable[str]:
    return (_plain(word) for word in text.split() if word != "|")


_LABELS: Final = {
    **{_plain(name): label for label, name in enumerate(EMOTIONS)},
    **{word: EMOTIONS.index(name) for name, words in _CLASS_WORDS.items() for word in _words(words)},
    **dict.fromkeys(_words(_CONTEMPT_WORDS), CONTEMPT),
}
_CELLS: Final = {word: label for label, words in _CELL_WORDS.items() for word in _words(words)}
_SPLITS: Final = {
    **{name: place for place, name in enumerate(SPLITS)},
    **{word: SPLITS.index(name) for name, words in _SPLIT_WORDS.items() for word in words.split()},
}
_MARKS: Final = re.compile(r"[\s_\-.]+")
_CAPITALS: Final = re.compile(rf"{_MARKS.pattern}|(?<=\d)(?=[A-Za-z])|(?<=[a-z])(?=[A-Z])")
# Spreadsheets in some countries write 3,0.
_NUMBER: Final = re.compile(r"(\d{1,2})([.,]0+)?")
# What people add to the name of a class: '0_angry', 'angry_0', 'angry (4)', 'angry_faces'.
_ADDED: Final = re.compile(r"^\d+[-.]+|-?\(\d+\)$|-\d+$|-(faces?|images?|photos?|expressions?)$")


@lru_cache(4096)
def class_named(text: str) -> int | None:
    """Return the class that a folder names: 0..6, `CONTEMPT`, or None; '0_angry' and 'angry (4)' name angry."""
    word = _plain(text)
    return _LABELS.get(word, _LABELS.get(_ADDED.sub("", word)))


@lru_cache(4096)
def class_in_cell(text: str) -> int | None:
    """Return the class that a cell of a table names: 0..6, one of `OTHER_CLASSES`, or None."""
    label = class_named(text)
    return _CELLS.get(_plain(text)) if label is None else label


def class_name(label: int) -> str:
    """Return the name of a class: 0..6, or one of `OTHER_CLASSES`."""
    return EMOTIONS[label] if label < N_EMOTIONS else OTHER_CLASSES[label - N_EMOTIONS]


def class_number(text: str) -> int | None:
    """Return the number that stands for a class, such as '3' or '3.0', or None."""
    found = _NUMBER.fullmatch(text.strip())
    return int(found[1]) if found else None


@lru_cache(4096)
def split_named(text: str) -> int | None:
    """Return the split, an index into `SPLITS`, that a folder or a cell names, such as 'Train_Set', or None."""
    word = _plain(text).replace("-", "")
    return _SPLITS.get(word, _SPLITS.get(re.sub(r"(set|data|split|images)$", "", word)))


def split_of_file(name: str) -> int | None:
    """Return the split in a file's name, such as 'fer_train.csv', 'FER2013Valid' or 'test-00000-of-00001.parquet'."""
    for between in (_MARKS, _CAPITALS):
        found = {split_named(part) for part in between.split(name)} - {None}
        if len(found) == 1:
            return found.pop()
    return split_named(name.split(".")[0])


def split_of_image(name: str) -> int | None:
    """Return the split at the start of an image's name, such as 'PrivateTest_12.jpg', or None."""
    return split_named(_MARKS.split(name)[0])
