"""Owners of a session's entries: their names kept with it, and whose they become where it is restored."""

from __future__ import annotations

import grp
import pwd
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any

import msgpack

from app.media.api import SessionHeader
from app.media.node import EXTRA, GID, UID, Entry
from app.media.reader import ChunkReader
from app.model.errors import ArcxoError
from app.model.owners import OWNERS_MAX, HostOwners, Owner, OwnerChange, OwnerCount, OwnerRule

_ACL_PREFIX = b"system.posix_acl_"
_ACL_ENTRY = struct.Struct("<HHI")
_ACL_HEAD_BYTES = 4
_ACL_USER, _ACL_GROUP = 0x02, 0x08
_NUMBERS = range((1 << 32) - 1)
"""The last one means "leave it" to the system."""


def encode_owners(owners: HostOwners) -> bytes:
    """The object that keeps the names of a session's owners."""
    users, groups = ([[one.number, one.name] for one in side] for side in (owners.users, owners.groups))
    packed: bytes = msgpack.packb([1, users, groups])
    return packed


def decode_owners(data: bytes) -> HostOwners:
    """What `data` keeps. Raises ValueError for what no writer makes."""
    try:
        document = msgpack.unpackb(data)
    except (ValueError, msgpack.UnpackException) as error:
        raise ValueError("not a list of owners") from error
    if type(document) is not list or len(document) != 3 or document[0] != 1:
        raise ValueError("not a list of owners of version 1")
    return HostOwners(_decoded(document[1]), _decoded(document[2]))


def _decoded(rows: Any) -> tuple[Owner, ...]:
    if type(rows) is not list or len(rows) > OWNERS_MAX:
        raise ValueError("the owners have another shape")
    for row in rows:
        if type(row) is not list or len(row) != 2 or type(row[0]) is not int or type(row[1]) is not str:
            raise ValueError("an owner has another shape")
        if row[0] not in _NUMBERS or not row[1].isprintable():
            raise ValueError("an owner is impossible")
    return tuple(Owner(number, name) for number, name in rows)


def recorded_owners(header: SessionHeader, reader: ChunkReader) -> HostOwners:
    """The names kept with a session; none where none were kept or they cannot be read any more."""
    try:
        kept = bytes.fromhex(header.owners_id)
        return decode_owners(bytes(reader.chunk(kept))) if len(kept) == 32 else HostOwners()
    except (ArcxoError, ValueError):
        return HostOwners()


def check_names(
    header: SessionHeader, reader: ChunkReader, rule: OwnerRule, changes: Sequence[OwnerChange]
) -> None:
    """Raises ArcxoError E4253 when names are needed that were kept with a session and are damaged."""
    needed = rule is OwnerRule.NAME or any(not one.source.isdigit() for one in changes)
    if needed and header.owners_id and not recorded_owners(header, reader):
        raise ArcxoError("E4253", session=header.number, media=reader.store.location)


class _Side:
    """Users, or groups: where a number of the session goes."""

    def __init__(
        self,
        owners: Callable[[], Sequence[Owner]],
        rule: OwnerRule,
        changes: dict[str, int],
        number_of: Callable[[str], int | None],
    ) -> None:
        self._owners = owners
        self._rule = rule
        self._changes = changes
        self._number_of = number_of
        self._known: dict[int, int] = {}

    @cached_property
    def names(self) -> dict[int, str]:
        """The names that were kept with the session, by number."""
        return {one.number: one.name for one in self._owners()}

    def becomes(self, number: int) -> int:
        """The number at the destination."""
        found = self._known.get(number)
        if found is None:
            found = self._known[number] = self._find(number)
        return found

    def _find(self, number: int) -> int:
        if self._rule is OwnerRule.NUMBER and not self._changes:
            return number
        name = self.names.get(number, "")
        for key in (name, str(number)):
            if key and key in self._changes:
                return self._changes[key]
        if self._rule is OwnerRule.NAME and name:
            there = self._number_of(name)
            return number if there is None else there
        return number


class OwnerMap:
    """Whose the entries of one session become on this host. Looks names up here, each once."""

    def __init__(
        self, names: Callable[[], HostOwners], rule: OwnerRule, changes: Sequence[OwnerChange]
    ) -> None:
        """`names` is asked when a name is needed.

        Raises:
            ArcxoError: E4251, E4252 a user or group that is to be given something is not on this host.
        """
        users = {one.source: _user(one.becomes) for one in changes if not one.group}
        groups = {one.source: _group(one.becomes) for one in changes if one.group}
        kept = cache(names)
        self.users = _Side(lambda: kept().users, rule, users, _number_of_user)
        self.groups = _Side(lambda: kept().groups, rule, groups, _number_of_group)
        self._changes_any = rule is not OwnerRule.NUMBER or bool(changes)

    def given(self, entry: Entry) -> Entry:
        """The entry as it is to be written: itself where nothing changes."""
        if not self._changes_any:
            return entry
        uid, gid = self.users.becomes(entry[UID]), self.groups.becomes(entry[GID])
        extra = entry[EXTRA]
        acls = bool(extra) and any(name.startswith(_ACL_PREFIX) for name, _ in extra.get("x", ()))
        if (uid, gid) == (entry[UID], entry[GID]) and not acls:
            return entry
        # Entries are shared by all who read the directory.
        changed = list(entry)
        changed[UID], changed[GID] = uid, gid
        if acls:
            changed[EXTRA] = {**extra, "x": [[name, self._acl(name, value)] for name, value in extra["x"]]}
        return changed

    def _acl(self, name: bytes, value: bytes) -> bytes:
        """An access control list names users and groups by number, too."""
        if not name.startswith(_ACL_PREFIX) or (len(value) - _ACL_HEAD_BYTES) % _ACL_ENTRY.size:
            return value
        made = [value[:_ACL_HEAD_BYTES]]
        for tag, permissions, number in _ACL_ENTRY.iter_unpack(value[_ACL_HEAD_BYTES:]):
            side = {_ACL_USER: self.users, _ACL_GROUP: self.groups}.get(tag)
            becomes = number if side is None else side.becomes(number)
            made.append(_ACL_ENTRY.pack(tag, permissions, becomes))
        return b"".join(made)


class OwnerTally:
    """Counts whose entries are written, by what they were in their session."""

    def __init__(self) -> None:
        self._users: Counter[tuple[int, str, int]] = Counter()
        self._groups: Counter[tuple[int, str, int]] = Counter()

    def add(self, owners: OwnerMap, uid: int, gid: int) -> None:
        """An entry that belonged to user `uid` and group `gid`."""
        users, groups = owners.users, owners.groups
        self._users[uid, users.names.get(uid, ""), users.becomes(uid)] += 1
        self._groups[gid, groups.names.get(gid, ""), groups.becomes(gid)] += 1

    def counts(self) -> tuple[OwnerCount, ...]:
        """All of them, those with the most entries first; with the names of this host."""
        found = [
            OwnerCount(number, name, becomes, _name_of_user(becomes), entries)
            for (number, name, becomes), entries in self._users.items()
        ]
        found += [
            OwnerCount(number, name, becomes, _name_of_group(becomes), entries, group=True)
            for (number, name, becomes), entries in self._groups.items()
        ]
        found.sort(key=lambda one: (one.group, -one.entries, one.number))
        return tuple(found[:OWNERS_MAX])


def _user(text: str) -> int:
    found = _number(text) if text.isdigit() else _number_of_user(text)
    if found is None:
        raise ArcxoError("E4251", name=text)
    return found


def _group(text: str) -> int:
    found = _number(text) if text.isdigit() else _number_of_group(text)
    if found is None:
        raise ArcxoError("E4252", name=text)
    return found


def _number(text: str) -> int | None:
    number = int(text) if len(text) <= 10 and text.isascii() else -1
    return number if number in _NUMBERS else None


def _number_of_user(name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):
        return None


def _number_of_group(name: str) -> int | None:
    try:
        return grp.getgrnam(name).gr_gid
    except (KeyError, ValueError):
        return None


def _name_of_user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except (KeyError, OverflowError):
        return ""


def _name_of_group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except (KeyError, OverflowError):
        return ""
