"""What removals and rewrites took from the replicas' view, while they are held back: a table of the shadow.

Rows are written with the transaction of the records they belong to, so that after a crash they say exactly
what the shadow says. A row's path is the replica's: where its content still is.
"""

from __future__ import annotations

import stat
import time
from dataclasses import dataclass
from typing import Any

from app.model.brake import BrakeChange, BrakeDecision
from app.model.entry import EntryKind, kind_of_mode, order_key
from app.replication.master.shadow import Shadow, ShadowEntry, subtree
from app.sqlite_files import connect_private

ESTABLISHED_S = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS lost (
    root INTEGER NOT NULL, key BLOB NOT NULL, state TEXT NOT NULL, mode INTEGER NOT NULL,
    inode INTEGER NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL, at REAL NOT NULL,
    decision TEXT NOT NULL, PRIMARY KEY (root, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lost_inode ON lost (inode);
"""
_IS_FILE = "mode & 61440 = 32768"
_LISTED = "state IN ('removed', 'rewritten')"
_IS_LOST = "EXISTS (SELECT 1 FROM lost WHERE lost.root = e.root AND lost.key = e.key)"
_COLUMNS = "root, key, state, mode, size, modified, decision, inode"
# Besides `removed` and `rewritten`: `moved` is a file that is elsewhere now, `new` one no replica has,
# `changed` one whose content is another, which is no loss.


def is_young(row: ShadowEntry) -> bool:
    """Whether a recorded file got its content so lately that another one is no loss."""
    return row.modified_ns > time.time_ns() - int(ESTABLISHED_S * 1e9)


@dataclass(frozen=True, slots=True)
class Loss:
    """One row that people are asked about."""

    root: int
    path: bytes
    change: BrakeChange
    kind: EntryKind
    size_bytes: int
    modified_ns: int
    decision: BrakeDecision
    permissions: int
    inode: int
    """What the master had there; names that shared it were hard links."""


@dataclass(frozen=True, slots=True)
class SharedName:
    """A name that is there, of the file with this inode as the master had it before."""

    root: int
    inode: int
    path: bytes


class Losses:
    """The table's writer, for whoever holds the recorder's lock. Nothing is committed here."""

    def __init__(self, shadow: Shadow) -> None:
        self._shadow = shadow
        shadow.prepare(_SCHEMA)

    def removing(self, root: int, path: bytes) -> int:
        """All that is recorded at `path` and beneath goes; the files among it that were not lost before."""
        database = self._shadow.writing()
        where, args = subtree(root, path)
        fresh = database.execute(
            f"SELECT count(*) FROM entry AS e WHERE {where} AND {_IS_FILE} AND NOT {_IS_LOST}", args
        ).fetchone()
        # What was moved while it was held and goes now is lost where it came from.
        moved = database.execute(
            "UPDATE lost SET state = 'removed', decision = 'undecided' WHERE state = 'moved' AND inode IN"
            f" (SELECT inode FROM entry WHERE {where} AND {_IS_FILE})",
            args,
        ).rowcount
        changed = database.execute(
            f"UPDATE lost SET state = 'removed' WHERE {where} AND state = 'changed'", args
        ).rowcount
        database.execute(
            "UPDATE lost AS e SET state = 'removed', decision = 'undecided'"
            f" WHERE {where} AND {_LISTED} AND EXISTS"
            " (SELECT 1 FROM entry WHERE entry.root = e.root AND entry.key = e.key)",
            args,
        )
        database.execute(
            "INSERT OR IGNORE INTO lost SELECT root, key, 'removed', mode, inode, size, modified, ?,"
            f" 'undecided' FROM entry WHERE {where}",
            (time.time(), *args),
        )
        database.execute(f"DELETE FROM lost WHERE {where} AND state = 'new'", args)
        return int(fresh[0]) + max(0, moved) + max(0, changed)

    def rewriting(self, root: int, row: ShadowEntry, *, whole: bool = True) -> int:
        """The content of a recorded file is replaced; 1 if that is a loss not noted before."""
        if row.kind is not EntryKind.FILE:
            return 0
        if not whole or not row.size or is_young(row):
            self._insert(root, row.path, row, "changed")
            return 0
        database = self._shadow.writing()
        changed = database.execute(
            "UPDATE lost SET state = 'rewritten' WHERE root = ? AND key = ? AND state = 'changed'",
            (root, order_key(row.path)),
        ).rowcount
        return max(0, changed) + self._insert(root, row.path, row, "rewritten")

    def created(self, root: int, entry: ShadowEntry) -> int:
        """An entry appears where none was recorded; 1 if it is a file that had been counted as lost."""
        is_file = entry.kind is EntryKind.FILE
        key = order_key(entry.path)
        database = self._shadow.writing()
        row = database.execute(
            "SELECT state, mode & 61440, size, modified FROM lost WHERE root = ? AND key = ?", (root, key)
        ).fetchone()
        if row is not None:
            if row[0] != "removed":
                return 0
            same_kind = row[1] == stat.S_IFMT(entry.mode)
            if same_kind and (not is_file or tuple(row[2:]) == (entry.size, entry.modified_ns)):
                # It came back as it was: there is nothing to decide about.
                database.execute(
                    "UPDATE lost SET decision = 'restored' WHERE root = ? AND key = ?", (root, key)
                )
                return int(is_file)
            database.execute("UPDATE lost SET state = 'rewritten' WHERE root = ? AND key = ?", (root, key))
            return 0
        moved = database.execute(
            "UPDATE lost SET state = 'moved' WHERE inode = ? AND state = 'removed'"
            " AND mode & 61440 = ? AND (? OR (size = ? AND modified = ?))",
            (
                entry.inode,
                stat.S_IFMT(entry.mode),
                entry.kind is EntryKind.DIRECTORY,
                entry.size,
                entry.modified_ns,
            ),
        ).rowcount
        self._insert(root, entry.path, entry, "new")
        return int(is_file and moved > 0)

    def renamed(self, root: int, row: ShadowEntry, new_path: bytes) -> None:
        """A recorded file has another path now (as one record)."""
        database = self._shadow.writing()
        old, new = order_key(row.path), order_key(new_path)
        was = database.execute("SELECT state FROM lost WHERE root = ? AND key = ?", (root, old)).fetchone()
        if was is not None and was[0] == "new":
            database.execute("DELETE FROM lost WHERE root = ? AND key = ?", (root, old))
        elif was is None:
            self._insert(root, row.path, row, "moved")
        database.execute(
            "UPDATE lost SET state = 'rewritten' WHERE root = ? AND key = ? AND state = 'removed'",
            (root, new),
        )
        self._insert(root, new_path, row, "new")

    def _insert(self, root: int, path: bytes, row: ShadowEntry, state: str) -> int:
        return max(
            0,
            self._shadow.writing()
            .execute(
                "INSERT OR IGNORE INTO lost VALUES (?,?,?,?,?,?,?,?,'undecided')",
                (root, order_key(path), state, row.mode, row.inode, row.size, row.modified_ns, time.time()),
            )
            .rowcount,
        )

    def files(self) -> int:
        """Files lost and not decided about."""
        row = self._shadow.reading().execute(
            f"SELECT count(*) FROM lost WHERE {_LISTED} AND {_IS_FILE} AND decision = 'undecided'"
        )
        return int(row.fetchone()[0])

    def undecided(self, root: int | None = None, path: bytes = b"") -> list[Loss]:
        """What is not decided about, parents before what is in them; all, or `path` and what is beneath."""
        where, args = ("1", ()) if root is None else subtree(root, path)
        rows = self._shadow.reading().execute(
            f"SELECT {_COLUMNS} FROM lost WHERE {where} AND {_LISTED} AND decision = 'undecided'"
            " ORDER BY root, key",
            args,
        )
        return [_loss(row) for row in rows.fetchall()]

    def shared_names(self, root: int | None = None, path: bytes = b"") -> list[SharedName]:
        """Names that shared a file with what `undecided` gives and are there: brought back or never lost."""
        where, args = ("1", ()) if root is None else subtree(root, path)
        lost = f"SELECT DISTINCT root, inode FROM lost WHERE {where} AND {_LISTED} AND {_IS_FILE}"
        lost += " AND inode <> 0 AND decision = 'undecided'"
        found = self._shadow.reading().execute(
            f"WITH gone AS MATERIALIZED ({lost})"
            " SELECT gone.root, gone.inode, lost.key FROM gone JOIN lost ON lost.inode = gone.inode"
            " AND lost.root = gone.root WHERE lost.decision = 'restored' AND lost.mode & 61440 = 32768"
            " UNION ALL SELECT gone.root, gone.inode, e.key FROM gone JOIN entry AS e INDEXED BY entry_inode"
            " ON e.root = gone.root AND e.inode = gone.inode AND e.mode & 61440 = 32768"
            # One that came since has the number by chance.
            " WHERE NOT EXISTS (SELECT 1 FROM lost WHERE lost.root = e.root AND lost.key = e.key"
            " AND lost.state <> 'changed')",
            args,
        )
        return [SharedName(row[0], row[1], bytes(row[2]).replace(b"\0", b"/")) for row in found.fetchall()]

    def holds(self, root: int | None, path: bytes) -> bool:
        """Whether people are or were asked about anything; of all, or of `path` and what is beneath."""
        where, args = ("1", ()) if root is None else subtree(root, path)
        row = self._shadow.reading().execute(f"SELECT 1 FROM lost WHERE {where} AND {_LISTED} LIMIT 1", args)
        return row.fetchone() is not None

    def decide(self, losses: list[Loss], decision: BrakeDecision) -> None:
        """Note a decision."""
        self._shadow.writing().executemany(
            "UPDATE lost SET decision = ? WHERE root = ? AND key = ?",
            [(decision.value, loss.root, order_key(loss.path)) for loss in losses],
        )

    def any_restored(self) -> bool:
        """Whether something was brought back instead of being let go."""
        found = self._shadow.reading().execute("SELECT 1 FROM lost WHERE decision = 'restored' LIMIT 1")
        return found.fetchone() is not None

    def changed(self) -> list[tuple[int, bytes]]:
        """(root, path) of all files whose content changed while held, and that did not come back."""
        rows = self._shadow.reading().execute(
            "SELECT root, key FROM lost WHERE state IN ('changed', 'rewritten') AND decision != 'restored'"
        )
        return [(row[0], bytes(row[1]).replace(b"\0", b"/")) for row in rows.fetchall()]

    def clear(self) -> None:
        """Forget all."""
        self._shadow.writing().execute("DELETE FROM lost")


class LossReader:
    """Reads one state of the table, beside its writer. For one thread."""

    def __init__(self, path: str) -> None:
        self._database = connect_private(path, timeout_s=60, read_only=True)
        self._database.execute("BEGIN")

    def counts(self) -> tuple[dict[str, int], int]:
        """Entries by what happened and by decision (see `BrakeReview.counts`), and their bytes."""
        counts: dict[str, int] = {}
        size_bytes = 0
        for state, form, decision, count, size in self._database.execute(
            f"SELECT state, mode & 61440, decision, count(*), sum(size) FROM lost WHERE {_LISTED}"
            " GROUP BY 1, 2, 3"
        ):
            size_bytes += size
            for name in (f"{state}_{_group(form)}", decision):
                counts[name] = counts.get(name, 0) + count
        return counts, size_bytes

    def items(self, most: int, root: int | None = None, path: bytes = b"") -> tuple[list[Loss], bool]:
        """Up to `most` rows in the order of names, and whether there are more; all, or those beneath `path`.

        Where there are more, those that wait for a decision are taken first.
        """
        where, args = ("1", ()) if root is None else subtree(root, path)
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM lost WHERE {where} AND {_LISTED}"
            " ORDER BY decision != 'undecided', root, key LIMIT ?",
            (*args, most + 1),
        ).fetchall()
        return [_loss(row) for row in sorted(rows[:most])], len(rows) > most

    def close(self) -> None:
        """Give the state back."""
        self._database.close()


def _group(form: int) -> str:
    if form == stat.S_IFREG:
        return "files"
    return "folders" if form == stat.S_IFDIR else "others"


def _loss(row: Any) -> Loss:
    return Loss(
        row[0],
        bytes(row[1]).replace(b"\0", b"/"),
        BrakeChange(row[2]),
        kind_of_mode(row[3]),
        row[4],
        row[5],
        BrakeDecision(row[6]),
        stat.S_IMODE(row[3]),
        row[7],
    )
