"""Names in folders that a staging brings itself: right also where another one brings the same."""

from __future__ import annotations

from sqlalchemy import text

from app.catalog.store import SqlCatalog
from tests.support.catalog_rows import MACHINE, ROOT, SET, contents, file, folder, session

OTHER = "/other"


def counts(catalog: SqlCatalog) -> list[int]:
    with catalog._database.read() as c:
        return [
            c.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in ("names", "versions")
        ]


def test_two_sessions_that_bring_the_same_folder_in_turn_have_both_their_names(catalog: SqlCatalog) -> None:
    one = catalog.sessions.begin(MACHINE, "/", SET, [ROOT], full=True)
    two = catalog.sessions.begin(MACHINE, OTHER, SET, [ROOT], full=True)
    one.add([file(ROOT + b"/d/a", "1")])
    two.add([file(ROOT + b"/d/b", "2"), file(ROOT + b"/d/c", "3")])
    one.add([file(ROOT + b"/d/c", "4"), file(ROOT + b"/d/d", "5"), folder(ROOT + b"/d"), folder(ROOT)])
    two.add([file(ROOT + b"/d/a", "6"), folder(ROOT + b"/d"), folder(ROOT)])
    one.publish(session(1))
    two.publish(session(2, entity=OTHER))
    assert set(contents(catalog, 1)) == {ROOT + b"/d/" + name for name in (b"a", b"c", b"d")}
    assert set(contents(catalog, 2)) == {ROOT + b"/d/" + name for name in (b"a", b"b", b"c")}


def test_of_a_path_that_is_told_twice_the_last_counts(catalog: SqlCatalog) -> None:
    staging = catalog.sessions.begin(MACHINE, "/", SET, [ROOT], full=True)
    staging.add([folder(ROOT), file(ROOT + b"/a", "1", size=1), file(ROOT + b"/b", "1", size=1)])
    before = counts(catalog)
    staging.add([file(ROOT + b"/b", "2", size=2), file(ROOT + b"/c", "1", size=1)])
    staging.publish(session(1))
    assert contents(catalog, 1) == {ROOT + b"/a": 1, ROOT + b"/b": 2, ROOT + b"/c": 1}
    assert counts(catalog) == [number + 1 for number in before]


def test_names_of_new_folders_are_found_by_their_letters(catalog: SqlCatalog) -> None:
    staging = catalog.sessions.begin(MACHINE, "/", SET, [ROOT], full=True)
    staging.add(file(ROOT + b"/d%d/n%05d" % (number % 7, number), "1") for number in range(5000))
    staging.publish(session(1))
    with catalog._database.read() as c:
        found = c.execute(
            text("SELECT count(*) FROM name_index WHERE name_index MATCH '\"n01\"'")
        ).scalar_one()
    assert found == 1000
