"""The rows of the shadow that a walk is compared with: read in C, a part ahead, where that can be done."""

from __future__ import annotations

import contextlib
import ctypes
import sqlite3
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from app.native import native
from app.replication.master import shadow
from app.replication.master.shadow import SeenRow, ShadowReader
from app.sqlite_files import private_uri

_WAIT_MS = 60_000
_functions: dict[str, int] = {}


def seen_parts(path: str, root: int) -> Generator[Sequence[SeenRow], None, None]:
    """As `ShadowReader.seen_parts`, of the state that the shadow has now. To be closed.

    The next part is read while one is compared. Raises sqlite3.Error, here and later.
    """
    recorded = native("recorded")
    functions = _of_sqlite(recorded) if recorded is not None else None
    if recorded is None or functions is None:
        return _plain(ShadowReader(path), root)
    try:
        reader = recorded.Reader(
            functions,
            private_uri(path, read_only=True).encode(),
            shadow.SEEN_STATEMENT.encode(),
            root,
            _WAIT_MS,
        )
        # From its first row on, it reads one state.
        first = reader.part(shadow.PART_ROWS)
    except RuntimeError as error:
        raise sqlite3.OperationalError(str(error)) from error
    return _ahead(reader, first)


def _plain(reader: ShadowReader, root: int) -> Generator[Sequence[SeenRow], None, None]:
    with contextlib.closing(reader):
        yield from reader.seen_parts(root)


def _ahead(reader: Any, part: Sequence[SeenRow] | None) -> Generator[Sequence[SeenRow], None, None]:
    with contextlib.closing(reader), ThreadPoolExecutor(1, "shadow-rows") as pool:
        while part is not None:
            coming = pool.submit(reader.part, shadow.PART_ROWS)
            yield part
            try:
                part = coming.result()
            except RuntimeError as error:
                raise sqlite3.OperationalError(str(error)) from error


def _of_sqlite(recorded: Any) -> dict[str, int] | None:
    """The functions of the library that the interpreter's module uses; None where they cannot be found.

    Another library must never have a file open that this one has: closing it would take away its locks.
    """
    if not _functions:
        # Looked for as the linker did for that module, and then tried: what it takes is counted there.
        module = getattr(__import__("_sqlite3"), "__file__", None)
        try:
            library = ctypes.CDLL(module)
            used = library.sqlite3_memory_used
            used.restype = ctypes.c_int64
            found = {
                name: ctypes.cast(getattr(library, f"sqlite3_{name}"), ctypes.c_void_p).value or 0
                for name in recorded.FUNCTIONS
            }
        except (OSError, AttributeError):
            return None
        before = used()
        with contextlib.closing(sqlite3.connect(":memory:")):
            if used() <= before:
                return None
        _functions.update(found)
    return _functions
