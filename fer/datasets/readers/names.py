"""Class names: the words that people use in folders, files and tables."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Final

from fer.datasets.readers.split_names import SPLIT_WORD, plain
from fer.emotions import EMOTIONS, N_EMOTIONS

# Classes of FER+, AffectNet and CK+ that FER-2013 and this product don't have: their labels follow the seven.
OTHER_CLASSES: Final = ("contempt", "uncertain", "no face")
CONTEMPT, UNCERTAIN, NO_FACE = range(N_EMOTIONS, N_EMOTIONS + len(OTHER_CLASSES))
NOT_OF_THE_SEVEN: Final = "isn't one of the seven classes"

# English, then German, French, Spanish, Portuguese and Chinese; compared without case and accents.
_CLASS_WORDS: Final = {
    "angry": "anger mad rage furious | wütend wuetend wut zorn zornig ärger aerger verärgert | colère en-colère fâché "
    "fâchée furieux | enojado enojada enojo enfadado enfadada enfado ira rabia furioso | raiva zangado zangada bravo "
    "irritado | 生气 生氣 愤怒 憤怒 发怒 恼怒",
    "disgust": "disgusted disgusting | ekel angeekelt angewidert abscheu | dégoût dégoûté dégoûtée | asco asqueado "
    "asqueada repugnancia | nojo aversão repulsa | 厌恶 厭惡 恶心 噁心 反感",
    "fear": "fearful afraid scared | angst ängstlich aengstlich furcht | peur effrayé effrayée | miedo temor asustado "
    "asustada | medo assustado assustada | 恐惧 恐懼 害怕 惊恐 驚恐",
    "happy": "happiness joy joyful | glücklich gluecklich fröhlich froehlich freude | heureux heureuse joie content "
    "contente joyeux | feliz felicidad alegría alegre contento contenta | felicidade | "
    "高兴 高興 快乐 快樂 开心 開心 喜悦 喜悅",
    "sad": "sadness | traurig trauer traurigkeit | triste tristesse | tristeza | 悲伤 悲傷 伤心 傷心 难过 難過 悲哀",
    "surprise": "surprised suprise | überrascht ueberrascht überraschung ueberraschung | surpris étonné étonnement | "
    "sorpresa sorprendido sorprendida | surpresa surpreso | 惊讶 驚訝 吃惊 吃驚 惊奇 驚奇",
    "neutral": "neutrality | neutre | neutro neutra neutralidad | 中性 中立 平静 平靜 无表情 無表情",
}
_CONTEMPT_WORDS: Final = "contempt contemptuous | verachtung | mépris | desprecio | desprezo | 轻蔑 輕蔑 蔑视 蔑視"
# In a table only: as folders, such words could mean anything.
_CELL_WORDS: Final = {UNCERTAIN: "uncertain none unknown unsure", NO_FACE: "no-face noface nf non-face not-a-face"}


def _words(text: str) -> Iterable[str]:
    return (plain(word) for word in text.split() if word != "|")


_LABELS: Final = {
    **{plain(name): label for label, name in enumerate(EMOTIONS)},
    **{word: EMOTIONS.index(name) for name, words in _CLASS_WORDS.items() for word in _words(words)},
    **dict.fromkeys(_words(_CONTEMPT_WORDS), CONTEMPT),
}
_CELLS: Final = {word: label for label, words in _CELL_WORDS.items() for word in _words(words)}
# Spreadsheets in some countries write 3,0; some folders are called class_3.
_NUMBER: Final = re.compile(r"(?:(?:class|label|emotion|expression)[ _-]?)?(\d{1,2})([.,]0+)?", re.IGNORECASE)
# What people add to the name of a class: '0_angry', 'angry (4)', 'angry_faces', 'train_angry', '[angry]'.
_ADDED: Final = re.compile(
    rf"^\d+[-.]+|^(emotion|class|label|expression|{SPLIT_WORD})-|-?\(\d+\)$|-\d+$"
    rf"|-(faces?|images?|photos?|expressions?|{SPLIT_WORD})$|^[\[({{'\"]+|[\])}}'\"]+$"
)
# What a program took the bytes of a name for, and what they were: old zips, tars and tables don't say it.
_TAKEN_FOR: Final = ("cp437", "latin-1", "cp1252", "utf-8")
_MEANT: Final = ("utf-8", "cp850", "cp1252", "gb18030", "big5")


@lru_cache(4096)
def class_named(text: str) -> int | None:
    """Return the class that a folder names: 0..6, `CONTEMPT`, or None; '0_angry' and 'angry (4)' name angry."""
    return next((label for word in (text, *_respelled(text)) if (label := _class_of(plain(word))) is not None), None)


def _class_of(word: str) -> int | None:
    return _LABELS.get(word, _LABELS.get(_ADDED.sub("", word)))


def _respelled(text: str) -> Iterator[str]:
    """Yield a name in the encodings that its bytes may have been written in, if they were read in another one."""
    for taken_for in () if text.isascii() else _TAKEN_FOR:
        with suppress(UnicodeError):
            data = text.encode(taken_for, "surrogateescape")
            for meant in _MEANT:
                with suppress(UnicodeError):
                    yield data.decode(meant)


@lru_cache(4096)
def class_in_cell(text: str) -> int | None:
    """Return the class that a cell of a table names: 0..6, one of `OTHER_CLASSES`, or None."""
    label = class_named(text)
    return _CELLS.get(plain(text)) if label is None else label


def class_name(label: int) -> str:
    """Return the name of a class: 0..6, or one of `OTHER_CLASSES`."""
    return EMOTIONS[label] if label < N_EMOTIONS else OTHER_CLASSES[label - N_EMOTIONS]


def class_number(text: str) -> int | None:
    """Return the number that stands for a class, such as '3' or '3.0', or None."""
    found = _NUMBER.fullmatch(text.strip())
    return int(found[1]) if found else None
