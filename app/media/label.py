"""Labels: making and finding media in a device's directory."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import secrets
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from app.media.document import Document, decode_document, encode_document, moment_of
from app.media.far import far_media
from app.media.object_names import check_names
from app.media.reserve import keep_reserve
from app.media.store import DirectoryMediaStore, storage_faults
from app.media.values import FORMAT_VERSION, Label, MediaFound
from app.model.errors import ArcxoError, NotFoundError, UsageError

DIRECTORIES = (
    "keys",
    "packs",
    "sessions",
    "index",
    "intents",
    "fossils",
    "quarantine",
    "members",
    "homes",
    "tmp",
)
VERSIONS = range(1, FORMAT_VERSION + 1)
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,64}")
_SEQUENCE_MOST = 99_999
_IDENTIFIER = re.compile(r"[0-9A-F]{4}")


def check_name(name: str) -> None:
    """Raises UsageError E4101 when a media cannot have this name."""
    if not _NAME.fullmatch(name) or name.startswith(".") or name.strip() != name:
        raise UsageError("E4101", name=name)


def format_media(
    device_dir: str,
    name: str,
    media_id: str = "",
    *,
    set_id: str = "",
    sequence: int = 1,
    expires_at: datetime | None = None,
) -> MediaFound:
    """See `app.media.api.format_media`. The label is written last: without it there is no media."""
    check_name(name)
    media_id = media_id.upper() or secrets.token_hex(2).upper()
    if not _IDENTIFIER.fullmatch(media_id):
        raise UsageError("E4109", id=media_id)
    label = Label(
        name=name,
        media_id=media_id,
        serial=str(uuid.uuid4()),
        sequence=sequence,
        set_id=set_id or str(uuid.uuid4()),
        created_at=datetime.now(UTC),
        expires_at=expires_at,
    )
    path = _directory_for(device_dir, name, sequence)
    store = DirectoryMediaStore(path)
    with storage_faults(path, "label"):
        os.makedirs(device_dir, mode=0o700, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
        for directory in DIRECTORIES:
            with contextlib.suppress(FileExistsError):
                os.mkdir(f"{path}/{directory}", 0o700)
    if store.size("label") is None and (store.names("sessions") or store.names("packs")):
        # What a lost label leaves may be all that is left of someone's data: nothing is made over it.
        raise ArcxoError("E4110", path=path)
    _check_links(store)
    if not store.put_if_absent("label", encode_document(_fields(label))):
        raise ArcxoError("E4102", name=name, device=device_dir)
    store.synchronize_directory(".")
    store.synchronize_directory("..")
    keep_reserve(store)
    return MediaFound(path, label)


def _directory_for(device_dir: str, name: str, sequence: int) -> str:
    """Where a media of this name goes: its own directory, unless one that was renamed has it still."""
    # Names may hold slashes (the automatic one is a date and a time); the directory's name does not.
    plain = name.replace("/", "-")
    first = f"{device_dir}/{plain if sequence == 1 else f'{plain}.{sequence}'}"
    path, number = first, 1
    while True:
        try:
            held = read_label(path)
        except ArcxoError:
            return path
        if (held.name, held.sequence) == (name, sequence):
            return path
        number += 1
        path = f"{first} ({number})"


def relabel(media_path: str, serial: str, *, name: str, expires_at: datetime | None, at: datetime) -> Label:
    """See `app.media.api.relabel`. The label is replaced in one step."""
    check_name(name)
    label = read_label(media_path)
    if label.serial != serial:
        raise ArcxoError("E4108", path=media_path, serial=label.serial)
    if label.revised_at is not None and label.revised_at >= at:
        return label
    changed = dataclasses.replace(label, name=name, expires_at=expires_at, revised_at=at)
    DirectoryMediaStore(media_path).replace("label", encode_document(_fields(changed)))
    return changed


def _check_links(store: DirectoryMediaStore) -> None:
    """A device must be able to link(2); found out by doing it."""
    probe, twin = (
        store.path("tmp/probe-" + secrets.token_hex(4)),
        store.path("tmp/twin-" + secrets.token_hex(4)),
    )
    with storage_faults(store.location, "tmp"):
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            os.link(probe, twin)
            os.unlink(twin)
        except OSError as error:
            raise ArcxoError("E4103", device=store.location, reason=error.strerror or str(error)) from error
        finally:
            os.unlink(probe)


def _fields(label: Label) -> Document:
    return {
        "format": "arcxo media",
        "format_version": label.format_version,
        "name": label.name,
        "id": label.media_id,
        "serial": label.serial,
        "sequence": label.sequence,
        "set": label.set_id,
        "created_at": label.created_at.isoformat(),
    } | {
        key: at.isoformat()
        for key, at in (("expires_at", label.expires_at), ("revised_at", label.revised_at))
        if at is not None
    }


def read_label(media_path: str) -> Label:
    """See `app.media.api.read_label`."""
    try:
        data = _label_of(media_path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError("E4105", path=media_path) from error
    except OSError as error:
        raise ArcxoError("E4142", media=media_path, object="label", reason=error.strerror or "") from error
    fields = decode_document(data, "E4106", path=media_path)
    if fields.get("format") != "arcxo media" or fields.get("format_version") not in VERSIONS:
        raise ArcxoError("E4107", path=media_path, version=fields.get("format_version"))
    try:
        return _checked(
            Label(
                name=str(fields["name"]),
                media_id=str(fields["id"]),
                serial=str(fields["serial"]),
                sequence=int(fields["sequence"]),
                set_id=str(fields["set"]),
                created_at=moment_of(fields["created_at"]),
                format_version=int(fields["format_version"]),
                expires_at=_moment(fields.get("expires_at")),
                revised_at=_moment(fields.get("revised_at")),
            )
        )
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise ArcxoError("E4106", path=media_path, reason="a field is missing or wrong") from error


def _checked(label: Label) -> Label:
    """The label, if a writer may have made it: people see it, its serial names objects. Raises ValueError."""
    for name in (label.name, label.media_id, label.set_id):
        if not _NAME.fullmatch(name) or not name.encode():
            raise ValueError("a name that is none")
    check_names([label.serial])
    if not 1 <= label.sequence <= _SEQUENCE_MOST:
        raise ValueError("no sequence")
    return label


def _label_of(media_path: str) -> bytes:
    far = far_media(media_path)
    if far is not None:
        return far.get("label")
    with open(f"{media_path}/label", "rb") as file:
        return file.read(65_536)


def _moment(text: object) -> datetime | None:
    """A time of a label, None where it says none. ValueError for what is none."""
    return None if text is None else moment_of(text)


def list_media(device_dir: str) -> Sequence[MediaFound]:
    """See `app.media.api.list_media`."""
    try:
        names = sorted(os.listdir(device_dir))
    except OSError as error:
        raise ArcxoError("E4104", device=device_dir, reason=error.strerror or str(error)) from error
    found = []
    for name in names:
        path = f"{device_dir}/{name}"
        if name.startswith(".") or not os.path.isdir(path):
            continue
        try:
            found.append(MediaFound(path, read_label(path)))
        except NotFoundError:
            continue
        except ArcxoError as error:
            found.append(MediaFound(path, None, error.code))
    return found
