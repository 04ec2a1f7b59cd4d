"""Erasing a media: it goes out of sight in one step, and its bytes after that."""

from __future__ import annotations

import contextlib
import os

from app.media.label import DIRECTORIES, read_label
from app.media.reserve import NAME as RESERVE
from app.media.store import storage_faults
from app.model.errors import ArcxoError

_ERASED = ".erased-"


def erase_media(media_path: str, serial: str) -> None:
    """See `app.media.api.erase_media`."""
    label = read_label(media_path)
    if label.serial != serial:
        raise ArcxoError("E4108", path=media_path, serial=label.serial)
    device = os.path.dirname(media_path)
    with storage_faults(media_path, "label"):
        os.rename(media_path, f"{device}/{_ERASED}{serial}")
        descriptor = os.open(device, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def erased_media(device_dir: str) -> list[str]:
    """See `app.media.api.erased_media`."""
    try:
        names = os.listdir(device_dir)
    except OSError as error:
        raise ArcxoError("E4104", device=device_dir, reason=error.strerror or str(error)) from error
    return sorted(name.removeprefix(_ERASED) for name in names if name.startswith(_ERASED))


def remove_erased(device_dir: str, serial: str) -> None:
    """See `app.media.api.remove_erased`."""
    path = f"{device_dir}/{_ERASED}{serial}"
    with storage_faults(device_dir, _ERASED + serial), contextlib.suppress(FileNotFoundError):
        for directory in DIRECTORIES:
            with contextlib.suppress(FileNotFoundError):
                for name in os.listdir(f"{path}/{directory}"):
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(f"{path}/{directory}/{name}")
                os.rmdir(f"{path}/{directory}")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{path}/{RESERVE}")
        # The label last: until then the remains say what they are.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{path}/label")
        os.rmdir(path)
