"""Values as JSON: fields named as in the dataclasses, times in UTC with Z, paths as text plus base64."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from app.model.paths import is_utf8, json_path, shown


def utc_text(moment: datetime) -> str:
    """`moment` as ISO 8601 UTC with `Z`; microseconds only where there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def json_value(value: Any) -> Any:
    """`value` made of dicts, lists, text, numbers, booleans and None only."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return json_fields({f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.repr})
    if isinstance(value, Mapping):
        return json_fields({_key(key): item for key, item in value.items()})
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, bytes):
        return shown(value) if is_utf8(value) else json_path(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [json_value(item) for item in value]
    return value


def json_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A dict of `fields`; a bytes value that is not UTF-8 gets `<name>_b64` beside it, a list of them too."""
    result: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, bytes):
            result.update(json_path(value, name))
        elif isinstance(value, (list, tuple)) and value and all(isinstance(item, bytes) for item in value):
            result[name] = [shown(item) for item in value]
            if not all(is_utf8(item) for item in value):
                result[name + "_b64"] = [base64.b64encode(item).decode("ascii") for item in value]
        else:
            result[name] = json_value(value)
    return result


def _key(key: object) -> str:
    return str(key.value) if isinstance(key, Enum) else str(key)
