"""Whether a directory of this host can be backed up by itself, and what is left out of it."""

from __future__ import annotations

import os
import re
import stat

from app.backup.api import SourceRules
from app.backup.source_tree import is_of_arcxo
from app.distant_mounts import distant
from app.model.errors import ArcxoError, NotFoundError, UsageError
from app.model.paths import is_beneath, shown
from app.model.source import DirectSource, check_source_path

_ESCAPE = re.compile(rb"\\([0-7]{3})")
OF_THE_KERNEL = frozenset(
    b"autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl hugetlbfs"
    b" mqueue nsfs proc pstore rpc_pipefs securityfs selinuxfs sysfs tracefs".split()
)


def check_source(source: DirectSource) -> bytes:
    """The directory's real path. Blocks on the disk.

    Raises:
        UsageError: AE1060 not an absolute, clean path; AE1062 not a directory; AE1065 it is Arcxo's own.
        NotFoundError: AE1061 it is not there.
        ArcxoError: AE1063 it may not be read; AE1064 it is made by the kernel.
    """
    path = check_source_path(source.path)
    try:
        distant.ask(path, lambda: os.listdir(path))
    except TimeoutError as error:
        raise _refused(source, error) from error
    except OSError:
        pass  # said below
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError("AE1061", path=shown(path), host=source.host) from error
    except OSError as error:
        raise _refused(source, error) from error
    if not stat.S_ISDIR(found.st_mode):
        raise UsageError("AE1062", path=shown(path), host=source.host, kind=_kind(path, found))
    real = os.path.realpath(path)
    try:
        with os.scandir(real):
            pass
    except OSError as error:
        raise _refused(source, error) from error
    if file_system_of(real) in OF_THE_KERNEL:
        raise ArcxoError("AE1064", path=shown(path), host=source.host, kind=file_system_of(real).decode())
    above = real
    while True:
        if is_of_arcxo(above):
            raise UsageError("AE1065", path=shown(path), host=source.host, place=shown(above))
        if above == b"/":
            return real
        above = os.path.dirname(above)


def rules_of(source: DirectSource, real: bytes, own: list[bytes], *, from_snapshot: bool) -> SourceRules:
    """What is left out of a source now; `own` are directories of this installation."""
    beneath = [(place, kind) for place, kind in _mounts() if place != real and is_beneath(place, real)]
    skip = len(real.rstrip(b"/")) + 1
    return SourceRules(
        cross_file_systems=source.cross_file_systems,
        mounts=frozenset(place[skip:] for place, _ in beneath),
        of_the_kernel=frozenset(place[skip:] for place, kind in beneath if kind in OF_THE_KERNEL),
        own=frozenset(place[skip:] for place in own if place != real and is_beneath(place, real)),
        from_snapshot=from_snapshot,
    )


def file_system_of(path: bytes) -> bytes:
    """Type of the file system that holds a real path."""
    return mount_of(path)[1]


def mount_of(path: bytes) -> tuple[bytes, bytes]:
    """(where it is mounted, type) of the file system that holds a real path, or that would.

    Of several in one place it is the last. The type is empty where systems do not tell.
    """
    best = (b"/", b"")
    for place, kind in _mounts():
        if is_beneath(path, place) and len(place) >= len(best[0]):
            best = (place, kind)
    return best


def _mounts() -> list[tuple[bytes, bytes]]:
    """(where, type) of all mounted file systems; nothing on systems that do not tell."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            lines = [line.split() for line in file]
    except OSError:
        return []
    return [
        (_ESCAPE.sub(lambda code: bytes([int(code[1], 8)]), words[4]), words[words.index(b"-") + 1])
        for words in lines
    ]


def _kind(path: bytes, found: os.stat_result) -> str:
    if stat.S_ISLNK(found.st_mode):
        return f"a symbolic link to {shown(os.readlink(path))}"
    return "a file" if stat.S_ISREG(found.st_mode) else "something else"


def _refused(source: DirectSource, error: OSError) -> ArcxoError:
    return ArcxoError("AE1063", path=shown(source.path), host=source.host, reason=error.strerror or error)
