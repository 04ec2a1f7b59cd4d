"""Values of any type of the model layer, made from their annotations: `made_value(kind, number)`.

The same number gives the same value, another number another one where the type has more than one.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any, get_args, get_origin, get_type_hints

_BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
_PLAIN: dict[Any, Callable[[int], Any]] = {
    str: lambda number: f"name {number}",
    bytes: lambda number: b"/srv/dir/%d" % number,
    int: lambda number: number,
    float: lambda number: number + 0.5,
    bool: lambda number: number % 2 == 1,
    datetime: lambda number: _BEGIN + timedelta(hours=number),
    date: lambda number: (_BEGIN + timedelta(days=number)).date(),
    timedelta: lambda number: timedelta(minutes=number),
    type(None): lambda _number: None,
    Any: lambda number: number,
    object: lambda number: number,
    Hashable: lambda number: number,
}


def made_value(kind: Any, number: int) -> Any:
    """A value of `kind`; `number` from 0 on. Raises AssertionError for a type it does not know."""
    if kind in _PLAIN:
        return _PLAIN[kind](number)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return made_value(arguments[number % len(arguments)], number)
    if origin is Callable:
        return lambda *_arguments: None
    if origin is typing.Literal:
        return arguments[number % len(arguments)]
    if origin is not None and issubclass(origin, Mapping):
        return {made_value(arguments[0], one): made_value(arguments[1], one) for one in range(number % 3)}
    if origin is tuple and (len(arguments) != 2 or arguments[1] is not Ellipsis):
        return tuple(made_value(argument, number) for argument in arguments)
    if origin is not None and issubclass(origin, Sequence | set | frozenset):
        members = [made_value(arguments[0], number + more) for more in range(1 + number % 2)]
        return tuple(members) if origin is Sequence else origin(members)
    if isinstance(kind, type) and issubclass(kind, Enum):
        members = list(kind)
        return members[number % len(members)]
    assert is_dataclass(kind), f"no value of {kind} is known"
    return made_object(kind, number)


def made_object(kind: Any, number: int) -> Any:
    """An object of a dataclass, every field of it made."""
    hints = get_type_hints(kind)
    return kind(**{field.name: made_value(hints[field.name], number) for field in fields(kind) if field.init})
