"""The seven classes: their order, colours and wording.

The order is FER-2013's, so that a label of that dataset is an index into every array of the project.
"""

from typing import Final

EMOTIONS: Final = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
N_EMOTIONS: Final = len(EMOTIONS)

# Okabe and Ito's palette (2008), which colour-blind people can tell apart. Every colour has a contrast of about 2 or
# more on white and on black.
EMOTION_COLORS: Final[dict[str, str]] = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "happy": "#E69F00",
    "sad": "#0072B2",
    "surprise": "#56B4E9",
    "neutral": "#8C8C8C",
}

_LOOKS: Final[dict[str, str]] = {
    "angry": "looks angry",
    "disgust": "looks disgusted",
    "fear": "looks fearful",
    "happy": "looks happy",
    "sad": "looks sad",
    "surprise": "looks surprised",
    "neutral": "looks neutral",
}

NOT_SURE: Final = "not sure"


def black_stands_out(red: int, green: int, blue: int) -> bool:
    """Return whether black text has a higher WCAG 2 contrast than white text on a colour (0..255 each)."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (red / 255, green / 255, blue / 255)
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05)


def looks(emotion: str, *, sure: bool = True) -> str:
    """Return how a face looks, such as 'looks happy', or 'not sure'. It never says 'is happy'.

    Args:
        emotion: one of `EMOTIONS`.
        sure: False if the model's confidence is below its threshold.

    Raises:
        KeyError: `emotion` is not one of the seven.
    """
    return _LOOKS[emotion] if sure else NOT_SURE
