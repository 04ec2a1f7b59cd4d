"""Small text objects of a media (label, headers, key slots, intents): JSON and a checksum line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from blake3 import blake3

from app.model.errors import ArcxoError

Document = dict[str, Any]


def encode_document(fields: Document) -> bytes:
    """JSON with sorted keys, a newline, `blake3 <hex of the bytes before>` and a newline."""
    body = json.dumps(fields, sort_keys=True, indent=1).encode("ascii") + b"\n"
    return body + b"blake3 " + blake3(body).hexdigest().encode("ascii") + b"\n"


def decode_document(data: bytes, code: str, **params: str | int) -> Document:
    """The fields; raises ArcxoError `code` with `params` and a `reason` when one byte is not as written."""
    body, separator, tail = data[:-1].rpartition(b"\n")
    body += separator
    if data[-1:] != b"\n" or tail != b"blake3 " + blake3(body).hexdigest().encode("ascii"):
        raise _fault(code, "its checksum does not match its content", params)
    try:
        fields = json.loads(body, parse_constant=_refuse, parse_float=_refuse)
    except (ValueError, RecursionError) as error:
        raise _fault(code, "it is not JSON", params) from error
    if not isinstance(fields, dict):
        raise _fault(code, "it is not a JSON object", params)
    return fields


def moment_of(text: object) -> datetime:
    """A time that a document says, in UTC. ValueError for what is none, or has no time zone."""
    moment = datetime.fromisoformat(str(text))
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("no time that has a date") from error


def _refuse(number: str) -> None:
    """No document holds anything but whole numbers; others have no end, or are none."""
    raise ValueError(number)


def _fault(code: str, reason: str, params: dict[str, str | int]) -> ArcxoError:
    error = ArcxoError(code, reason=reason)
    error.params.update({key: str(value) for key, value in params.items()})
    return error
