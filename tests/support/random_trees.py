"""Random trees: every kind of entry, odd names, metadata, holes, hard links, and changes of all that."""

from __future__ import annotations

import os
import random
import stat
from pathlib import Path

_NAMES = [b"a", b"b.txt", b"Long Name", "ü☃".encode(), b"not-\xff-utf8", b"-dash", b"new\nline", b"n" * 255]
_SIZES = (0, 1, 700, 5_000, 33_000, 90_000)


class RandomTree:
    """A directory that a seed fills and changes. Contents repeat, so that sessions share them."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = os.fsencode(root)
        self._random = random.Random(seed)
        os.mkdir(self.root)
        for _ in range(14):
            self._add()
        self._describe_all()

    def change(self) -> None:
        """A few additions, removals, rewritten and moved entries, and other metadata."""
        for _ in range(self._random.randint(1, 5)):
            self._random.choice((self._add, self._add, self._rewrite, self._remove, self._move))()
        self._describe_all(share=0.2)

    def _directories(self) -> list[bytes]:
        return [directory for directory, _, _ in os.walk(self.root)]

    def _entries(self) -> list[bytes]:
        found = []
        for directory, folders, names in os.walk(self.root):
            found += [os.path.join(directory, name) for name in sorted((*folders, *names))]
        return found

    def _new_path(self) -> bytes:
        for _ in range(20):
            directory = self._random.choice(self._directories())
            if directory.count(b"/") - self.root.count(b"/") > 4:
                continue
            path = os.path.join(directory, self._random.choice(_NAMES))
            if not os.path.lexists(path):
                return path
        return os.path.join(self.root, b"x%d" % self._random.getrandbits(40))

    def _content(self) -> bytes:
        return random.Random(self._random.randrange(9)).randbytes(self._random.choice(_SIZES))

    def _add(self) -> None:
        path = self._new_path()
        kind = self._random.choice("fffffdddlhhpsz")
        files = [one for one in self._entries() if stat.S_ISREG(os.lstat(one).st_mode)]
        if kind == "d":
            os.mkdir(path)
        elif kind == "l":
            os.symlink(self._random.choice((b"a", b"../b.txt", b"/nowhere", b"\xff" * 30)), path)
        elif kind == "p":
            os.mkfifo(path)
        elif kind == "h" and files:
            os.link(self._random.choice(files), path)
        elif kind == "z":
            self._sparse(path)
        elif kind == "s" and os.geteuid() == 0:
            os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        else:
            with open(path, "wb") as file:
                file.write(self._content())

    def _sparse(self, path: bytes) -> None:
        with open(path, "wb") as file:
            for _ in range(self._random.randint(0, 3)):
                file.seek(self._random.randrange(0, 1 << 21, 4096))
                file.write(self._content())
            file.truncate(self._random.randrange(1 << 20, 1 << 22))

    def _rewrite(self) -> None:
        files = [one for one in self._entries() if stat.S_ISREG(os.lstat(one).st_mode)]
        if files:
            with open(self._random.choice(files), self._random.choice(("wb", "ab"))) as file:
                file.write(self._content())

    def _remove(self) -> None:
        entries = self._entries()
        if len(entries) > 3:
            path = self._random.choice(entries)
            if stat.S_ISDIR(os.lstat(path).st_mode):
                if not os.listdir(path):
                    os.rmdir(path)
            else:
                os.unlink(path)

    def _move(self) -> None:
        entries = [one for one in self._entries() if not stat.S_ISDIR(os.lstat(one).st_mode)]
        if entries:
            os.rename(self._random.choice(entries), self._new_path())

    def _describe_all(self, share: float = 1.0) -> None:
        for path in [*self._entries()[::-1], self.root]:
            if self._random.random() > share:
                continue
            found = os.lstat(path)
            if os.geteuid() == 0 and self._random.random() < 0.3:
                os.lchown(path, self._random.randrange(3000), self._random.randrange(3000))
            if not stat.S_ISLNK(found.st_mode):
                os.chmod(path, self._random.choice((0o600, 0o644, 0o711, 0o750, 0o4755, 0o1777)))
            if stat.S_ISREG(found.st_mode) and self._random.random() < 0.3:
                os.setxattr(path, "user.colour", self._random.choice((b"", b"green", b"\0\xff" * 20)))
            at = self._random.choice((0, 1, 981_173_106_123_456_789, -(10**15), 1_700_000_000_000_000_000))
            os.utime(path, ns=(at, at), follow_symlinks=False)
