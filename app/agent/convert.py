"""Model values to protocol messages and back, driven by the fields both have in common.

A message mirrors its dataclass field by field, so one conversion serves all. What arrives is hostile until
converted: an unknown word, a missing value or a number out of range is AE1007.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from google.protobuf.message import Message

from app.agent.generated import agent_pb2 as pb
from app.model.errors import UsageError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Value = TypeVar("Value")
Target = TypeVar("Target", bound=Message)


def to_message(value: Any, kind: type[Target]) -> Target:
    """The message of `kind` for the dataclass `value`."""
    message: Target = _encoder(type(value), kind)(value)
    return message


def from_message(message: Message, kind: type[Value]) -> Value:
    """The value of dataclass `kind` that `message` says. Raises UsageError AE1007 when it says none."""
    try:
        value: Value = _decoder(kind)(message)
    except (ValueError, TypeError, OverflowError, KeyError) as error:
        raise UsageError("AE1007", message=kind.__name__, reason=error) from error
    return value


def enum_value(kind: type[Value], word: str) -> Value:
    """The member of enumeration `kind` that `word` names. Raises UsageError AE1007."""
    try:
        return kind(word)  # type: ignore[call-arg]  # an Enum is called with its value
    except ValueError as error:
        raise UsageError("AE1007", message=kind.__name__, reason=error) from error


def to_text(text: str) -> str:
    """`text` as UTF-8 can carry it: lone surrogates of undecodable names become U+FFFD."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def to_time(at: datetime) -> pb.Time:
    """A moment on the wire."""
    return pb.Time(microseconds=(at - _EPOCH) // _MICROSECOND)


def from_time(message: Any) -> datetime:
    """A moment from the wire, aware, UTC."""
    return _EPOCH + timedelta(microseconds=message.microseconds)


def _encoder(kind: Any, target: Any) -> Callable[[Any], Any]:
    return _made_encoder(kind, target)


@cache
def _made_encoder(kind: Any, target: Any) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(kind)
    parts = [(item, _encode_field(hints[item], target, item)) for item in _fields_of(kind)]

    def encode(value: Any) -> Any:
        found = ((name, part(getattr(value, name))) for name, part in parts)
        return target(**{name: part for name, part in found if part is not None})

    return encode


def _encode_field(hint: Any, target: Any, name: str) -> Callable[[Any], Any]:
    item, many = _shape(hint)
    if many is dict:
        return lambda value: {to_text(str(key)): to_plain(part) for key, part in value.items()}
    one = _encode_one(item, target, name)
    if many is tuple:
        return lambda value: [one(part) for part in value]
    return lambda value: None if value is None else one(value)


def to_plain(value: Any) -> Any:
    """A number as it is, all else as text."""
    return value if isinstance(value, int) else to_text(str(value))


def _encode_one(item: Any, target: Any, name: str) -> Callable[[Any], Any]:
    if _has_fields(item):
        return _encoder(item, getattr(pb, item.__name__))
    if item is datetime:
        return to_time
    if typing.get_origin(item) is tuple:
        return lambda pair: pb.BytesPair(first=pair[0], second=pair[1])
    if isinstance(item, type) and issubclass(item, Enum):
        return lambda value: value.value
    if item is str:
        return to_text
    if name not in target.DESCRIPTOR.fields_by_name:
        raise LookupError(name)
    return lambda value: value


def _decoder(kind: Any) -> Callable[[Any], Any]:
    return _made_decoder(kind)


@cache
def _made_decoder(kind: Any) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(kind)
    parts = [(item, _decode_field(hints[item], item)) for item in _fields_of(kind)]
    return lambda message: kind(**{name: part(message) for name, part in parts})


def _decode_field(hint: Any, name: str) -> Callable[[Any], Any]:
    item, many = _shape(hint)
    if many is dict:
        key_kind, value_kind = item
        return lambda message: {
            key_kind(key): value_kind(part) for key, part in getattr(message, name).items()
        }
    one = _decode_one(item)
    if many is tuple:
        return lambda message: tuple(one(part) for part in getattr(message, name))
    if _is_optional(hint):
        return lambda message: one(getattr(message, name)) if message.HasField(name) else None
    if _has_fields(item) or item is datetime:

        def required(message: Any) -> Any:
            if not message.HasField(name):
                raise ValueError(name)
            return one(getattr(message, name))

        return required
    return lambda message: one(getattr(message, name))


def _decode_one(item: Any) -> Callable[[Any], Any]:
    if _has_fields(item):
        return _decoder(item)
    if item is datetime:
        return from_time
    if typing.get_origin(item) is tuple:
        return lambda pair: (pair.first, pair.second)
    if isinstance(item, type) and issubclass(item, Enum):
        return item
    return lambda value: value


def _has_fields(item: Any) -> bool:
    """A dataclass or a named tuple."""
    return isinstance(item, type) and (is_dataclass(item) or hasattr(item, "_fields"))


def _fields_of(kind: Any) -> tuple[str, ...]:
    named: tuple[str, ...] | None = getattr(kind, "_fields", None)
    return tuple(item.name for item in fields(kind)) if named is None else named


def _is_optional(hint: Any) -> bool:
    return typing.get_origin(hint) in (types.UnionType, typing.Union)


def _shape(hint: Any) -> tuple[Any, Any]:
    """(type of one value, tuple | dict | None)."""
    if _is_optional(hint):
        return next(part for part in typing.get_args(hint) if part is not type(None)), None
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], tuple
    if typing.get_origin(hint) is dict:
        return typing.get_args(hint), dict
    return hint, None
