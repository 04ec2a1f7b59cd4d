"""What was added to the protocol since hosts began to say what they know of it.

A host of an older version leaves out what it does not know, without a word. So each host says its `KNOWS`
when it is logged in to, and what is set in a request is looked at before it is sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from google.protobuf.message import Message

KNOWS = {
    "ReplicaRequest.until": "suspending until a time",
    "RenewBackup": "keeping a backup point for as long as its job needs it",
    "ListScenariosRequest.tag": "",
    "RestoreOrder.left_out": "leaving paths out of a restore",
    "ListOwners": "naming its users and groups",
    "ArchiveOrder.owners": "",
    "ArchiveOrder.include": "taking only some files into a backup",
    "ArchiveOrder.exclude": "leaving files out of a backup",
    "HostOwners.users": "",
    "HostOwners.groups": "",
    "Owner.number": "",
    "Owner.name": "",
    "RestoreOrder.owners_by_name": "giving restored files to users of the same names",
    "RestoreOrder.owner_changes": "giving restored files to other users",
    "RestoreOrder.tell_items": "naming each restored file in a job's log",
    "OwnerChange.source": "",
    "OwnerChange.becomes": "",
    "OwnerChange.group": "",
}
"""Calls, and fields of requests as MESSAGE.FIELD, with the words for what they do; "" where nothing is lost
when a host leaves them out. A field or call that is added to the protocol is added here (a test holds it)."""


def needed_by(call: str, request: Message) -> list[str]:
    """What a host must know of `KNOWS` to do all that a request says."""
    found = [call] if KNOWS.get(call) else []
    if _may_hold(request.DESCRIPTOR):
        found += sorted(set(_set_in(request)))
    return found


def _set_in(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        name = f"{message.DESCRIPTOR.name}.{field.name}"
        if KNOWS.get(name):
            yield name
        inner = field.message_type
        if inner is None or inner.GetOptions().map_entry or not _may_hold(inner):
            continue
        for one in [value] if isinstance(value, Message) else value:
            yield from _set_in(one)


def _may_hold(kind: Any) -> bool:
    """Whether messages of a type, or those in them, have fields that not every host knows."""
    return bool(_types_within(kind) & {name.partition(".")[0] for name in KNOWS if "." in name})


@cache
def _types_within(kind: Any) -> frozenset[str]:
    found, left = set(), [kind]
    while left:
        one = left.pop()
        if one.name not in found:
            found.add(one.name)
            left += [field.message_type for field in one.fields if field.message_type is not None]
    return frozenset(found)
