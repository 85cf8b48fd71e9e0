"""The errors that a user's input can cause.

Each message says in one or two sentences what is wrong and what to do next. Pages and the command line show it as it
is. Any other exception is a bug.
"""

import logging


def sentence_for(error: Exception) -> str:
    """Return the message for one of many items that failed, so that the others can continue.

    A `FerError` has its own sentence. Any other exception is a bug, so its traceback goes to the log.
    """
    if isinstance(error, FerError):
        return str(error)
    logging.getLogger(__name__).error("One of several items failed", exc_info=error)
    return f"It failed unexpectedly ({type(error).__name__}). The log shows the details. Please report this."


def shortened(text: str, most: int = 80) -> str:
    """Shorten a user's text for a message."""
    return text if len(text) <= most else f"{text[:most]}..."


class FerError(Exception):
    """The base class of all errors that a user can cause."""


class ImageError(FerError):
    """The file isn't a readable image, or an image can't be written."""


class VideoError(FerError):
    """The file isn't a video that can be analysed, or a video can't be written."""


class DetectorError(FerError):
    """A face detector's file is missing or its settings are out of range."""


class BundleError(FerError):
    """A model bundle is missing, damaged or incompatible."""


class SlowModelError(BundleError):
    """A model was stopped because it took too long for a few faces."""


class DatasetError(FerError):
    """The data isn't a labelled dataset in a known layout."""


class ConfigError(FerError):
    """A setting is out of range or contradicts another."""


class RunError(FerError):
    """A training run can't be found, started, stopped or used."""


class SweepError(FerError):
    """Several trainings can't be started or continued together."""


class SummaryError(FerError):
    """Photos or videos can't be put into groups as asked, or summarised."""


class EvaluationError(FerError):
    """A model can't be evaluated on the chosen data."""


class ExportError(FerError):
    """A trained network couldn't be exported to a bundle that gives the same results."""


class BatchError(FerError):
    """A batch can't be started or continued."""


class OutputError(BatchError):
    """The results of a batch can't be written, for example because the disk is full."""


class NetworkError(FerError):
    """A setting of the Live page's connection (STUN, TURN, number of viewers) is invalid."""


class AccessError(FerError):
    """A person may not do this, or the settings of login are wrong."""
