"""Names by their first and last letter, for patterns that have no three letters in a row (`q*z`, `*.c`).

SQLite only: a table beside the names, kept by triggers. An index of the extension pg_trgm knows how names
begin, so PostgreSQL needs none. Letters are folded as LIKE folds them: those of ASCII.
"""

from __future__ import annotations

import re

from sqlalchemy import Connection, text

TABLE = "name_index_ends"
_MAKE = f"CREATE TABLE {TABLE} (head TEXT, tail TEXT, id INTEGER, PRIMARY KEY (head, tail, id)) WITHOUT ROWID"
_FIELDS = "lower(substr({0}text, 1, 1)), lower(substr({0}text, -1, 1)), {0}id"
_ADD = (
    f"CREATE TRIGGER names_ends_added AFTER INSERT ON names BEGIN"
    f" INSERT INTO {TABLE} VALUES ({_FIELDS.format('new.')}); END"
)
_REMOVE = (
    f"CREATE TRIGGER names_ends_removed AFTER DELETE ON names BEGIN DELETE FROM {TABLE}"
    f" WHERE (head, tail, id) = ({_FIELDS.format('old.')}); END"
)
_FILL = f"INSERT INTO {TABLE} SELECT {_FIELDS.format('')} FROM names ORDER BY 1, 2, 3"
_NEAR = 50_000
"""So many names are read as they come before the letters are asked: common patterns fill a page there."""


def make(connection: Connection) -> None:
    """Make the table and fill it."""
    if connection.dialect.name == "sqlite":
        for statement in (_MAKE, _FILL, _ADD, _REMOVE):
            connection.exec_driver_sql(statement)


def drop(connection: Connection) -> None:
    """Take the table away."""
    if connection.dialect.name == "sqlite":
        for trigger in ("names_ends_added", "names_ends_removed"):
            connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
        connection.exec_driver_sql(f"DROP TABLE {TABLE}")


def ends(like: str) -> tuple[str, str]:
    """The letters that every match of a LIKE pattern begins and ends with; "" = any."""
    letters = re.findall(r"\\.|.", like, re.DOTALL)
    head, tail = (letters[0], letters[-1]) if letters else ("%", "%")
    return _literal(head), _literal(tail)


def _literal(letter: str) -> str:
    if letter in ("%", "_"):
        return ""
    return _folded(letter[-1])


def _folded(letter: str) -> str:
    return letter.lower() if letter.isascii() else letter


def next_by_ends(connection: Connection, like: str, after: int, limit: int) -> list[int] | None:
    """The ids of at most `limit` names beyond `after` that match; None when the letters say nothing."""
    head, tail = ends(like)
    if not head and not tail:
        return None
    keys = {"like": like, "after": after, "near": after + _NEAR, "limit": limit}
    near = (
        "SELECT id FROM names WHERE id > :after AND id <= :near AND text LIKE :like ESCAPE '\\'"
        " ORDER BY id LIMIT :limit"
    )
    found = list(connection.execute(text(near), keys).scalars())
    if len(found) >= limit:
        return found
    pairs = [(first, tail) for first in ([head] if head else _heads(connection))]
    where = "e.head = :head" + (" AND e.tail = :tail" if tail else "")
    far = (
        f"SELECT e.id FROM {TABLE} e CROSS JOIN names n ON n.id = e.id WHERE {where} AND e.id > :near"
        " AND n.text LIKE :like ESCAPE '\\' ORDER BY e.id LIMIT :limit"
    )
    more: list[int] = []
    for first, last in pairs:
        each = {**keys, "head": first, "tail": last, "limit": limit - len(found)}
        more += connection.execute(text(far), each).scalars()
    return found + sorted(more)[: limit - len(found)]


def _heads(connection: Connection) -> list[str]:
    """Every letter that a name begins with: one step in the index for each."""
    statement = text(
        f"WITH RECURSIVE heads(head) AS (SELECT min(head) FROM {TABLE} UNION ALL"
        f" SELECT (SELECT min(e.head) FROM {TABLE} e WHERE e.head > heads.head) FROM heads"
        " WHERE heads.head IS NOT NULL) SELECT head FROM heads WHERE head IS NOT NULL"
    )
    return list(connection.execute(statement).scalars())
