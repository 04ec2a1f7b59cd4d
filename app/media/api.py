"""The media store: media as directories, their sessions, keys and checks. All calls block on disk."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime

from app.media.values import (
    FORMAT_VERSION,
    Absence,
    CollectProgress,
    CollectReport,
    Damage,
    HealReport,
    KeyInfo,
    Label,
    MediaFound,
    SessionEntry,
    SessionHeader,
    SlotInfo,
    VerifyProgress,
    VerifyReport,
)
from app.model.content import FileContent
from app.model.errors import ArcxoError
from app.model.media import PurgePlan
from app.model.media_keys import SlotKind

__all__ = [
    "FORMAT_VERSION",
    "Absence",
    "CollectProgress",
    "CollectReport",
    "Damage",
    "HealReport",
    "KeyInfo",
    "Label",
    "MediaFound",
    "SessionEntry",
    "SessionHeader",
    "SlotInfo",
    "VerifyProgress",
    "VerifyReport",
    "absence",
    "add_slot",
    "collect",
    "copy_slots",
    "create_key",
    "erase_media",
    "erased_media",
    "format_media",
    "has_fossils",
    "heal",
    "introduce",
    "list_directory",
    "list_media",
    "list_slots",
    "open_slots",
    "plan_purge",
    "read_label",
    "read_session",
    "relabel",
    "remove_erased",
    "remove_sessions",
    "remove_slot",
    "removed_sessions",
    "session_entries",
    "sessions",
    "unlock",
    "unreadable_sessions",
    "used_bytes",
    "verify",
    "writers",
]


def format_media(
    device_dir: str,
    name: str,
    media_id: str = "",
    *,
    set_id: str = "",
    sequence: int = 1,
    expires_at: datetime | None = None,
) -> MediaFound:
    """Make a new, empty media in a device.

    E4101 bad name, E4102 exists, E4103 no hard links, E4110 data without a label, E4141 full.
    """
    from app.media.label import format_media as implementation

    return implementation(device_dir, name, media_id, set_id=set_id, sequence=sequence, expires_at=expires_at)


def relabel(media_path: str, serial: str, *, name: str, expires_at: datetime | None, at: datetime) -> Label:
    """Give a media another name and expiry; `at` is when that was asked for, the same for all of a set.

    Nothing happens when the label was revised later already. E4101 bad name, E4108 another media.
    """
    from app.media.label import relabel as implementation

    return implementation(media_path, serial, name=name, expires_at=expires_at, at=at)


def list_media(device_dir: str) -> Sequence[MediaFound]:
    """The media of a device, by name. E4104 when the device's directory cannot be read."""
    from app.media.label import list_media as implementation

    return implementation(device_dir)


def read_label(media_path: str) -> Label:
    """The label. E4105 not a media, E4106 damaged, E4107 of a newer format."""
    from app.media.label import read_label as implementation

    return implementation(media_path)


def erase_media(media_path: str, serial: str) -> None:
    """Take the media with all its sessions out of sight in one step; `serial` must match its label (E4108).

    `remove_erased` gives its room back. Who was killed in between leaves it to whoever asks `erased_media`.
    """
    from app.media.erasing import erase_media as implementation

    implementation(media_path, serial)


def erased_media(device_dir: str) -> Sequence[str]:
    """The serials of media that are erased but not removed yet. E4104 when the device cannot be read."""
    from app.media.erasing import erased_media as implementation

    return implementation(device_dir)


def remove_erased(device_dir: str, serial: str) -> None:
    """Remove what is left of an erased media; may be repeated. Blocks for as long as deleting takes."""
    from app.media.erasing import remove_erased as implementation

    implementation(device_dir, serial)


def sessions(media_path: str) -> Sequence[SessionHeader]:
    """The committed sessions, by number; one with a damaged header is left out (verify names it)."""
    from app.media.session import headers as implementation

    return implementation(media_path)


def unreadable_sessions(media_path: str) -> Sequence[tuple[int, ArcxoError]]:
    """The numbers whose headers are damaged, with what is wrong (E4122)."""
    from app.media.session import unreadable as implementation

    return implementation(media_path)


def read_session(media_path: str, number: int) -> SessionHeader:
    """One header. NotFoundError E4121; E4122 damaged."""
    from app.media.session import read_header as implementation

    return implementation(media_path, number)


def create_key(media_path: str, password: str, *, minimal: bool | None = None) -> KeyInfo:
    """A new data key under a new slot; `minimal` cost is for tests (default: ARCXO_ARGON2=minimal)."""
    from app.media.keys import create_key as implementation

    return implementation(media_path, password, minimal=minimal)


def unlock(media_path: str, password: str, key_id: str = "") -> KeyInfo:
    """The data key a password opens. CredentialsError E4131 when it opens none (or not `key_id`)."""
    from app.media.keys import unlock as implementation

    return implementation(media_path, password, key_id)


def list_slots(media_path: str) -> Sequence[SlotInfo]:
    """The key slots of a media, by key and number."""
    from app.media.slots import list_slots as implementation

    return implementation(media_path)


def open_slots(media_path: str, secret: str) -> Sequence[KeyInfo]:
    """Every slot that a password or recovery key opens; empty for a wrong one. UsageError E4133, E4140."""
    from app.media.slots import open_slots as implementation

    return implementation(media_path, secret)


def add_slot(media_path: str, key: KeyInfo, secret: str, kind: SlotKind, name: str = "") -> KeyInfo:
    """One more way to open a data key; nothing is written anew. Durable when it returns."""
    from app.media.slots import put_slot as implementation

    return implementation(media_path, key, secret, kind, name)


def remove_slot(media_path: str, key_id: str, slot: int, stays: KeyInfo) -> None:
    """Take a way to open a data key away; `stays` is another one of the same key, that was opened just now.

    NotFoundError E4135 there is no such slot; CredentialsError E4136 `stays` is that slot, or of another key;
    BusyError E4139 the other one is being removed. May be repeated. A copy of the media that was made before
    still has the slot.
    """
    from app.media.slots import remove_slot as implementation

    implementation(media_path, key_id, slot, stays)


def copy_slots(source: str, target: str) -> int:
    """Give a media of a set the key slots of another, and what was removed there; how many slots came."""
    from app.media.slots import copy_slots as implementation

    return implementation(source, target)


def session_entries(media_path: str, number: int, data_key: bytes | None = None) -> Iterator[SessionEntry]:
    """Every entry of a session, parents first. CredentialsError E4132 without the key it needs."""
    from app.media.reader import session_entries as implementation

    return implementation(media_path, number, data_key)


def list_directory(
    media_path: str, number: int, path: bytes, data_key: bytes | None = None
) -> Sequence[SessionEntry]:
    """The entries of one directory of a session. NotFoundError E4123 when it has no such directory."""
    from app.media.reader import list_directory as implementation

    return implementation(media_path, number, path, data_key)


def read_content(
    media_path: str, number: int, path: bytes, data_key: bytes | None = None, *, offset: int = 0, limit: int
) -> FileContent:
    """A part of one file of a session; holes are zeros, and every chunk that is read is checked.

    NotFoundError E4221 no such path; CredentialsError E4132 without its key; E4125 damaged.
    """
    from app.media.content import read_content as implementation

    return implementation(media_path, number, path, data_key, offset, limit)


def absence(media_path: str, number: int) -> Absence | None:
    """What a session lacks because media of its set cannot be reached; None when it is nothing.

    What is missing although it was on this media is damage and not told here. Neither is what cannot be found
    out: whoever reads the session will say what is wrong. Blocks on all media of the set.
    """
    from app.media.absence import absence as implementation

    return implementation(media_path, number)


def verify(
    media_path: str,
    *,
    full: bool,
    emit: Callable[[VerifyProgress], None] | None = None,
    canceled: Callable[[], bool] | None = None,
    data_keys: Sequence[bytes] = (),
) -> VerifyReport:
    """Check a media: quick = every object's presence, size and small objects whole; full = every byte.

    Needs no password; with `data_keys` damaged files of encrypted sessions are named.
    """
    from app.media.verify import verify as implementation

    return implementation(media_path, full=full, emit=emit, canceled=canceled, data_keys=data_keys)


def heal(
    media_path: str,
    damage: Sequence[Damage],
    *,
    twins: Sequence[str] = (),
    data_keys: Sequence[bytes] = (),
    emit: Callable[[VerifyProgress], None] | None = None,
    canceled: Callable[[], bool] | None = None,
) -> HealReport:
    """Make damaged objects again from other packs of the media and from `twins` (other media, copies of it).

    Only what is byte for byte as it was written is put back. Damaged packs that cannot be healed are moved to
    quarantine, where what is whole in them is still read; nothing is deleted before it is healed. Encrypted
    packs need their key in `data_keys`, unless a copy has them. CanceledError E4149.
    """
    from app.media.healing import heal as implementation

    return implementation(media_path, damage, twins=twins, data_keys=data_keys, emit=emit, canceled=canceled)


def used_bytes(media_path: str) -> int:
    """The bytes of all packs and their index objects, as they are now."""
    from app.media.purge import used_bytes as implementation

    return implementation(media_path)


def plan_purge(
    media_path: str, sessions: Collection[int] = (), *, expected: Collection[int] = ()
) -> PurgePlan:
    """Exactly what removing the sessions, then collecting, frees; changes nothing.

    NotFoundError E4121 no such session, also not in `expected`; E4150 and E4152 as in `collect`.
    """
    from app.media.purge import plan as implementation

    return implementation(media_path, sessions, expected)


def remove_sessions(media_path: str, sessions: Sequence[int], *, known: Collection[int] = ()) -> None:
    """Remove sessions for good; `collect` then frees what only they used. May be repeated after a crash.

    NotFoundError E4121 a session neither is there nor was removed, nor is one of `known` (those may have lost
    their headers); nothing is removed then.
    """
    from app.media.removal import remove_sessions as implementation

    implementation(media_path, sessions, known)


def removed_sessions(media_path: str) -> Sequence[int]:
    """The numbers of sessions that were removed on purpose."""
    from app.media.removal import removed_sessions as implementation

    return implementation(media_path)


def collect(
    media_path: str,
    *,
    grace_s: float = 0.0,
    repack: bool = True,
    expected: Collection[int] = (),
    emit: Callable[[CollectProgress], None] | None = None,
    canceled: Callable[[], bool] | None = None,
    elsewhere: Mapping[str, Collection[int]] | None = None,
) -> CollectReport:
    """Delete what no session refers to and no writer at work may share, of what is older than `grace_s`.

    With `repack`, packs of which a quarter or more is in use by no session are replaced by smaller ones.

    Takes no lock: backups and other collections may run meanwhile, also on other hosts. `expected` are
    sessions the caller knows of: E4152 when one is gone that nobody removed, as what it held is then worth
    keeping; `elsewhere` are such sessions by the serial of another media of the set, whose sessions need
    packs of this one too: E4160 while one of those media cannot be reached. E4150 when the list of packs of a
    session cannot be read; CanceledError E4149.
    """
    from app.media.garbage import collect as implementation

    return implementation(
        media_path,
        grace_s=grace_s,
        repack=repack,
        expected=expected,
        emit=emit,
        canceled=canceled,
        elsewhere=elsewhere,
    )


def writers(media_path: str) -> int:
    """How many writers are at work on a media, as far as their intents tell."""
    from app.media.intents import live_intents
    from app.media.store import DirectoryMediaStore

    return len(live_intents(DirectoryMediaStore(media_path)))


def introduce(media_path: str, others: Sequence[str]) -> None:
    """Tell a media where the others of its set are, and them where it is; directories of other sets are left.

    Raises E4141 or E4142 when the media itself cannot be written.
    """
    from app.media.mediaset import introduce as implementation

    implementation(media_path, others)


def has_fossils(media_path: str) -> bool:
    """Whether something waits to be deleted by a collection. Cheap."""
    from app.media.store import DirectoryMediaStore

    return bool(DirectoryMediaStore(media_path).names("fossils"))
