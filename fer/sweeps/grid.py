"""The grid of a sweep: values of settings, each combination trained with several seeds."""

import dataclasses
import itertools
import typing
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from msgspec import Meta

from fer.datasets.store.loading import SYNTHETIC
from fer.errors import SweepError, shortened
from fer.runs.checks import absolute_path
from fer.runs.config import MODELS, TrainConfig
from fer.runs.finding import find_model
from fer.runs.presets import label
from fer.storage.schema import Text
from fer.text import printable

MOST_TRAININGS: Final = 1000
MOST_SEEDS: Final = 100
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")
# Paths and label orders may contain commas, so they have one value.
SINGLE: Final = ("votes", "labels", *MODELS)
_ELSEWHERE: Final = {"data": "choose it with --data", "seed": "choose their number with --seeds"}
_FIELDS: Final = {item.name: item for item in dataclasses.fields(TrainConfig)}
_KINDS: Final = typing.get_type_hints(TrainConfig)


@dataclass(frozen=True)
class Axis:
    """A setting and the values that it takes, at least one."""

    name: Text
    values: Annotated[tuple[Any, ...], Meta(min_length=1)]


@dataclass(frozen=True)
class Point:
    """One combination of values.

    Attributes:
        values: the value of each setting that varies, by its name.
        configs: the settings of its trainings, which differ only in their seed.
    """

    values: dict[str, Any]
    configs: tuple[TrainConfig, ...]

    @property
    def words(self) -> str:
        """Return the values in words, such as 'learning rate 0.001, no flip'; '' if nothing varies."""
        return ", ".join(value_words(name, value) for name, value in self.values.items())


def parse_axis(text: str) -> Axis:
    """Return the setting and values in a text such as 'learning_rate=1e-3,2e-3'.

    Raises:
        SweepError: it has another form, the setting can't be chosen here, or a value is of another type or there twice.
    """
    name, equals, values = text.partition("=")
    name = name.strip().replace("-", "_")
    if not equals:
        raise SweepError(f"'{shortened(printable(text))}' has no value; write it like learning_rate=1e-3,2e-3.")
    return axis_of(name, values)


def axis_of(name: str, text: str) -> Axis:
    """Return a setting with the values in a text such as '1e-3, 2e-3'.

    Raises:
        SweepError: as `parse_axis`.
    """
    if name in _ELSEWHERE:
        raise SweepError(f"{name}: {_ELSEWHERE[name]}.")
    if name not in _FIELDS:
        raise _unknown(name)
    words = [text.strip()] if name in SINGLE else [word.strip() for word in text.split(",")]
    if not all(words):
        raise SweepError(f"{name}: a value is missing; write values with commas between them, such as 1, 2.")
    values = tuple(_value(name, word) for word in words)
    twice = [word for index, word in enumerate(words) if values[index] in values[:index]]
    if twice:
        raise SweepError(f"{name}: the value {shortened(printable(twice[0]))} is there twice; give each once.")
    return Axis(name, values)


def _unknown(name: str) -> SweepError:
    return SweepError(f"There is no setting '{shortened(printable(name))}'; 'fer train --help' lists them all.")


def _value(name: str, word: str) -> Any:
    kind = _KINDS[name]
    if name in MODELS:
        return (word,)
    if kind is bool:
        if word.lower() not in (*_TRUE, *_FALSE):
            raise SweepError(f"{name}: choose true or false. Received: {shortened(ascii(word))}.")
        return word.lower() in _TRUE
    if kind in (int, float):
        try:
            return kind(word)
        except ValueError as error:
            whole = "whole " if kind is int else ""
            raise SweepError(f"{name}: choose {whole}numbers. Received: {shortened(ascii(word))}.") from error
    return word


def grid(base: TrainConfig, axes: Sequence[Axis], n_seeds: int) -> list[Point]:
    """Return every combination of values, the last setting varying fastest, each with its seeds.

    Args:
        base: the other settings; its seed is the first one.
        axes: the settings that vary.
        n_seeds: trainings per combination, 1 to `MOST_SEEDS`.

    Raises:
        SweepError: a setting is there twice, or there are too many trainings.
        ConfigError: a value is out of its range, or contradicts another.
    """
    if not 1 <= n_seeds <= MOST_SEEDS:
        raise SweepError(f"seeds: choose a whole number from 1 to {MOST_SEEDS}. Received: {n_seeds}.")
    names = [axis.name for axis in axes]
    for name in names:
        if name not in _FIELDS:
            raise _unknown(name)
        if names.count(name) > 1:
            raise SweepError(f"{name}: it is chosen twice; give all of its values at once, such as {name}=1,2.")
    count = n_seeds
    for axis in axes:
        count *= len(axis.values)
    if count > MOST_TRAININGS:
        raise SweepError(f"These are {count:,} trainings; choose fewer values or seeds, at most {MOST_TRAININGS:,}.")
    varying = [axis.name for axis in axes if len(axis.values) > 1]
    points = []
    for values in itertools.product(*(axis.values for axis in axes)):
        # What was read from a file has lists of models.
        chosen: dict[str, Any] = {
            name: tuple(value) if name in MODELS and isinstance(value, list) else value
            for name, value in zip(names, values, strict=True)
        }
        configs = tuple(replace(base, **chosen, seed=base.seed + number) for number in range(n_seeds))
        points.append(Point({name: chosen[name] for name in varying}, configs))
    return points


def value_words(name: str, value: Any) -> str:
    """Return a setting with its value in words: 'learning rate 0.001', 'no flip'."""
    words = label(name).lower()
    if isinstance(value, bool):
        return words if value else f"no {words}"
    if isinstance(value, tuple | list):
        return f"{words} {', '.join(map(str, value))}"
    return f"{words} {value:g}" if isinstance(value, float) else f"{words} {value}"


def axis_words(axis: Axis) -> str:
    """Return a setting with all of its values: 'learning rate 0.001, 0.002'."""
    first, *rest = (value_words(axis.name, value) for value in axis.values)
    if isinstance(axis.values[0], bool):
        return " and ".join((first, *rest))
    return ", ".join((first, *(word.removeprefix(f"{label(axis.name).lower()} ") for word in rest)))


def with_absolute(data: str, axes: Sequence[Axis]) -> tuple[str, list[Axis]]:
    """Return the data and settings with paths that mean the same from any folder.

    Raises:
        ConfigError: no path of this name can exist.
        BundleError: there is no such model.
    """

    def absolute(name: str, value: Any) -> Any:
        if name == "votes":
            return absolute_path(name, value)
        return tuple(str(find_model(model).absolute()) for model in value) if name in MODELS else value

    found = data if data == SYNTHETIC else absolute_path("data", data)
    return found, [Axis(axis.name, tuple(absolute(axis.name, value) for value in axis.values)) for axis in axes]
