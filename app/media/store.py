"""The one way to a media's bytes: immutable objects in a directory, written once and whole."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import time
from collections.abc import Iterator
from typing import Protocol

from app.media.far import FarUpload, far_media
from app.media.temporary import is_abandoned, owner_prefix
from app.model.errors import ArcxoError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_TEMPORARY = "tmp"
LOOKS = 5
"""How often something is looked for that others may just be putting in the place of something else."""


class MediaStore(Protocol):
    """Objects by name. Every method blocks; any thread may call it; faults are E4141 (full) or E4142."""

    location: str

    def put_if_absent(self, name: str, data: bytes) -> bool:
        """Write a whole object; False when the name is taken."""
        ...

    def get(self, name: str) -> bytes:
        """A whole object. E4142 when it is missing."""
        ...

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        """Part of an object; shorter at its end."""
        ...

    def size(self, name: str) -> int | None:
        """Bytes of an object, None when there is none."""
        ...

    def names(self, directory: str) -> list[tuple[str, int]]:
        """(name within the directory, bytes), sorted; empty when the directory is missing."""
        ...

    def modified(self, name: str) -> float | None:
        """When an object was written, in seconds since 1970 by the media's clock; None when it is gone."""
        ...

    def delete(self, name: str) -> None:
        """Remove an object; no error when it is gone already."""
        ...

    def synchronize_directory(self, directory: str) -> None:
        """Make the names of a directory, and what was deleted from it, durable."""
        ...


WHOLE_MOST_BYTES = 256 << 20
"""No object that is read as a whole comes near this; one that does is none of ours."""
_BEGINNING_BYTES = 65_536


@contextlib.contextmanager
def storage_faults(location: str, name: str) -> Iterator[None]:
    """Turn OSError into errors that name the media and the object."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ArcxoError("E4141", media=location) from error
        raise ArcxoError("E4142", media=location, object=name, reason=error.strerror or str(error)) from error


def get_if_there(store: MediaStore, name: str) -> bytes | None:
    """A whole object, None when there is none, also when it comes or goes just now."""
    for _ in range(LOOKS - 1):
        try:
            return store.get(name)
        except ArcxoError as error:
            if store.size(name) is None:
                return None
            if not _was_missing(error):
                raise
            # It came, or went to another media of the set, since it was looked for.
    return store.get(name)


def _was_missing(error: ArcxoError) -> bool:
    missing = os.strerror(errno.ENOENT)
    return isinstance(error.__cause__, FileNotFoundError) or error.params.get("reason") == missing


class DirectoryMediaStore:
    """A media as a directory; put-if-absent is link + unlink, durable when it returns.

    A location that was lent (`app.media.far`) is a media of another host, which does all this there.
    """

    def __init__(self, location: str) -> None:
        self.location = location
        self._far = far_media(location)

    def path(self, name: str) -> str:
        """Where an object lies."""
        return f"{self.location}/{name}"

    def put_if_absent(self, name: str, data: bytes) -> bool:
        """Write a whole object; False when the name is taken."""
        upload = self.upload()
        try:
            upload.write(data)
            return upload.commit(name)
        except BaseException:
            upload.abort()
            raise

    def upload(self) -> FarUpload:
        """Begin an object whose name is given at the end."""
        return DirectoryUpload(self) if self._far is None else self._far.upload()

    def get(self, name: str) -> bytes:
        """A whole object. E4142 when it is missing."""
        if self._far is not None:
            return self._far.get(name)
        with storage_faults(self.location, name), open(self.path(name), "rb") as file:
            too_large = os.fstat(file.fileno()).st_size > WHOLE_MOST_BYTES
            # Of what is too large a beginning is damage enough: no checksum fits it.
            return file.read(_BEGINNING_BYTES) if too_large else file.read()

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        """Part of an object; shorter at its end."""
        if self._far is not None:
            return self._far.get_range(name, offset, length)
        with storage_faults(self.location, name):
            descriptor = os.open(self.path(name), os.O_RDONLY | os.O_CLOEXEC)
            try:
                parts = []
                while length > 0:
                    part = os.pread(descriptor, length, offset)
                    if not part:
                        break
                    parts.append(part)
                    offset += len(part)
                    length -= len(part)
            finally:
                os.close(descriptor)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def size(self, name: str) -> int | None:
        """Bytes of an object, None when there is none."""
        if self._far is not None:
            return self._far.size(name)
        with storage_faults(self.location, name):
            try:
                return os.stat(self.path(name)).st_size
            except FileNotFoundError:
                return None

    def names(self, directory: str) -> list[tuple[str, int]]:
        """(name within the directory, bytes), sorted; empty when the directory is missing."""
        if self._far is not None:
            return self._far.names(directory)
        with storage_faults(self.location, directory):
            found: list[tuple[str, int]] = []
            try:
                entries = os.scandir(self.path(directory))
            except FileNotFoundError:
                return found
            with entries:
                for entry in entries:
                    # What goes away while it is listed is simply not there; the rest still is.
                    with contextlib.suppress(FileNotFoundError):
                        if entry.is_file(follow_symlinks=False):
                            found.append((entry.name, entry.stat().st_size))
        return sorted(found)

    def modified(self, name: str) -> float | None:
        """When an object was written (its file's modification time); None when it is gone."""
        if self._far is not None:
            return self._far.modified(name)
        with storage_faults(self.location, name):
            try:
                return os.stat(self.path(name)).st_mtime
            except FileNotFoundError:
                return None

    def delete(self, name: str) -> None:
        """Remove an object; no error when it is gone already."""
        if self._far is not None:
            self._far.delete(name)
            return
        with storage_faults(self.location, name), contextlib.suppress(FileNotFoundError):
            os.unlink(self.path(name))

    def replace(self, name: str, data: bytes) -> None:
        """Put what a damaged object should be in its place, in one step."""
        upload = DirectoryUpload(self)
        try:
            upload.write(data)
            upload.replace(name)
        except BaseException:
            upload.abort()
            raise

    def move(self, name: str, to: str) -> None:
        """Give an object another name, durably; the directory is made when it is missing."""
        with storage_faults(self.location, name):
            with contextlib.suppress(FileExistsError):
                os.mkdir(self.path(os.path.dirname(to)), 0o700)
            os.rename(self.path(name), self.path(to))
        for directory in (os.path.dirname(to), os.path.dirname(name)):
            self.synchronize_directory(directory)

    def make_directory(self, directory: str) -> None:
        """Make a directory of the media that older media may lack."""
        with storage_faults(self.location, directory), contextlib.suppress(FileExistsError):
            os.mkdir(self.path(directory), 0o700)

    def sweep_temporaries(self) -> None:
        """Remove what writers left that no longer run."""
        if self._far is not None:
            return  # its own host does that
        for name, _ in self.names(_TEMPORARY):
            with contextlib.suppress(OSError):
                path = self.path(f"{_TEMPORARY}/{name}")
                if is_abandoned(name, time.time() - os.stat(path).st_mtime):
                    os.unlink(path)

    def synchronize_directory(self, directory: str) -> None:
        """Make the names of a directory, and what was deleted from it, durable."""
        if self._far is not None:
            self._far.synchronize_directory(directory)
            return
        with storage_faults(self.location, directory):
            descriptor = os.open(self.path(directory), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


class DirectoryUpload:
    """A temporary file that becomes an object by link(2)."""

    def __init__(self, store: DirectoryMediaStore) -> None:
        self._store = store
        self._name = f"{_TEMPORARY}/{owner_prefix()}-{secrets.token_hex(8)}"
        with storage_faults(store.location, self._name):
            self._descriptor = os.open(
                store.path(self._name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            )

    def write(self, data: bytes | memoryview) -> None:
        """Append."""
        view = memoryview(data)
        with storage_faults(self._store.location, self._name):
            while view:
                view = view[os.write(self._descriptor, view) :]

    def commit(self, name: str) -> bool:
        """Make it durable under `name`; False when the name is taken (the upload is gone then)."""
        store = self._store
        with storage_faults(store.location, name):
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
            try:
                os.link(store.path(self._name), store.path(name))
            except FileExistsError:
                os.unlink(store.path(self._name))
                return False
            store.synchronize_directory(os.path.dirname(name))
            os.unlink(store.path(self._name))
        return True

    def replace(self, name: str) -> None:
        """Make it durable under `name`, in place of what is there."""
        store = self._store
        with storage_faults(store.location, name):
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
            os.replace(store.path(self._name), store.path(name))
        store.synchronize_directory(os.path.dirname(name))

    def abort(self) -> None:
        """Forget what was written; never raises."""
        with contextlib.suppress(OSError):
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
            os.unlink(self._store.path(self._name))
