"""Threads that do everything a file system allows to the roots of a scenario, seeded."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

ANCHOR = b"anchor"
_NAMES = (
    b"a", b"b", b"c", b"d", b"e.txt", b"f.doc", b"g", b"sub", b"deep", b"a b", "übung ☃".encode(),
    b"not-\xff\xfe-utf8", b"n" * 40,
)  # fmt: skip
_OLD_NS = (0, 1, 981_173_106_123_456_789, 1_000_000_000_000_000_001, 1_600_000_000_999_999_999)
_ACLS = ("u:1234:rw", "g:2345:r", "m::rx", "o::r", "d:u:1234:rwx")
_ENTRIES_MOST = 400
_STORE = """
import mmap, os, random, sys
rng = random.Random(int(sys.argv[2]))
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
size = os.fstat(fd).st_size
if size:
    mapping = mmap.mmap(fd, size)
    os.close(fd)
    # The file is closed: nothing tells of what comes now.
    for _ in range(rng.randrange(1, 4)):
        start = rng.randrange(size)
        part = rng.randbytes(min(size - start, rng.choice((1, 300))))
        mapping[start : start + len(part)] = part
"""


class Churn:
    """`threads` threads that work on `roots` (and `outside` of them) between `resume` and `pause`."""

    def __init__(
        self, seed: int, roots: Sequence[bytes], outside: bytes, threads: int = 3, without: Sequence[str] = ()
    ) -> None:
        self._roots = roots
        self._outside = outside
        self._without = without
        self._go = threading.Event()
        self._end = threading.Event()
        self._idle = [threading.Event() for _ in range(threads)]
        self.operations = 0
        self.unseen = 0
        """What was done that nothing tells of until the next walk."""
        self.failures: list[BaseException] = []
        self.done: dict[str, int] = {}
        for idle in self._idle:
            idle.set()
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(f"{seed}/{n}"), idle), name=f"churn {n}")
            for n, idle in enumerate(self._idle)
        ]
        for root in roots:
            with open(root + b"/" + ANCHOR, "wb") as file:
                file.write(b"keeps the root from being empty")
        for thread in self._threads:
            thread.start()

    def resume(self, without: Sequence[str] | None = None) -> None:
        """Let the threads work; `without`: other operations than so far are left out. Only when paused."""
        if without is not None:
            self._without = without
        self._go.set()

    def pause(self) -> None:
        """Return once no thread works any more."""
        self._go.clear()
        for idle in self._idle:
            assert idle.wait(60), "an operation of the test itself hangs"

    def close(self) -> None:
        """End the threads."""
        self._end.set()
        self._go.set()
        for thread in self._threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def _run(self, rng: random.Random, idle: threading.Event) -> None:
        operations = [f for n, f in sorted(vars(Churn).items()) if n.startswith("op_")]
        weights = [getattr(f, "weight", 4) for f in operations]
        try:
            while True:
                if not self._go.is_set():
                    idle.set()
                    self._go.wait()
                    idle.clear()
                if self._end.is_set():
                    return
                operation = rng.choices(operations, weights)[0]
                if operation.__name__ in self._without:
                    continue
                try:
                    self._do(operation, rng)
                except (OSError, shutil.Error):
                    # Another thread was there first, or the choice was impossible.
                    continue
                self.operations += 1
                self.done[operation.__name__] = self.done.get(operation.__name__, 0) + 1
                if rng.random() < 0.05:
                    self._go.wait(0) and self._end.wait(rng.random() * 0.03)
        except BaseException as error:
            self.failures.append(error)
        finally:
            idle.set()

    def _do(self, operation: Callable[[Churn, random.Random], None], rng: random.Random) -> None:
        operation(self, rng)

    # choosing

    def _all(self, rng: random.Random, kind: Callable[[os.DirEntry[bytes]], bool]) -> list[bytes]:
        found = []
        waiting = [rng.choice(self._roots)]
        while waiting:
            try:
                with os.scandir(waiting.pop()) as entries:
                    for entry in entries:
                        if kind(entry) and entry.name != ANCHOR:
                            found.append(entry.path)
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
            except OSError:
                continue
        return found

    def _any(self, rng: random.Random, kind: Callable[[os.DirEntry[bytes]], bool] = lambda _: True) -> bytes:
        found = self._all(rng, kind)
        if not found:
            raise FileNotFoundError
        found.sort()
        return rng.choice(found)

    def _file(self, rng: random.Random) -> bytes:
        return self._any(rng, lambda entry: entry.is_file(follow_symlinks=False))

    def _subdirectory(self, rng: random.Random) -> bytes:
        return self._any(rng, lambda entry: entry.is_dir(follow_symlinks=False))

    def _directory(self, rng: random.Random) -> bytes:
        try:
            return self._subdirectory(rng)
        except FileNotFoundError:
            return rng.choice(self._roots)

    def _place(self, rng: random.Random, *, new: bool = True) -> bytes:
        directory = self._directory(rng) if rng.random() < 0.8 else rng.choice(self._roots)
        if directory.count(b"/") > self._roots[0].count(b"/") + 8:
            directory = rng.choice(self._roots)
        name = rng.choice(_NAMES)
        if new and rng.random() < 0.6:
            name += b"-%d" % rng.randrange(40)
        return directory + b"/" + name

    # files

    def op_create(self, rng: random.Random) -> None:
        if len(self._all(rng, lambda _: True)) > _ENTRIES_MOST:
            os.unlink(self._file(rng))
            return
        _write(self._place(rng), rng, os.O_CREAT | os.O_TRUNC)

    def op_append(self, rng: random.Random) -> None:
        _write(self._file(rng), rng, os.O_APPEND)

    def op_overwrite_in_place(self, rng: random.Random) -> None:
        fd = os.open(self._file(rng), os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            size = os.fstat(fd).st_size
            for _ in range(rng.randrange(1, 4)):
                os.pwrite(fd, rng.randbytes(rng.choice((1, 100, 5_000, 70_000))), rng.randrange(size + 1))
        finally:
            os.close(fd)

    def op_truncate(self, rng: random.Random) -> None:
        path = self._file(rng)
        os.truncate(path, rng.randrange(os.lstat(path).st_size + 1))

    def op_grow_sparse(self, rng: random.Random) -> None:
        path = self._file(rng)
        fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            size = os.fstat(fd).st_size
            if size < 4 << 20:
                os.ftruncate(fd, size + rng.choice((1, 4096, 300_000, 2 << 20)))
                if rng.random() < 0.5:
                    os.pwrite(fd, b"end", os.fstat(fd).st_size)
        finally:
            os.close(fd)

    op_grow_sparse.weight = 1  # type: ignore[attr-defined]

    def op_large(self, rng: random.Random) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
        fd = os.open(self._place(rng, new=False), flags, 0o644)
        try:
            for _ in range(rng.randrange(3, 9)):
                os.write(fd, rng.randbytes(400_000))
        finally:
            os.close(fd)

    op_large.weight = 1  # type: ignore[attr-defined]

    def op_written_slowly(self, rng: random.Random) -> None:
        fd = os.open(self._place(rng), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
        try:
            for _ in range(6):
                os.write(fd, rng.randbytes(3_000))
                self._end.wait(0.004)
        finally:
            os.close(fd)

    def op_sparse_with_islands(self, rng: random.Random) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
        fd = os.open(self._place(rng), flags, 0o644)
        try:
            for _ in range(rng.randrange(1, 5)):
                os.pwrite(fd, rng.randbytes(rng.choice((10, 5_000))), rng.randrange(3 << 20))
            os.ftruncate(fd, os.fstat(fd).st_size + rng.choice((0, 70_000)))
        finally:
            os.close(fd)

    op_sparse_with_islands.weight = 1  # type: ignore[attr-defined]

    def op_store_through_a_mapping(self, rng: random.Random) -> None:
        path = self._file(rng)
        self.unseen += 1
        # Another thread may truncate the file meanwhile, which kills whoever stores behind its end.
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", _STORE, os.fsdecode(path), str(rng.getrandbits(32))],
            check=False, capture_output=True,
        )  # fmt: skip

    op_store_through_a_mapping.weight = 2  # type: ignore[attr-defined]

    # names

    def op_rename(self, rng: random.Random) -> None:
        os.rename(self._any(rng), self._place(rng))

    def op_rename_in_directory(self, rng: random.Random) -> None:
        path = self._any(rng)
        os.rename(path, os.path.dirname(path) + b"/" + rng.choice(_NAMES) + b"-r%d" % rng.randrange(9))

    def op_rename_over(self, rng: random.Random) -> None:
        os.rename(self._file(rng), self._file(rng))

    def op_swap(self, rng: random.Random) -> None:
        one, other = self._any(rng), self._any(rng)
        os.rename(one, one + b".swap")
        os.rename(other, one)
        os.rename(one + b".swap", other)

    def op_editor(self, rng: random.Random) -> None:
        path = self._file(rng)
        new = path + b".tmp~"
        _write(new, rng, os.O_CREAT | os.O_EXCL)
        if rng.random() < 0.5:
            os.rename(path, path + b"~")
        os.rename(new, path)

    def op_rename_directory(self, rng: random.Random) -> None:
        os.rename(self._subdirectory(rng), self._place(rng))

    def op_rename_directory_over_empty(self, rng: random.Random) -> None:
        path = self._place(rng)
        os.mkdir(path)
        os.rename(self._subdirectory(rng), path)

    def op_make_fill_and_rename(self, rng: random.Random) -> None:
        path = self._place(rng)
        os.makedirs(path + b"/x/y")
        _write(path + b"/x/one", rng, os.O_CREAT)
        _write(path + b"/x/y/two", rng, os.O_CREAT)
        new = self._place(rng)
        os.rename(path, new)
        _write(new + b"/x/three", rng, os.O_CREAT)
        os.rename(new + b"/x", new + b"/z")

    op_make_fill_and_rename.weight = 2  # type: ignore[attr-defined]

    def op_delete(self, rng: random.Random) -> None:
        os.unlink(self._any(rng, lambda entry: not entry.is_dir(follow_symlinks=False)))

    def op_delete_tree(self, rng: random.Random) -> None:
        shutil.rmtree(self._subdirectory(rng))

    op_delete_tree.weight = 2  # type: ignore[attr-defined]

    def op_delete_and_make_again(self, rng: random.Random) -> None:
        path = self._file(rng)
        os.unlink(path)
        _write(path, rng, os.O_CREAT)

    def op_make_tree(self, rng: random.Random) -> None:
        path = self._place(rng)
        for _ in range(rng.randrange(1, 5)):
            os.mkdir(path)
            _write(path + b"/in", rng, os.O_CREAT)
            path += b"/" + rng.choice(_NAMES)

    def op_kind_becomes_another(self, rng: random.Random) -> None:
        path = self._file(rng)
        os.unlink(path)
        if rng.random() < 0.5:
            os.mkdir(path)
            _write(path + b"/in", rng, os.O_CREAT)
        else:
            os.symlink(b"elsewhere", path)

    op_kind_becomes_another.weight = 2  # type: ignore[attr-defined]

    # links and other kinds

    def op_hard_link(self, rng: random.Random) -> None:
        os.link(self._file(rng), self._place(rng))

    def op_unlink_one_of_several(self, rng: random.Random) -> None:
        os.unlink(self._any(rng, lambda e: e.is_file(follow_symlinks=False) and _links(e) > 1))

    def op_write_through_one_of_several(self, rng: random.Random) -> None:
        path = self._any(rng, lambda e: e.is_file(follow_symlinks=False) and _links(e) > 1)
        _write(path, rng, os.O_TRUNC if rng.random() < 0.5 else os.O_APPEND)

    def op_symlink(self, rng: random.Random) -> None:
        os.symlink(rng.choice((b"a", b"../b", b"/nowhere", b".", b"\xff")), self._place(rng))

    def op_fifo(self, rng: random.Random) -> None:
        os.mkfifo(self._place(rng), 0o620)

    op_fifo.weight = 1  # type: ignore[attr-defined]

    # metadata

    def op_chmod(self, rng: random.Random) -> None:
        path = self._any(rng, lambda entry: not entry.is_symlink())
        os.chmod(path, rng.choice((0o600, 0o644, 0o755, 0o4711, 0o2770, 0o1777, 0o400)))

    def op_chown(self, rng: random.Random) -> None:
        os.lchown(self._any(rng), rng.choice((0, 1234, 4321)), rng.choice((0, 2345)))

    def op_utime(self, rng: random.Random) -> None:
        os.utime(self._any(rng), ns=(0, rng.choice(_OLD_NS)), follow_symlinks=False)

    def op_same_size_and_time(self, rng: random.Random) -> None:
        path = self._file(rng)
        status = os.lstat(path)
        fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            os.pwrite(fd, rng.randbytes(min(status.st_size, 4_000)), 0)
            os.utime(fd, ns=(status.st_atime_ns, status.st_mtime_ns))
        finally:
            os.close(fd)

    def op_xattr(self, rng: random.Random) -> None:
        path = self._any(rng, lambda e: e.is_file(follow_symlinks=False) or e.is_dir(follow_symlinks=False))
        name = rng.choice(("user.a", "user.b", "user.long"))
        if rng.random() < 0.3:
            os.removexattr(path, name)
        else:
            os.setxattr(path, name, rng.randbytes(rng.randrange(60)))

    def op_acl(self, rng: random.Random) -> None:
        path = self._any(rng, lambda e: e.is_file(follow_symlinks=False) or e.is_dir(follow_symlinks=False))
        what = ("-b",) if rng.random() < 0.3 else ("-m", rng.choice(_ACLS))
        subprocess.run(["setfacl", *what, "--", path], check=False, capture_output=True)

    op_acl.weight = 2  # type: ignore[attr-defined]

    # names outside of the roots

    def op_name_outside(self, rng: random.Random) -> None:
        name = self._outside + b"/name-%d" % rng.randrange(6)
        if os.path.lexists(name):
            os.unlink(name)
        self.unseen += 1
        os.link(self._file(rng), name)

    op_name_outside.weight = 1  # type: ignore[attr-defined]

    def op_write_through_a_name_outside(self, rng: random.Random) -> None:
        self.unseen += 1
        _write(self._outside + b"/name-%d" % rng.randrange(6), rng, rng.choice((0, os.O_APPEND, os.O_TRUNC)))

    op_write_through_a_name_outside.weight = 2  # type: ignore[attr-defined]

    # across the border

    def op_move_out(self, rng: random.Random) -> None:
        os.rename(self._any(rng), self._outside + b"/" + b"%d" % rng.randrange(12))

    op_move_out.weight = 2  # type: ignore[attr-defined]

    def op_move_in(self, rng: random.Random) -> None:
        os.rename(self._outside + b"/" + b"%d" % rng.randrange(12), self._place(rng))

    op_move_in.weight = 3  # type: ignore[attr-defined]

    def op_move_to_other_root(self, rng: random.Random) -> None:
        path = self._any(rng)
        os.rename(path, rng.choice(self._roots) + b"/" + os.path.basename(path))


def _write(path: bytes, rng: random.Random, flags: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | flags, 0o644)
    try:
        os.write(fd, rng.randbytes(rng.choice((0, 1, 10, 1_000, 4_096, 30_000, 70_000))))
    finally:
        os.close(fd)


def _links(entry: os.DirEntry[bytes]) -> int:
    return entry.stat(follow_symlinks=False).st_nlink
