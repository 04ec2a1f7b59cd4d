"""Trees for tests: one with every kind of entry, and an exact comparison of two."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path


def fill(root: Path) -> None:
    """Every kind of entry, odd names and metadata."""
    (root / "plain/inner").mkdir(parents=True)
    (root / "plain/one.txt").write_text("one\n")
    (root / "plain/inner/two.bin").write_bytes(os.urandom(300_000))
    (root / "empty").mkdir(mode=0o711)
    (root / ("long-" + "n" * 250)).write_text("long name")
    with open(os.fsencode(root) + b"/not-\xff\xfe-utf8", "wb") as file:
        file.write(b"raw name")
    (root / "ünïcödé ☃").write_text("snow")
    os.link(root / "plain/one.txt", root / "plain/one-again.txt")
    os.symlink("plain/one.txt", root / "link")
    os.symlink(".", root / "loop")
    os.symlink("/nowhere/at/all", root / "dangling")
    os.mkfifo(root / "pipe", 0o620)
    with (root / "sparse").open("wb") as file:
        file.write(b"begin")
        file.seek(20 << 20)
        file.write(b"end")
    os.setxattr(root / "plain/one.txt", "user.colour", b"green")
    os.chmod(root / "plain/inner/two.bin", 0o4711)
    if os.geteuid() == 0:
        os.chown(root / "plain/inner", 1234, 2345)
    os.utime(root / "plain/one.txt", ns=(0, 981_173_106_123_456_789))
    os.utime(root / "plain", ns=(0, 1_000_000_000_000_000_001))


def picture(root: Path | bytes) -> dict[bytes, tuple[object, ...]]:
    """Everything that must be equal, by relative path; hard links by the first name of their group."""
    top = os.fsencode(root)
    found: dict[bytes, tuple[object, ...]] = {}
    groups: dict[tuple[int, int], bytes] = {}
    pending = [b""]
    while pending:
        relative = pending.pop()
        path = os.path.join(top, relative) if relative else top
        status = os.lstat(path)
        kind = stat.S_IFMT(status.st_mode)
        content: object = None
        group = relative
        if kind == stat.S_IFDIR:
            names = sorted(os.listdir(path))
            pending += [
                os.path.join(relative, name) if relative else name
                for name in names
                if not name.startswith(b".arcxo-")
            ]
        else:
            if kind == stat.S_IFLNK:
                content = os.readlink(path)
            elif kind == stat.S_IFREG:
                with open(path, "rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
            # Names of a link or pipe are replicated each for itself.
            if status.st_nlink > 1 and kind == stat.S_IFREG:
                group = b"linked"
                groups.setdefault((status.st_dev, status.st_ino), relative)
        attributes = tuple(
            (name, os.getxattr(path, name, follow_symlinks=False))
            for name in sorted(os.listxattr(path, follow_symlinks=False))
            # A second view of an ACL on XFS.
            if not name.startswith("trusted.SGI_ACL_")
        )
        size = status.st_size if kind == stat.S_IFREG else 0
        found[relative] = (
            status.st_mode,
            status.st_uid,
            status.st_gid,
            size,
            status.st_mtime_ns,
            content,
            attributes,
            group,
        )
    return _with_link_groups(top, found)


def _with_link_groups(top: bytes, found: dict[bytes, tuple[object, ...]]) -> dict[bytes, tuple[object, ...]]:
    """Name a link group after the smallest of its names inside the tree; alone there = not linked."""
    members: dict[tuple[int, int], list[bytes]] = {}
    for relative, facts in found.items():
        if facts[-1] == b"linked":
            status = os.lstat(os.path.join(top, relative))
            members.setdefault((status.st_dev, status.st_ino), []).append(relative)
    for names in members.values():
        for relative in names:
            found[relative] = (*found[relative][:-1], tuple(sorted(names)) if len(names) > 1 else relative)
    return found


def assert_identical(expected: Path | bytes, actual: Path | bytes) -> None:
    """Fails naming the first paths that differ, and how."""
    wanted, got = picture(expected), picture(actual)
    differences = [
        f"{path!r}: {wanted.get(path, 'absent')} != {got.get(path, 'absent')}"
        for path in sorted(wanted.keys() | got.keys())
        if wanted.get(path) != got.get(path)
    ]
    assert not differences, f"{len(differences)} differences:\n" + "\n".join(differences[:10])


def without_folder_times(found: dict[bytes, tuple[object, ...]]) -> dict[bytes, tuple[object, ...]]:
    """A picture in which it does not matter when something was made or removed in a directory."""
    return {
        path: value[:4] + value[5:] if stat.S_ISDIR(int(str(value[0]))) else value
        for path, value in found.items()
    }
