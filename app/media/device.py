"""Devices: directories that hold media. Each says what it is, which tells a disk that is not mounted."""

from __future__ import annotations

import errno
import os
import uuid
from dataclasses import dataclass

from app.media.document import decode_document, encode_document
from app.media.label import list_media
from app.media.store import DirectoryMediaStore, storage_faults
from app.model.errors import ArcxoError

MARKER = ".arcxo-device"
_BY_MEDIA = "media:"
"""How the identity of a device begins that could not be marked: a media is in it, by its serial."""
NO_ROOM_BYTES = 1 << 20
_SMALL_BYTES = 16 << 20
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class DeviceState:
    """What a device's directory is like now. `fault` says what is wrong: E4161 to E4166; None: nothing."""

    total_bytes: int | None = None
    free_bytes: int | None = None
    fault: ArcxoError | None = None

    @property
    def readable(self) -> bool:
        """Whether its media can be read: a device that is read-only or full still gives what it has."""
        return self.fault is None or self.fault.code in ("E4163", "E4164")

    @property
    def writable(self) -> bool:
        """Whether something can be written."""
        return self.fault is None


def look_at_device(name: str, path: str, identity: str = "") -> DeviceState:
    """Look at a device's directory; changes nothing, never raises for what it finds there."""
    try:
        state = os.statvfs(path)
        entries = os.access(path, os.R_OK | os.X_OK)
        is_directory = os.path.isdir(path)
    except FileNotFoundError:
        return DeviceState(fault=ArcxoError("E4161", device=name, path=path))
    except OSError as error:
        return DeviceState(fault=_unreadable(name, path, error.strerror or str(error)))
    if not is_directory:
        return DeviceState(fault=_unreadable(name, path, os.strerror(errno.ENOTDIR)))
    total, free = state.f_blocks * state.f_frsize, state.f_bavail * state.f_frsize
    fault: ArcxoError | None = None
    if not entries:
        fault = _unreadable(name, path, os.strerror(errno.EACCES))
    elif identity and (found := _is_another(path, identity)):
        fault = ArcxoError("E4165", device=name, path=path, found=found)
    elif state.f_flag & os.ST_RDONLY or not os.access(path, os.W_OK):
        fault = ArcxoError("E4163", device=name, path=path)
    elif free < NO_ROOM_BYTES:
        fault = ArcxoError("E4164", device=name, path=path)
    return DeviceState(total, free, fault)


def _unreadable(name: str, path: str, reason: str) -> ArcxoError:
    return ArcxoError("E4162", device=name, path=path, reason=reason)


def has_room(path: str) -> bool:
    """Whether a device has room for at least a small session: 16 MiB, less where the whole disk is small."""
    try:
        state = os.statvfs(path)
    except OSError:
        return False
    wanted = min(_SMALL_BYTES, max(2 * NO_ROOM_BYTES, state.f_blocks * state.f_frsize // 16))
    return state.f_bavail * state.f_frsize >= wanted


def read_identity(path: str) -> str:
    """What a directory says it is as a device; "" when it says nothing, or cannot be read."""
    try:
        with open(f"{path}/{MARKER}", "rb") as file:
            data = file.read(65_536)
        return str(decode_document(data, "E4153", media=path, object=MARKER)["identity"])
    except (OSError, ArcxoError, KeyError):
        return ""


def _is_another(path: str, identity: str) -> str:
    """What a directory is instead of the device; "" when it is the device."""
    if not identity.startswith(_BY_MEDIA):
        found = read_identity(path)
        return "" if found == identity else found or "-"
    held = _serials(path)
    return "" if identity.removeprefix(_BY_MEDIA) in held else ", ".join(held) or "-"


def _serials(path: str) -> list[str]:
    """The serials of the media in a directory."""
    try:
        return sorted(one.label.serial for one in list_media(path) if one.label is not None)
    except ArcxoError:
        return []


def make_device(name: str, path: str) -> str:
    """Make a directory a device, if it is none yet; its identity. Two servers may share a device.

    One that cannot be written, with media in it, is known by the first of these.

    Raises:
        ArcxoError: E4161 to E4164 it cannot be used, E4103 its file system has no hard links, E4166 its
            marker is damaged.
    """
    state = look_at_device(name, path)
    known = read_identity(path) if state.readable else ""
    if known:
        return known  # full or read-only, it still gives what it has
    if state.fault is not None:
        if state.readable and (serials := _serials(path)):
            return _BY_MEDIA + serials[0]
        raise state.fault
    store = DirectoryMediaStore(path)
    identity = str(uuid.uuid4())
    document = encode_document({"format": "arcxo device", "identity": identity})
    temporary = f"{MARKER}.{identity}"
    with storage_faults(path, MARKER):
        descriptor = os.open(store.path(temporary), _NEW, 0o600)
        try:
            os.write(descriptor, document)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(store.path(temporary), store.path(MARKER))
        except FileExistsError:
            identity = read_identity(path)
        except OSError as error:
            raise ArcxoError("E4103", device=path, reason=error.strerror or str(error)) from error
        finally:
            os.unlink(store.path(temporary))
        store.synchronize_directory(".")
    if not identity:
        raise ArcxoError("E4166", device=name, path=path)
    return identity
