"""A catalog of millions of versions, made at the speed of the disk, for measurements."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from app.catalog import open_catalog
from tests.support.catalog_rows import ENTITY, MACHINE, ROOT, SET, file, hour, session

_WORDS = (
    "annual", "budget", "client", "contract", "customer", "delivery", "design", "draft", "error",
    "event", "export", "figure", "forecast", "invoice", "ledger", "letter", "list", "log", "manual",
    "meeting", "memo", "minutes", "note", "notice", "offer", "order", "overview", "payment", "photo",
    "plan", "policy", "presentation", "price", "project", "proposal", "protocol", "quarter", "receipt",
    "record", "report", "request", "result", "review", "sales", "schedule", "scan", "sheet", "sketch",
    "statement", "summary", "survey", "table", "tax", "template", "test", "ticket", "timesheet",
    "travel", "update", "warranty",
)  # fmt: skip
_SUFFIXES = ("txt", "pdf", "docx", "xlsx", "jpg", "csv", "log", "msg", "zip", "bak")
_AT_ONCE = 50_000
FILES_PER_FOLDER = 200
LARGE_FOLDER = ROOT + b"/large"


def name(number: int, chooser: random.Random) -> str:
    """Two words, a year, a number and an ending."""
    first, second = chooser.choice(_WORDS), chooser.choice(_WORDS)
    return f"{first}-{second}-{2000 + number % 26}-{number:08d}.{chooser.choice(_SUFFIXES)}"


def build(home: Path, versions: int, *, large_folder: int = 200_000, versions_per_name: int = 2) -> None:
    """A catalog with so many version rows in `home`: files in folders of 200, and one folder of very many."""
    catalog = open_catalog(str(home))
    staging = catalog.sessions.begin(MACHINE, ENTITY, SET, [ROOT])
    staging.add([file(ROOT + b"/seed", "seed")])
    staging.publish(session(1))
    catalog.close()
    count = versions // versions_per_name
    database = sqlite3.connect(home / "catalog.sqlite3", isolation_level=None)
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA cache_size = -400000")
    (lineage,) = database.execute("SELECT id FROM lineages").fetchone()
    database.execute("BEGIN IMMEDIATE")
    (root,) = database.execute("SELECT id FROM folders WHERE path = ?", (ROOT,)).fetchone()
    folders: dict[int, int] = {}
    (folder_id,) = database.execute("SELECT max(id) FROM folders").fetchone()
    (name_id,) = database.execute("SELECT max(id) FROM names").fetchone()
    small = count - large_folder
    listed = -(-small // FILES_PER_FOLDER)
    for number in range(listed + 1):
        folder_id += 1
        name_id += 1
        path = LARGE_FOLDER if number == listed else ROOT + f"/folder{number:06d}".encode()
        folders[number] = folder_id
        database.execute(
            "INSERT INTO folders (id, machine, path) VALUES (?, ?, ?)", (folder_id, MACHINE, path)
        )
        leaf = path.rpartition(b"/")[2]
        database.execute(
            "INSERT INTO names (id, folder_id, name, text, ever_folder) VALUES (?, ?, ?, ?, 1)",
            (name_id, root, leaf, leaf.decode()),
        )
        database.execute(
            "INSERT INTO versions (name_id, lineage_id, first_ordinal, kind) VALUES (?, ?, 1, 'directory')",
            (name_id, lineage),
        )
    database.execute("COMMIT")
    first_file = name_id + 1
    for rows in _names(count, small, folders, first_file):
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT INTO names (id, folder_id, name, text) VALUES (?, ?, ?, ?)", rows)
        for at in range(versions_per_name):
            until = at + 2 if at + 1 < versions_per_name else None
            database.executemany(
                "INSERT INTO versions (name_id, lineage_id, first_ordinal, next_ordinal, kind, size_bytes,"
                " modified_ns, content_id) VALUES (?, ?, ?, ?, 'file', ?, ?, ?)",
                (
                    (row[0], lineage, at + 1, until, row[0] % 10**6, row[0] * 1000 + at, f"{row[0]:x}-{at}")
                    for row in rows
                ),
            )
        database.execute("COMMIT")
        # The index of names merges nothing by itself, and holds two thousand pieces at most.
        database.execute("INSERT INTO name_index (name_index, rank) VALUES ('merge', 1000)")
    for number in range(2, versions_per_name + 1):
        columns = [row[1] for row in database.execute("PRAGMA table_info(sessions)") if row[1] != "id"]
        values = {"ordinal": str(number), "number": str(number)}
        finished = int(hour(number).timestamp() * 1e6)
        values |= {"started_at": str(finished - 60_000_000), "finished_at": str(finished)}
        chosen = ", ".join(values.get(column, column) for column in columns)
        database.execute(
            f"INSERT INTO sessions ({', '.join(columns)}) SELECT {chosen} FROM sessions WHERE ordinal = 1"
        )
    database.execute("UPDATE lineages SET last_ordinal = ?", (versions_per_name,))
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def _names(
    count: int, small: int, folders: dict[int, int], first: int
) -> Iterator[list[tuple[int, int, bytes, str]]]:
    chooser = random.Random(1)
    last = max(folders)
    for start in range(0, count, _AT_ONCE):
        rows = []
        for number in range(start, min(count, start + _AT_ONCE)):
            text = name(number, chooser)
            folder = folders[number // FILES_PER_FOLDER] if number < small else folders[last]
            rows.append((first + number, folder, text.encode(), text))
        yield rows
