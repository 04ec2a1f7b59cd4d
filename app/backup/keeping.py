"""Keeping aside what a restore replaces or removes."""

from __future__ import annotations

import errno
import itertools
import os
import secrets

from app.backup.api import RestoreSink
from app.backup.copying import copy_entry
from app.backup.journal import Fingerprint, Journal, Record, Step
from app.model.paths import is_beneath

KEPT = b"kept"
AREAS = "areas"
"""The file that names the areas that are elsewhere."""
_NEAR = b".arcxo-kept-"
_NO_LINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES, errno.EROFS, errno.ENOSPC)


class Keeper:
    """Gives entries another name, in a directory of ours on the same file system; copies where none works.

    Candidates, tried in this order: the directory of the run, a hidden one beside the destination, a hidden
    one in it. Names of the product's own (`.arcxo-…`) are never replicated or backed up.
    """

    def __init__(self, journal: Journal, places: RestoreSink, directories: list[bytes]) -> None:
        self._journal = journal
        self._places = places
        self._names = itertools.count()
        self._run = secrets.token_hex(4).encode()
        self._areas: dict[int, bytes | None] = {}
        self._directories = sorted(directories, key=len, reverse=True)

    def keep(self, target: bytes, found: os.stat_result) -> tuple[bytes, Fingerprint]:
        """(where it is kept, what it is), of anything but a directory. Raises OSError when it cannot be.

        On return the name is there; it is as durable as the file system makes it.
        """
        name = b"/%s-%x" % (self._run, next(self._names))
        device = found.st_dev
        if device not in self._areas:
            return self._first(target, found, name)
        area = self._areas[device]
        if area is not None:
            try:
                self._link(target, area + name)
            except OSError as error:
                if error.errno not in _NO_LINK:
                    raise
            else:
                return area + name, Fingerprint.of(found)
        return self._copied(target, found, name)

    def _first(self, target: bytes, found: os.stat_result, name: bytes) -> tuple[bytes, Fingerprint]:
        """Find out which of the candidates can be linked to from the target's file system."""
        for area in self._candidates(target):
            try:
                self._make(area)
                self._link(target, area + name)
            except OSError:
                continue
            self._areas[found.st_dev] = area
            return area + name, Fingerprint.of(found)
        self._areas[found.st_dev] = None
        return self._copied(target, found, name)

    def _candidates(self, target: bytes) -> list[bytes]:
        fitting = (one for one in self._directories if is_beneath(target, one.rstrip(b"/")))
        top = next(fitting, os.path.dirname(target))
        above = os.path.dirname(top.rstrip(b"/")) or b"/"
        hidden = _NEAR + self._run
        near = [above.rstrip(b"/") + b"/" + hidden] if above != b"/" else []
        return [self._home_area(), *near, top.rstrip(b"/") + b"/" + hidden]

    def _home_area(self) -> bytes:
        return os.fsencode(self._journal.directory) + b"/" + KEPT

    def _make(self, area: bytes) -> None:
        """Noted before it is made, so that whoever clears up finds it."""
        if area == self._home_area():
            os.makedirs(area, mode=0o700, exist_ok=True)
            return
        areas = Journal(self._journal.directory, AREAS)
        areas.append(Record(Step.AREA, area))
        areas.sync()
        areas.close()
        os.mkdir(area, 0o700)

    def _link(self, target: bytes, kept: bytes) -> None:
        fd, name = self._places.place(target)
        os.link(name, kept, src_dir_fd=fd, follow_symlinks=False)

    def _copied(self, target: bytes, found: os.stat_result, name: bytes) -> tuple[bytes, Fingerprint]:
        area = self._home_area()
        os.makedirs(area, mode=0o700, exist_ok=True)
        kept = area + name
        fd, own = self._places.place(target)
        copy_entry(b"/proc/self/fd/%d/" % fd + own, kept, found)
        return kept, Fingerprint.of(os.lstat(kept))
