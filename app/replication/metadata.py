"""Reading and setting what is kept of an entry besides name and content. Links are never followed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

import msgpack
from blake3 import blake3

from app.model.entry import EntryKind, Identity, Metadata, Xattrs, kept_ns, kind_of_mode
from app.model.errors import Problem

# POSIX ACLs are kept raw. What a kernel or security policy derives for itself is not: a SELinux label
# belongs to the policy of the host, and other `system.` names are views of the same facts.
_XATTR_PREFIXES = (b"user.", b"trusted.", b"security.", b"system.posix_acl_")
# XFS shows POSIX ACLs under names of its own as well: taking those away takes the ACLs away.
_XATTR_EXCLUDED = frozenset(
    {
        b"security.selinux",
        b"security.evm",
        b"security.ima",
        b"trusted.SGI_ACL_FILE",
        b"trusted.SGI_ACL_DEFAULT",
    }
)
_NO_XATTRS = frozenset({errno.ENOTSUP, errno.EPERM, errno.EACCES, errno.ENODATA, errno.ENOSYS})
_REFUSED = frozenset({errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EINVAL, errno.ENOSPC, errno.E2BIG})
NO_OWNER = frozenset({errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EINVAL})
"""How a system refuses an owner: no right to give files away, or no such owner there."""
_FULL_BELOW_BYTES = 1024 * 1024
_FITS_BYTES = 512
_ATTRIBUTE_HEAD_BYTES = 32
_ATTRIBUTE = "attribute "


def read_metadata(path_or_name: bytes, dir_fd: int | None = None) -> tuple[Metadata, Identity]:
    """What is at `path_or_name` (beneath `dir_fd`, if given) now. Blocks on the disk.

    Raises:
        OSError: the entry is gone or may not be looked at.
    """
    status = os.lstat(path_or_name, dir_fd=dir_fd)
    whole = path_or_name if dir_fd is None else b"/proc/self/fd/%d/%s" % (dir_fd, path_or_name)
    target = b""
    if stat.S_ISLNK(status.st_mode):
        target = os.readlink(path_or_name, dir_fd=dir_fd)
    return metadata_of(status, read_xattrs(whole), target), identity_of(status)


def read_metadata_fd(fd: int) -> tuple[Metadata, Identity]:
    """The same for an open file or directory."""
    status = os.fstat(fd)
    return metadata_of(status, read_xattrs(fd), b""), identity_of(status)


def metadata_of(status: os.stat_result, xattrs: Xattrs, target: bytes) -> Metadata:
    """Put a `stat` result, extended attributes and a link target together."""
    kind = kind_of_mode(status.st_mode)
    is_device = kind in (EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE)
    return Metadata(
        kind,
        stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        status.st_size if kind is EntryKind.FILE else 0,
        kept_ns(status.st_mtime_ns),
        xattrs,
        target,
        status.st_rdev if is_device else 0,
    )


def identity_of(status: os.stat_result) -> Identity:
    """Which inode a `stat` result is of."""
    return Identity(status.st_dev, status.st_ino, status.st_ctime_ns, status.st_nlink)


def read_xattrs(target: bytes | int) -> Xattrs:
    """The replicated extended attributes of a path (not followed) or descriptor, sorted by name."""
    follow = isinstance(target, int)
    try:
        names = os.listxattr(target, follow_symlinks=follow)
    except OSError as error:
        if error.errno in _NO_XATTRS:
            return ()
        raise
    if not names:
        return ()
    found = []
    for text in names:
        name = os.fsencode(text)
        if not name.startswith(_XATTR_PREFIXES) or name in _XATTR_EXCLUDED:
            continue
        try:
            found.append((name, os.getxattr(target, text, follow_symlinks=follow)))
        except OSError as error:
            if error.errno not in _NO_XATTRS:
                raise
    found.sort()
    return tuple(found)


def xattr_digest(xattrs: Xattrs) -> bytes:
    """A short digest of extended attributes; b"" for none."""
    return blake3(msgpack.packb(xattrs, use_bin_type=True)).digest(16) if xattrs else b""


def apply_metadata(
    path_or_name: bytes, wanted: Metadata, dir_fd: int | None = None, current: Metadata | None = None
) -> list[Problem]:
    """Give the entry `wanted`'s owner, permissions, extended attributes and time, in this order.

    Kind, size, link target and device are not touched. Only what differs from `current` (read when not
    given) is set. What is not permitted or not supported here is returned as problems, the rest is done.

    Raises:
        OSError: the entry is gone, or the disk fails.
    """
    if current is None:
        current, _ = read_metadata(path_or_name, dir_fd)
    whole = path_or_name if dir_fd is None else b"/proc/self/fd/%d/%s" % (dir_fd, path_or_name)
    if wanted.kind is EntryKind.SYMLINK:
        return _apply(
            _Setters(
                lambda uid, gid: os.chown(path_or_name, uid, gid, dir_fd=dir_fd, follow_symlinks=False),
                None,
                lambda name, value: os.setxattr(whole, name, value, follow_symlinks=False),
                lambda name: os.removexattr(whole, name, follow_symlinks=False),
                lambda times: os.utime(path_or_name, ns=times, dir_fd=dir_fd, follow_symlinks=False),
                os.path.dirname(path_or_name) or b"." if dir_fd is None else dir_fd,
            ),
            wanted,
            current,
        )
    # A path descriptor pins the inode without opening the file (a fifo would block), so that no name put
    # in its place meanwhile can divert the changes.
    fd = os.open(path_or_name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        if stat.S_ISLNK(os.fstat(fd).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path_or_name)
        pinned = b"/proc/self/fd/%d" % fd
        return _apply(_setters_of(pinned), wanted, current)
    finally:
        os.close(fd)


def apply_metadata_fd(fd: int, wanted: Metadata, current: Metadata | None = None) -> list[Problem]:
    """The same for an open file or directory."""
    if current is None:
        current, _ = read_metadata_fd(fd)
    return _apply(_setters_of(fd), wanted, current)


class _Setters:
    """The five calls that change an entry's metadata; `volume` is something on its file system."""

    __slots__ = ("chmod", "chown", "remove_xattr", "set_xattr", "utime", "volume")

    def __init__(
        self,
        chown: Callable[[int, int], None],
        chmod: Callable[[int], None] | None,
        set_xattr: Callable[[bytes, bytes], None],
        remove_xattr: Callable[[bytes], None],
        utime: Callable[[tuple[int, int]], None],
        volume: int | bytes,
    ) -> None:
        self.chown = chown
        self.chmod = chmod
        self.set_xattr = set_xattr
        self.remove_xattr = remove_xattr
        self.utime = utime
        self.volume = volume


def settable(metadata: Metadata) -> tuple[object, ...]:
    """What `apply_metadata` gives an entry, to be compared."""
    permissions = 0 if metadata.kind is EntryKind.SYMLINK else metadata.permissions
    return permissions, metadata.uid, metadata.gid, metadata.modified_ns, metadata.xattrs


def _setters_of(target: bytes | int) -> _Setters:
    return _Setters(
        lambda uid, gid: os.chown(target, uid, gid),
        lambda mode: os.chmod(target, mode),
        lambda name, value: os.setxattr(target, name, value),
        lambda name: os.removexattr(target, name),
        lambda times: os.utime(target, ns=times),
        target,
    )


def _apply(setters: _Setters, wanted: Metadata, current: Metadata) -> list[Problem]:
    problems: list[Problem] = []

    def no_room(what: str) -> bool:
        # An attribute that does not fit has the same error as one for which there is no room now.
        return not what.startswith(_ATTRIBUTE) or _fits(wanted) or _is_full(setters.volume)

    def attempt(what: str, change: Callable[[], None]) -> bool:
        try:
            change()
        except OSError as error:
            if error.errno not in _REFUSED or (error.errno == errno.ENOSPC and no_room(what)):
                raise
            problems.append(Problem("WR00311", params={"what": what, "cause": os.strerror(error.errno or 0)}))
            return False
        return True

    chowned = False
    if (wanted.uid, wanted.gid) != (current.uid, current.gid):
        chowned = attempt("owner", lambda: setters.chown(wanted.uid, wanted.gid))
    chmod = setters.chmod
    # A new owner costs an entry its set-user-ID bits and capabilities: what follows puts them back.
    if chmod is not None and (chowned or wanted.permissions != current.permissions):
        attempt("permissions", lambda: chmod(wanted.permissions))
    _apply_xattrs(setters, wanted, current, attempt, again=chowned)
    if chmod is not None and any(name == b"system.posix_acl_access" for name, _ in current.xattrs):
        # While an ACL was there, the group bits were its mask: set them again now that it may be gone.
        attempt("permissions", lambda: chmod(wanted.permissions))
    attempt("time", lambda: setters.utime((wanted.modified_ns, wanted.modified_ns)))
    return problems


def _fits(wanted: Metadata) -> bool:
    """Whether every file system has room for these attributes in an entry, as long as it has any."""
    return sum(_ATTRIBUTE_HEAD_BYTES + len(name) + len(value) for name, value in wanted.xattrs) < _FITS_BYTES


def _is_full(volume: int | bytes) -> bool:
    status = os.statvfs(volume)
    return status.f_bavail * status.f_frsize < _FULL_BELOW_BYTES


def _apply_xattrs(
    setters: _Setters,
    wanted: Metadata,
    current: Metadata,
    attempt: Callable[[str, Callable[[], None]], bool],
    *,
    again: bool,
) -> None:
    if wanted.xattrs == current.xattrs and not again:
        return
    have = dict(current.xattrs)
    want = dict(wanted.xattrs)
    for name in have.keys() - want.keys():

        def remove(name: bytes = name) -> None:
            try:
                setters.remove_xattr(name)
            except OSError as error:
                if error.errno != errno.ENODATA:
                    raise

        attempt(f"{_ATTRIBUTE}{os.fsdecode(name)}", remove)
    for name, value in want.items():
        if have.get(name) != value or (again and name == b"security.capability"):
            attempt(
                f"{_ATTRIBUTE}{os.fsdecode(name)}",
                lambda name=name, value=value: setters.set_xattr(name, value),  # type: ignore[misc]
            )
