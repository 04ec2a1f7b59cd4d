"""The index that finds names by any three letters in a row of them.

SQLite: a full-text index of trigrams beside the table, kept by triggers. PostgreSQL: an index of the
extension pg_trgm; where that may not be installed, queries read all names instead.
"""

from __future__ import annotations

import re

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from app.catalog import dialect, name_ends

TABLE = "name_index"
_MAKE = f"""
CREATE VIRTUAL TABLE {TABLE} USING
fts5(text, content='names', content_rowid='id', tokenize='trigram', detail='none', columnsize=0)
"""
_ADD = f"""
CREATE TRIGGER names_added AFTER INSERT ON names BEGIN
INSERT INTO {TABLE} (rowid, text) VALUES (new.id, new.text); END
"""
_REMOVE = f"""
CREATE TRIGGER names_removed AFTER DELETE ON names BEGIN
INSERT INTO {TABLE} ({TABLE}, rowid, text) VALUES ('delete', old.id, old.text); END
"""
_BY_HAND = (
    f"INSERT INTO {TABLE} ({TABLE}, rank) VALUES ('automerge', 0)",
    f"INSERT INTO {TABLE} ({TABLE}, rank) VALUES ('crisismerge', 1000)",
)
_MERGE = f"INSERT INTO {TABLE} ({TABLE}, rank) VALUES ('merge', 100)"
_FILL = f"INSERT INTO {TABLE} ({TABLE}) VALUES ('rebuild')"


def make(connection: Connection) -> None:
    """Make the index and fill it."""
    if connection.dialect.name == "sqlite":
        for statement in (_MAKE, _ADD, _REMOVE, _FILL, *_BY_HAND):
            connection.exec_driver_sql(statement)
        return
    try:
        with connection.begin_nested():
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except DBAPIError:
        return  # not installed, or this role may not: queries work without, more slowly
    connection.execute(text("CREATE INDEX ix_names_trigrams ON names USING gin (text gin_trgm_ops)"))


def tidy(connection: Connection) -> None:
    """Merge a little of what was added, in a short transaction of its own.

    Left to itself the index merges now and then at a commit, for as long as that takes: that is switched off.
    """
    if connection.dialect.name == "sqlite":
        writing = dialect.for_writing(connection, write=True)
        with writing.begin():
            writing.exec_driver_sql(_MERGE)


def drop(connection: Connection) -> None:
    """Take the index away."""
    if connection.dialect.name == "sqlite":
        for trigger in ("names_added", "names_removed"):
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        connection.exec_driver_sql(f"DROP TABLE {TABLE}")
        return
    connection.execute(text("DROP INDEX IF EXISTS ix_names_trigrams"))


def is_of_index(name: str) -> bool:
    """Whether a table belongs to the index, and so to no table of ours."""
    return name == TABLE or name.startswith(f"{TABLE}_")


def match_expression(like: str) -> str:
    """What the full-text index is asked for a LIKE pattern: letters in a row that every match has.

    "" when the pattern has no three literal letters in a row, which the index could find.
    """
    runs = re.sub(r"\\(.)|[%_]", lambda found: found[1] or "\0", like).split("\0")
    parts: dict[str, None] = {}
    for run in runs:
        # Every third, and the last: LIKE is asked as well, so fewer do.
        starts = [*range(0, len(run) - 2, 3), *([len(run) - 3] if len(run) > 3 else [])]
        parts.update((run[start : start + 3], None) for start in starts)
    return " AND ".join('"' + part.replace('"', '""') + '"' for part in parts)


def next_names(connection: Connection, like: str, after: int, limit: int) -> list[int]:
    """The ids of at most `limit` names beyond `after` that match a LIKE pattern (escape: backslash)."""
    keys = {"like": like, "after": after, "limit": limit}
    if connection.dialect.name != "sqlite":
        found = (
            "SELECT id FROM names WHERE text ILIKE :like ESCAPE '\\' AND id > :after ORDER BY id LIMIT :limit"
        )
    elif match := match_expression(like):
        keys["match"] = match
        found = (
            f"SELECT n.id FROM {TABLE} x CROSS JOIN names n ON n.id = x.rowid WHERE {TABLE} MATCH :match"
            " AND x.rowid > :after AND n.text LIKE :like ESCAPE '\\' ORDER BY x.rowid LIMIT :limit"
        )
    elif (by_ends := name_ends.next_by_ends(connection, like, after, limit)) is not None:
        return by_ends
    else:
        found = (
            "SELECT id FROM names WHERE id > :after AND text LIKE :like ESCAPE '\\' ORDER BY id LIMIT :limit"
        )
    return list(connection.execute(text(found), keys).scalars())
