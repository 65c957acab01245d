"""Layers, losses, optimisers, schedules, augmentations, recipes and tunings as plain JSON objects, and back.

Conv2d(6, kernel_size=5) is {"type": "Conv2d", "out_channels": 6, "kernel_size": 5, "stride": 1, ...}: the
class name and every hyper-parameter, defaults written out, tuples as lists. Reading is strict: only the types
in the tables below, only fields they have, only values of their declared types. Nothing is evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from pellucid.augmentation import AUGMENTATIONS, Augmentation
from pellucid.errors import FormatError, LayerError
from pellucid.layers import LAYERS, Layer
from pellucid.objectives import OBJECTIVES, Objective
from pellucid.optimizers import OPTIMIZERS, SCHEDULES, Optimizer, Schedule
from pellucid.recipe import Recipe
from pellucid.tuning import Tuning

JsonObject = dict[str, object]
Description = Layer | Objective | Optimizer | Schedule | Augmentation | Recipe | Tuning

TYPES: Mapping[type, Mapping[str, type]] = MappingProxyType(
    {
        Layer: LAYERS,
        Objective: {value.__name__: value for value in OBJECTIVES.values()},
        Optimizer: {type(value).__name__: type(value) for value in OPTIMIZERS.values()},
        Schedule: {value.__name__: value for value in SCHEDULES.values()},
        Augmentation: {value.__name__: value for value in AUGMENTATIONS.values()},
        Recipe: {"Recipe": Recipe},
        Tuning: {"Tuning": Tuning},
    }
)
"""For every kind of description the types that files may name."""

LARGEST_INTEGER = 2**31 - 1
"""No hyper-parameter is larger, and no file can make shape arithmetic expensive."""


def describe(value: Description) -> JsonObject:
    """A JSON object from which `restore_layer`, `restore_recipe` or `restore_tuning` makes an equal one.

    Raises:
        FormatError: a type that files cannot name, such as a layer of the user's own.
    """
    name = type(value).__name__
    if not any(table.get(name) is type(value) for table in TYPES.values()):
        raise FormatError(f"{name} cannot be written: it is not among the types that files know")
    names = [field.name for field in fields(cast(Any, value))]
    return {"type": name, **{field: _plain(getattr(value, field)) for field in names}}


def _plain(value: object) -> object:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return describe(value) if isinstance(value, Description) else value


def restore_layer(data: object) -> Layer:
    """The layer that a JSON object, as json.loads gives it, stands for.

    Raises:
        FormatError: not such an object, an unknown type or field, a missing field, a value of the wrong type,
            or one that breaks the layer's own rule.
    """
    return cast(Layer, _restore(Layer, data))


def restore_recipe(data: object) -> Recipe:
    """The recipe that a JSON object stands for; errors as in `restore_layer`."""
    return cast(Recipe, _restore(Recipe, data))


def restore_tuning(data: object) -> Tuning:
    """The tuning that a JSON object stands for; errors as in `restore_layer`."""
    return cast(Tuning, _restore(Tuning, data))


def _restore(kind: type, data: object) -> object:
    label = kind.__name__.lower()
    if not isinstance(data, dict) or not isinstance(data.get("type"), str):
        raise FormatError(f'{label}: expects an object with a "type", received {_short(data)}')
    name = data["type"]
    described = TYPES[kind].get(name)
    if described is None:
        raise FormatError(f"unknown {label} {name!r}; known: {', '.join(sorted(TYPES[kind]))}")
    types = _field_types(described)
    for unknown in data.keys() - types.keys() - {"type"}:
        raise FormatError(f"{name}: unknown field {unknown!r}; known: {', '.join(types) or 'none'}")
    for field in fields(described):
        if field.default is MISSING and field.name not in data:
            raise FormatError(f"{name}: the field {field.name!r} is missing")
    values = {
        field: _checked(f"{name}: {field}", annotation, data[field])
        for field, annotation in types.items()
        if field in data
    }
    try:
        return described(**values)
    except LayerError as error:
        raise FormatError(str(error)) from None


class _WrongTypeError(Exception):
    """A value is not of its declared type."""


@cache
def _field_types(described: type) -> dict[str, Any]:
    hints = get_type_hints(described)
    return {field.name: hints[field.name] for field in fields(described)}


def _checked(what: str, annotation: Any, value: object) -> object:
    try:
        return _value(annotation, value)
    except _WrongTypeError:
        raise FormatError(f"{what} is {_readable(annotation)}, received {_short(value)}") from None


def _value(annotation: Any, value: object) -> object:
    """The value as the declared type has it: lists become tuples, whole numbers floats where declared."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return _first_that_fits(get_args(annotation), value)
    if origin is tuple:
        return _tuple(get_args(annotation), value)
    if annotation in TYPES:
        return _restore(annotation, value)
    if origin is Literal:
        valid = isinstance(value, str) and value in get_args(annotation)
    elif annotation is NoneType:
        valid = value is None
    elif annotation in (bool, str):
        valid = isinstance(value, annotation)
    elif annotation is int:
        valid = _is_integer(value)
    elif annotation is float:
        if isinstance(value, int) and _is_integer(value):
            return float(value)
        valid = isinstance(value, float) and math.isfinite(value)
    else:
        raise TypeError(f"descriptions have no rule for fields of type {annotation}")
    if not valid:
        raise _WrongTypeError
    return value


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_INTEGER


def _first_that_fits(annotations: tuple[Any, ...], value: object) -> object:
    for annotation in annotations:
        try:
            return _value(annotation, value)
        except _WrongTypeError:
            continue
    raise _WrongTypeError


def _tuple(items: tuple[Any, ...], value: object) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise _WrongTypeError
    annotations = (items[0],) * len(value) if items[-1] is Ellipsis else items
    if len(annotations) != len(value):
        raise _WrongTypeError
    return tuple(_value(annotation, item) for annotation, item in zip(annotations, value, strict=True))


def _readable(annotation: Any) -> str:
    if get_origin(annotation) in (Union, UnionType):
        return " | ".join(_readable(choice) for choice in get_args(annotation))
    if annotation is NoneType:
        return "None"
    plain = isinstance(annotation, type) and get_origin(annotation) is None
    return annotation.__name__ if plain else str(annotation).replace("typing.", "")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
