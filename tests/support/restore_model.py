"""A model of restores: small trees as values, what a restore makes of one, and trees on disk as values."""

from __future__ import annotations

import os
import random
import stat
from dataclasses import dataclass
from pathlib import Path

from app.model.job import Conflict

Tree = dict[bytes, "Leaf"]
"""Relative path → entry, directories included (parents of all)."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One entry; `data` of a file its content, of a link its target, None = a directory."""

    data: bytes | None
    mtime_ns: int = 0
    link: bool = False
    mode: int = 0o644

    @property
    def is_directory(self) -> bool:
        return self.data is None


NAMES = [b"a", b"b", b"c", b"d.txt", b"e\xff", b"f"]


def random_tree(chance: random.Random, *, entries: int = 12, stamp: int = 1) -> Tree:
    """Directories, files and links, with names that often meet those of another such tree."""
    tree: Tree = {}
    folders = [b""]
    for _ in range(chance.randint(0, entries)):
        folder = chance.choice(folders)
        path = folder + b"/" + chance.choice(NAMES) if folder else chance.choice(NAMES)
        if path in tree:
            continue
        kind = chance.random()
        mtime = chance.randint(1, 5) * 1_000_000_000_000 + stamp
        if kind < 0.3:
            tree[path] = Leaf(None, mode=chance.choice([0o755, 0o750]))
            folders.append(path)
        elif kind < 0.4:
            tree[path] = Leaf(b"to-%d" % chance.randint(0, 9), mtime, link=True, mode=0o777)
        else:
            data = b"%d " % stamp + chance.randbytes(chance.choice([0, 1, 50, 3000]))
            tree[path] = Leaf(data, mtime, mode=chance.choice([0o644, 0o600, 0o755]))
    return tree


def make(root: Path | bytes, tree: Tree) -> None:
    """The tree on the disk."""
    top = os.fsencode(root)
    os.makedirs(top, exist_ok=True)
    for path in sorted(tree):
        leaf, where = tree[path], top + b"/" + path
        if leaf.data is None:
            os.mkdir(where)
            os.chmod(where, leaf.mode)
        elif leaf.link:
            os.symlink(leaf.data, where)
            os.utime(where, ns=(leaf.mtime_ns, leaf.mtime_ns), follow_symlinks=False)
        else:
            with open(where, "wb") as file:
                file.write(leaf.data)
            os.chmod(where, leaf.mode)
            os.utime(where, ns=(leaf.mtime_ns, leaf.mtime_ns))


def read(root: Path | bytes, *, hidden: bool = False) -> Tree:
    """What is on the disk, but for entries of our own (`hidden`: with them)."""
    top = os.fsencode(root)
    found: Tree = {}
    pending = [b""]
    while pending:
        folder = pending.pop()
        for name in os.listdir(top + b"/" + folder):
            if name.startswith(b".arcxo-") and not hidden:
                continue
            path = folder + b"/" + name if folder else name
            where = top + b"/" + path
            status = os.lstat(where)
            mode = stat.S_IMODE(status.st_mode)
            if stat.S_ISDIR(status.st_mode):
                found[path] = Leaf(None, mode=mode)
                pending.append(path)
            elif stat.S_ISLNK(status.st_mode):
                found[path] = Leaf(os.readlink(where), status.st_mtime_ns, link=True, mode=0o777)
            else:
                with open(where, "rb") as file:
                    found[path] = Leaf(file.read(), status.st_mtime_ns, mode=mode)
    return found


def expected(there: Tree, session: Tree, conflict: Conflict, *, exact: bool) -> Tree:
    """What a whole restore of `session` over `there` leaves."""
    result = dict(there)
    blocked: list[bytes] = []
    for path in sorted(session):
        leaf = session[path]
        if any(path.startswith(one + b"/") for one in blocked):
            continue
        old = there.get(path)
        if leaf.is_directory:
            if old is not None and not old.is_directory and conflict is not Conflict.OVERWRITE:
                blocked.append(path)
                continue
            result[path] = leaf
            continue
        if old is None:
            result[path] = leaf
        elif conflict is Conflict.RENAME:
            result[_free(path, session, there, result)] = leaf
        elif not _stays(there, path, leaf, conflict, exact=exact):
            for inside in [one for one in result if one.startswith(path + b"/")]:
                del result[inside]
            result[path] = leaf
    if exact:
        result = {path: leaf for path, leaf in result.items() if path in session}
    return result


def _stays(there: Tree, path: bytes, leaf: Leaf, conflict: Conflict, *, exact: bool) -> bool:
    if conflict is Conflict.SKIP or (conflict is Conflict.OLDER and not _is_older(there, path, leaf)):
        return True
    return there[path].is_directory and not exact and _has_children(there, path)


def _is_older(there: Tree, path: bytes, leaf: Leaf) -> bool:
    old = there[path]
    # The time of a directory moves with what is made in it: the trees here give it none.
    return old.is_directory is False and old.mtime_ns < leaf.mtime_ns


def _has_children(tree: Tree, path: bytes) -> bool:
    return any(one.startswith(path + b"/") for one in tree)


def _free(path: bytes, session: Tree, there: Tree, result: Tree) -> bytes:
    number = 1
    while True:
        candidate = path + (b".restored" if number == 1 else b".restored%d" % number)
        if candidate not in there and candidate not in result and candidate not in session:
            return candidate
        number += 1
