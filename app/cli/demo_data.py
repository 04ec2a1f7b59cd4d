"""Real files for the demonstration: Python's standard library, and one large database file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sysconfig

LIBRARY = "library"
DATABASE = "rows.sqlite3"
DATABASE_BYTES = 256 * 2**20
_ROW_BYTES = 64 * 1024
_OTHERS_PACKAGES = ("site-packages", "dist-packages")
ROOM_FACTOR = 5
"""Master, replica, media, restored copy, and what changes meanwhile."""


def needed_bytes() -> int:
    """Free space that the whole demonstration needs."""
    source = sysconfig.get_path("stdlib")
    total = DATABASE_BYTES
    for directory, names, files in os.walk(source):
        names[:] = [name for name in names if name not in _OTHERS_PACKAGES]
        total += sum(os.lstat(os.path.join(directory, name)).st_size for name in files)
    return total * ROOM_FACTOR


def make_data(master: str) -> None:
    """Fill `master`: a copy of the running Python's library, and a database of at least 256 MB."""
    os.makedirs(master)
    shutil.copytree(
        sysconfig.get_path("stdlib"),
        os.path.join(master, LIBRARY),
        symlinks=True,
        ignore=shutil.ignore_patterns(*_OTHERS_PACKAGES),
    )
    make_database(os.path.join(master, DATABASE))


def make_database(path: str) -> None:
    """A SQLite file of `DATABASE_BYTES` and more, its rows incompressible."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA page_size = 65536")
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, name TEXT, payload BLOB)")
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO rows (name, payload) VALUES (?, ?)",
            ((f"row {number}", os.urandom(_ROW_BYTES)) for number in range(DATABASE_BYTES // _ROW_BYTES + 1)),
        )
        connection.execute("COMMIT")
    finally:
        connection.close()


def update_rows(path: str, numbers: range) -> None:
    """Give some rows of the database new contents, as an application would: in place, in one transaction."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = TRUNCATE")
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "UPDATE rows SET payload = ? WHERE id = ?",
            ((os.urandom(_ROW_BYTES), number) for number in numbers),
        )
        connection.execute("COMMIT")
    finally:
        connection.close()
