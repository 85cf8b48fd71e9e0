"""What can go wrong through a user's input, by name.

Each message is one sentence (or two): what was expected, what came, and what to do next. Pages and the command
line show it as it is; anything that is not a `FerError` is a defect of ours.
"""

import logging


def sentence_for(error: Exception) -> str:
    """Return what to tell about one of many items that failed, so that the others can continue.

    A `FerError` has its own sentence. Anything else is a defect of this program: the log gets its traceback.
    """
    if isinstance(error, FerError):
        return str(error)
    logging.getLogger(__name__).error("One of several items failed", exc_info=error)
    return f"It failed unexpectedly ({type(error).__name__}); the log says more. Please report this."


def shortened(text: str, most: int = 80) -> str:
    """A user's text for a message, cut where it is too long to be read."""
    return text if len(text) <= most else f"{text[:most]}..."


class FerError(Exception):
    """Base of every error that a user can cause and should read."""


class ImageError(FerError):
    """The bytes are not an image that can be read safely, or an image can't be written."""


class DetectorError(FerError):
    """A face detector's file is missing or its settings are out of range."""


class BundleError(FerError):
    """A model bundle is missing, damaged, or does not fit this program."""


class SlowModelError(BundleError):
    """A model took so long for a few faces that it was stopped."""


class DatasetError(FerError):
    """The data are not labelled faces in a layout that is known."""


class ConfigError(FerError):
    """A setting of a training run is out of range or contradicts another."""


class RunError(FerError):
    """A training run cannot be found, started, stopped or used."""


class EvaluationError(FerError):
    """A model cannot be evaluated on the data that were chosen."""


class ExportError(FerError):
    """A trained network could not be turned into a bundle that agrees with it."""


class NetworkError(FerError):
    """A setting of the live page's connection (STUN, TURN, number of viewers) has the wrong form."""
