"""Who opens the encrypted sessions of a media and of its set: passwords, and the recovery kit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.model.errors import ArcxoError, CredentialsError, NotFoundError, UsageError
from app.model.media_keys import KeyChange, KeySlot, OpenedSession, RecoveryKit, RecoveryTest, SlotKind
from app.services.connections import Connections

if TYPE_CHECKING:
    from app.jobs.media_choice import OnlineMedia
    from app.media.api import KeyInfo, SessionHeader

_NAME_MAX = 100


@dataclass(frozen=True, slots=True)
class _Set:
    """The media of a set that are online, by sequence, and the names of those that are not."""

    name: str
    set_id: str
    online: list[OnlineMedia]
    offline: tuple[str, ...]


class LocalKeys:
    """`KeyService` on the media themselves; each call reads and writes them now."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def list(self, media: str) -> Sequence[KeySlot]:
        """The key slots of all media of the set. NotFoundError E5140 when the media is not online."""
        from app.media import api

        found = []
        for one in self._set(media).online:
            sessions: dict[str, list[int]] = {}
            for header in api.sessions(one.path):
                sessions.setdefault(header.key_id, []).append(header.number)
            found += [
                KeySlot(
                    media_serial=one.label.serial,
                    media_name=one.label.name,
                    sequence=one.label.sequence,
                    key_id=slot.key_id,
                    slot=slot.slot,
                    kind=slot.kind,
                    name=slot.name,
                    made_at=slot.made_at,
                    sessions=tuple(sessions.get(slot.key_id, ())),
                    damaged=slot.damaged,
                )
                for slot in api.list_slots(one.path)
            ]
        return found

    def add(self, media: str, password: str, new_password: str, name: str = "") -> KeyChange:
        """Let `new_password` open whatever `password` opens. CredentialsError E4131 when that is nothing."""
        from app.media import api

        _check_name(name)
        where = self._set(media)
        added = []
        for one, slots in self._opened(where, password):
            for slot in _one_of_each_key(slots):
                if not _opens(one, new_password, slot.key_id):
                    made = api.add_slot(one.path, slot, new_password, SlotKind.PASSWORD, name)
                    added.append(_slot_name(one, made))
        return KeyChange(where.name, added=tuple(added), offline=where.offline)

    def change(self, media: str, password: str, new_password: str, name: str = "") -> KeyChange:
        """`new_password` instead of `password`: first it opens everywhere, then the other no more."""
        from app.media import api

        _check_name(name)
        where = self._set(media)
        opened = self._opened(where, password)
        if _is_same(password, new_password):
            raise UsageError("E1160")
        added, removed = [], []
        new: dict[tuple[str, str], KeyInfo] = {}
        for one, slots in opened:
            for slot in _one_of_each_key(slots):
                made = _opens(one, new_password, slot.key_id)
                if made is None:
                    made = api.add_slot(one.path, slot, new_password, SlotKind.PASSWORD, name)
                    added.append(_slot_name(one, made))
                new[one.path, slot.key_id] = made
        for one, slots in opened:
            for slot in slots:
                api.remove_slot(one.path, slot.key_id, slot.slot, new[one.path, slot.key_id])
                removed.append(_slot_name(one, slot))
        return KeyChange(where.name, tuple(added), tuple(removed), where.offline, self._jobs_with(password))

    def remove(self, media: str, key_id: str, slot: int, password: str) -> KeyChange:
        """Take one slot of a key away from the media. `password` opens another one, which stays.

        Raises:
            CredentialsError: E4131 the password is wrong, E4136 it opens only the slot that is to go.
            NotFoundError: E4135 there is no such slot.
        """
        from app.media import api

        one = self._one(media)
        opened = [info for info in api.open_slots(one.path, password) if info.key_id == key_id]
        if not opened:
            raise CredentialsError("E4131", media=one.label.name)
        stays = next((info for info in opened if info.slot != slot), opened[0])
        api.remove_slot(one.path, key_id, slot, stays)
        return KeyChange(one.label.name, removed=(f"{one.label.name} {key_id}.{slot}",))

    def recovery_kit(self, media: str, password: str) -> RecoveryKit:
        """A new recovery key for whatever `password` opens; it is told here and kept nowhere."""
        from app.media import api
        from app.media.recovery import new_recovery_key
        from app.services.recovery_text import kit_text

        where = self._set(media)
        secret, made_at = new_recovery_key(), datetime.now(UTC)
        keys = []
        for one, slots in self._opened(where, password):
            for slot in _one_of_each_key(slots):
                api.add_slot(
                    one.path, slot, secret, SlotKind.RECOVERY, f"kit of {made_at:%Y-%m-%d %H:%M} UTC"
                )
                keys.append(slot.key_id)
        found = tuple(dict.fromkeys(keys))
        self._let_kit_open_home(secret, made_at, [one.path for one in where.online])
        text = kit_text(secret, where.name, where.set_id, found, made_at)
        return RecoveryKit(where.name, where.set_id, found, where.offline, text)

    def _let_kit_open_home(self, secret: str, made_at: datetime, paths: Sequence[str]) -> None:
        """What the media keep of this home opens with the kit, too: without caroot's password, jobs and
        accounts come back.
        """
        from app.agent.home_key import HomeKey
        from app.jobs.home_record import HomeRecorder

        connections = self._connections
        if HomeKey(connections.home).add_recovery(secret, made_at):
            HomeRecorder(connections.home, connections.catalog, connections.secrets).put(paths)

    def test_recovery(self, media: str, recovery_key: str) -> RecoveryTest:
        """Open the newest session of each key with a recovery key (or a password) and read its top.

        Raises:
            CredentialsError: E4137, E4138 it is mistyped; E4131 it opens nothing on the media.
            ArcxoError: a session that should open cannot be read.
        """
        from app.media import api
        from app.media.recovery import check_recovery_key

        secret = check_recovery_key(recovery_key)
        where = self._set(media)
        opened, missed = [], set()
        for one in where.online:
            keys = {info.key_id: info for info in api.open_slots(one.path, secret)}
            newest: dict[str, SessionHeader] = {}
            for header in api.sessions(one.path):
                newest[header.key_id] = header
            for key_id, header in newest.items():
                if key_id and key_id not in keys:
                    missed.add(key_id)
                elif key_id:
                    entries = api.list_directory(one.path, header.number, b"/", keys[key_id].data_key)
                    label = one.label
                    opened.append(
                        OpenedSession(label.name, label.sequence, header.number, key_id, len(entries))
                    )
        if not opened:
            raise CredentialsError("E4131", media=where.name)
        return RecoveryTest(where.name, tuple(opened), tuple(sorted(missed)), where.offline)

    def _opened(self, where: _Set, password: str) -> Sequence[tuple[OnlineMedia, Sequence[KeyInfo]]]:
        """What a password opens; CredentialsError E4131 when that is nothing."""
        from app.media import api

        found = [(one, slots) for one in where.online if (slots := api.open_slots(one.path, password))]
        if not found:
            raise CredentialsError("E4131", media=where.name)
        return found

    def _one(self, media: str) -> OnlineMedia:
        from app.jobs.media_choice import find_media

        catalog = self._connections.catalog
        return find_media(catalog, catalog.media.show_media(media).serial)

    def _set(self, media: str) -> _Set:
        from app.jobs.media_choice import online_media

        catalog = self._connections.catalog
        chosen = self._one(media).label
        online = [one for one in online_media(catalog) if one.label.set_id == chosen.set_id]
        there = {one.label.serial for one in online}
        missing = [
            info
            for info in catalog.media.media()
            if info.set_id == chosen.set_id and info.serial not in there
        ]
        return _Set(
            chosen.name,
            chosen.set_id,
            sorted(online, key=lambda one: one.label.sequence),
            tuple(f"{info.name} ({info.sequence})" for info in missing),
        )

    def _jobs_with(self, password: str) -> tuple[int, ...]:
        """The jobs that will run again with a password that was taken away."""
        from app.jobs.credentials import JobSecrets

        catalog = self._connections.catalog
        found = []
        for job in catalog.jobs.list(include_done=False):
            try:
                sealed = catalog.jobs.credentials(job.id)
                held = JobSecrets.unseal(self._connections.secrets, sealed).session_password
            except (ArcxoError, NotFoundError):
                continue
            if held == password:
                found.append(job.id)
        return tuple(sorted(found))


def _check_name(name: str) -> None:
    if len(name) > _NAME_MAX or not name.isprintable():
        raise UsageError("E1161", limit=_NAME_MAX)


def _one_of_each_key(slots: Sequence[KeyInfo]) -> Sequence[KeyInfo]:
    return list({slot.key_id: slot for slot in slots}.values())


def _opens(one: OnlineMedia, password: str, key_id: str) -> KeyInfo | None:
    from app.media import api

    return next((info for info in api.open_slots(one.path, password) if info.key_id == key_id), None)


def _is_same(password: str, new_password: str) -> bool:
    from app.media.keys import secret_forms

    return secret_forms(password)[0] == secret_forms(new_password)[0]


def _slot_name(one: OnlineMedia, slot: KeyInfo) -> str:
    sequence = f" ({one.label.sequence})" if one.label.sequence > 1 else ""
    return f"{one.label.name}{sequence} {slot.key_id}.{slot.slot}"
