"""How the program's SQLite files are opened: without memory that a full volume can take away.

SQLite's WAL keeps its index in a memory map of the file `-shm`, and a copy-on-write file system has to find
room for each page of it that is written, in place or not. *Measured* on btrfs: once the volume is full, such
a write ends the process by SIGBUS, the command line's as well; ext4 and XFS have the room already. So a file
that one process alone uses has that index in the process's own memory, and one that several share has
another journal where the file system is of that kind.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import sqlite3
import sys
import urllib.parse
from collections.abc import Sequence

_VALUES_MOST = 999
_COPY_ON_WRITE = frozenset({0x9123683E, 0xCA451A4E, 0x3434})
"""btrfs, bcachefs, nilfs2: those that tell a full volume by a signal where a mapped page is written."""


def connect_private(path: str, *, timeout_s: float, read_only: bool = False) -> sqlite3.Connection:
    """A connection to a file that only this process uses, in any number of connections made by this call.

    Autocommit, for any thread. Another process waits for the whole life of the last one, up to its time-out.
    Raises sqlite3.Error.
    """
    return sqlite3.connect(
        private_uri(path, read_only=read_only),
        uri=True,
        timeout=timeout_s,
        isolation_level=None,
        check_same_thread=False,
    )


def private_uri(path: str, *, read_only: bool = False) -> str:
    """What SQLite is to open for that."""
    options = ["mode=ro"] if read_only else []
    if os.name == "posix":
        options.append("vfs=unix-excl")
    return f"file:{urllib.parse.quote(os.fsencode(path))}?{'&'.join(options)}"


def put_many(database: sqlite3.Connection, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Carry out `statement` for each row, an INSERT of one VALUES with many rows at a time.

    Each step of a statement gives the interpreter to another thread, and has to wait for it afterwards.
    Raises sqlite3.Error.
    """
    head, values, one = statement.partition(" VALUES ")
    # 999 values is what every build takes at once.
    at_once = _VALUES_MOST // len(rows[0]) if values and rows and rows[0] else 0
    whole = len(rows) // at_once * at_once if at_once > 1 else 0
    if whole:
        many = f"{head}{values}{','.join([one] * at_once)}"
        for start in range(0, whole, at_once):
            database.execute(many, list(itertools.chain.from_iterable(rows[start : start + at_once])))
    if whole < len(rows):
        database.executemany(statement, rows[whole:])


def journal_of_shared(path: str) -> str:
    """The `journal_mode` for a file that several processes use: WAL where its shared memory is safe."""
    return "TRUNCATE" if _file_system(os.path.dirname(os.path.abspath(path))) in _COPY_ON_WRITE else "WAL"


def _file_system(directory: str) -> int:
    """The kind of a directory's file system, as Linux numbers them; 0 where that cannot be told."""
    if not sys.platform.startswith("linux"):
        return 0
    # `struct statfs` begins with the kind, and is less than this on every architecture.
    found = (ctypes.c_long * 64)()
    if ctypes.CDLL(None, use_errno=True).statfs(os.fsencode(directory), ctypes.byref(found)):
        return 0
    return int(found[0]) & 0xFFFFFFFF
