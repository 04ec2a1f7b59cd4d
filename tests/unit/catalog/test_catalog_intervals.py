"""Sessions as intervals: what a reader sees of each, and how few rows it takes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from app.catalog import sweeping
from app.catalog.session_rows import session_values
from app.catalog.store import SqlCatalog
from app.catalog.tables import sessions, versions
from app.model.errors import ArcxoError, BusyError, UsageError
from tests.support.catalog_rows import (
    ENTITY,
    MACHINE,
    ROOT,
    SET,
    back_up,
    back_up_changes,
    contents,
    file,
    hour,
    names,
    new_job,
    session,
    tree,
)


def row_count(catalog: SqlCatalog) -> int:
    with catalog._database.read() as connection:
        return int(connection.execute(text("SELECT count(*) FROM versions")).scalar_one())


def test_a_session_of_unchanged_files_adds_no_rows(catalog: SqlCatalog, tmp_path: Path) -> None:
    entries = tree({b"a": "1", b"d/b": "2"})
    back_up(catalog, 1, entries)
    before = row_count(catalog)
    back_up(catalog, 2, entries)
    back_up_changes(catalog, 3, [])
    assert row_count(catalog) == before
    assert contents(catalog, 1) == contents(catalog, 2) == contents(catalog, 3)


def test_each_session_shows_what_it_held_after_add_change_remove_and_return(catalog: SqlCatalog) -> None:
    back_up(catalog, 1, tree({b"a": "1"}))
    back_up(catalog, 2, tree({b"a": "1", b"b": "1"}))
    back_up(catalog, 3, [*tree({b"b": "1"}), file(ROOT + b"/a", "2", size=20)])
    back_up(catalog, 4, tree({b"b": "1"}))
    back_up(catalog, 5, tree({b"a": "1", b"b": "1"}))
    a, b = ROOT + b"/a", ROOT + b"/b"
    assert [contents(catalog, number) for number in range(1, 6)] == [
        {a: 10},
        {a: 10, b: 10},
        {a: 20, b: 10},
        {b: 10},
        {a: 10, b: 10},
    ]
    found = catalog.browsing.versions(MACHINE, a)
    assert [(v.content_id, v.first_session.number, v.last_session.number) for v in found] == [
        ("1", 1, 5),
        ("2", 3, 3),
    ]


def test_full_and_incremental_sessions_agree(catalog: SqlCatalog) -> None:
    rng = random.Random(4)
    state: dict[bytes, tuple[str, int]] = {b"d%d/f%d" % (i % 7, i): ("0", 1) for i in range(60)}
    truth = {}

    def entries() -> list:
        found = {entry.path: entry for entry in tree({name: content for name, (content, _) in state.items()})}
        for name, (content, size) in state.items():
            found[ROOT + b"/" + name] = file(ROOT + b"/" + name, content, size=size)
        return list(found.values())

    back_up(catalog, 1, entries())
    truth[1] = {ROOT + b"/" + name: size for name, (_, size) in state.items()}
    for number in range(2, 14):
        removed = []
        if number % 4 == 0:
            gone = b"d%d" % rng.randrange(7)
            removed = [ROOT + b"/" + gone]
            state = {name: value for name, value in state.items() if not name.startswith(gone + b"/")}
        for _ in range(5):
            name = b"d%d/f%d" % (rng.randrange(7), rng.randrange(60))
            state[name] = (str(number), number * 10 + rng.randrange(5))
        changed = entries()
        if number % 3 == 0:
            back_up(catalog, number, changed)
        else:
            back_up_changes(catalog, number, changed, removed)
        truth[number] = {ROOT + b"/" + name: size for name, (_, size) in state.items()}
    assert {number: contents(catalog, number) for number in truth} == truth


def test_what_is_staged_is_invisible_until_it_is_published(catalog: SqlCatalog) -> None:
    back_up(catalog, 1, tree({b"a": "1", b"b": "1"}))
    staging = catalog.sessions.begin(MACHINE, ENTITY, SET, [ROOT], full=False)
    staging.remove([ROOT + b"/a"])
    staging.add([file(ROOT + b"/c", "1"), file(ROOT + b"/b", "2", size=99)])
    listed = catalog.browsing.browse_tree(MACHINE, ROOT)
    assert [(entry.path, entry.size_bytes) for entry in listed] == [(ROOT + b"/a", 10), (ROOT + b"/b", 10)]
    staging.publish(session(2))
    assert contents(catalog, 2) == {ROOT + b"/b": 99, ROOT + b"/c": 10}
    assert contents(catalog, 1) == {ROOT + b"/a": 10, ROOT + b"/b": 10}


def test_a_discarded_staging_leaves_nothing(catalog: SqlCatalog, tmp_path: Path) -> None:
    back_up(catalog, 1, tree({b"a": "1", b"b": "1"}))
    before = row_count(catalog)
    staging = catalog.sessions.begin(MACHINE, ENTITY, SET, [ROOT])
    staging.add(tree({b"b": "2", b"x": "1"}))
    staging.discard()
    assert row_count(catalog) == before
    back_up_changes(catalog, 2, [])
    assert contents(catalog, 2) == contents(catalog, 1)


def test_what_a_crashed_job_staged_is_swept_and_the_next_backup_is_right(
    catalog: SqlCatalog, tmp_path: Path
) -> None:
    back_up(catalog, 1, tree({b"a": "1", b"b": "1"}))
    job = catalog.jobs.submit(new_job())
    claim = catalog.jobs.claim_due("server")
    assert claim is not None
    dead = catalog.sessions.begin(MACHINE, ENTITY, SET, [ROOT], job_id=job.id, fence=claim.fence, full=False)
    dead.remove([ROOT + b"/a"])
    dead.add([file(ROOT + b"/c", "1"), file(ROOT + b"/b", "2", size=99)])
    with pytest.raises(BusyError, match="E6004"):
        catalog.sessions.begin(MACHINE, ENTITY, SET, [ROOT])
    catalog.jobs.mark_crashed("server")
    back_up_changes(catalog, 2, [file(ROOT + b"/d", "1")])
    assert contents(catalog, 2) == {ROOT + b"/a": 10, ROOT + b"/b": 10, ROOT + b"/d": 10}
    with pytest.raises(BusyError, match="E6003"):
        dead.add([file(ROOT + b"/late", "1")])
    with pytest.raises(BusyError, match="E6003"):
        dead.publish(session(3))
    assert catalog.sessions.sweep() == 0


def test_changes_are_taken_relative_to_the_newest_session_that_is_left(catalog: SqlCatalog) -> None:
    back_up(catalog, 1, tree({b"a": "1", b"b": "1"}))
    back_up(catalog, 2, tree({b"b": "2", b"c": "1"}))
    catalog.sessions.remove("S1", 2)
    back_up_changes(catalog, 3, [file(ROOT + b"/d", "1")])
    assert contents(catalog, 3) == {ROOT + b"/" + name: 10 for name in (b"a", b"b", b"d")}
    assert [v.content_id for v in catalog.browsing.versions(MACHINE, ROOT + b"/b")] == ["1"]
    assert catalog.browsing.versions(MACHINE, ROOT + b"/c") == []
    assert catalog.sessions.sweep() > 0
    assert contents(catalog, 3) == {ROOT + b"/" + name: 10 for name in (b"a", b"b", b"d")}
    assert contents(catalog, 1) == {ROOT + b"/a": 10, ROOT + b"/b": 10}


def test_an_older_session_can_be_merged_after_a_newer_one(catalog: SqlCatalog) -> None:
    back_up(catalog, 2, tree({b"b": "1"}))
    back_up(catalog, 1, tree({b"a": "1"}))
    assert names(catalog.browsing.browse_tree(MACHINE, ROOT)) == [ROOT + b"/b"]
    assert names(catalog.browsing.browse_tree(MACHINE, ROOT, as_of=hour(1))) == [ROOT + b"/a"]
    back_up_changes(catalog, 3, [])
    assert contents(catalog, 3) == {ROOT + b"/b": 10}


def test_scenarios_with_other_roots_on_one_volume_keep_their_own_rows(catalog: SqlCatalog) -> None:
    back_up(catalog, 1, tree({b"a": "1"}))
    staging = catalog.sessions.begin(MACHINE, ENTITY, SET, [b"/other"])
    staging.add([file(b"/other/x", "1")])
    staging.publish(session(2))
    assert names(catalog.browsing.browse_session("S1", 2, b"/")) == []
    assert names(catalog.browsing.browse_tree(MACHINE, ROOT)) == [ROOT + b"/a"]
    assert names(catalog.browsing.browse_tree(MACHINE, b"/other")) == [b"/other/x"]


def test_removed_media_take_their_sessions_along(catalog: SqlCatalog, tmp_path: Path) -> None:
    back_up(catalog, 1, tree({b"a": "1"}))
    assert catalog.media.remove_media("S1") == 1
    assert catalog.browsing.machines() == []
    assert catalog.browsing.browse_tree(MACHINE, ROOT) == []
    catalog.sessions.sweep()
    assert row_count(catalog) == 0


def test_bad_publications_are_refused(catalog: SqlCatalog) -> None:
    with pytest.raises(ArcxoError, match="E6019"):
        catalog.sessions.begin(MACHINE, ENTITY, SET, [ROOT], full=False)
    back_up(catalog, 1, tree({b"a": "1"}))
    staging = catalog.sessions.begin(MACHINE, ENTITY, SET, [ROOT])
    with pytest.raises(UsageError, match="E6018"):
        staging.publish(session(2, entity="C:"))
    with pytest.raises(UsageError, match="E6020"):
        staging.publish(session(1))
    staging.discard()
    assert contents(catalog, 1) == {ROOT + b"/a": 10}


def test_verified_and_restore_tested_are_facts_of_their_own(catalog: SqlCatalog) -> None:
    back_up(catalog, 1, tree({b"a": "1"}))
    catalog.sessions.mark_verified("S1", 1, damaged=True)
    shown = catalog.sessions.show("S1", 1)
    assert (shown.verified_at is not None, shown.restore_tested_at, shown.damaged) == (True, None, True)
    catalog.sessions.mark_restore_tested("S1", 1, percent=5)
    shown = catalog.sessions.show("S1", 1)
    assert (shown.restore_tested_at is not None, shown.restore_tested_percent) == (True, 5)
    catalog.sessions.mark_restore_tested("S1", 1)
    assert catalog.sessions.show("S1", 1).restore_tested_percent == 100
    with pytest.raises(ArcxoError, match="E6009"):
        catalog.sessions.mark_verified("S1", 9)


@pytest.mark.parametrize("ordinals", [(), (-5,), (1,), (3,), (1, 2, 3), (1, 4, 5, 8), (2, 6), (-3, 2, 7)])
def test_a_sweep_drops_what_no_session_covers_and_nothing_else(
    catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch, ordinals: tuple[int, ...]
) -> None:
    monkeypatch.setattr(sweeping, "STEP", 7)
    back_up(catalog, 1, tree({b"a": "1"}))
    chance = random.Random(str(ordinals))
    spans = [(begun, begun + chance.randrange(1, 6)) for begun in range(1, 9) for _ in range(6)]
    rows = [*spans, *((begun, None) for begun in range(1, 6))]
    with catalog._database.write() as c:
        lineage, name = c.execute(text("SELECT lineage_id, name_id FROM versions")).first() or (0, 0)
        c.execute(text("DELETE FROM versions"))
        c.execute(text("DELETE FROM sessions"))
        for number, ordinal in enumerate(ordinals):
            values = session_values(session(number + 1)) | {"lineage_id": lineage, "ordinal": ordinal}
            c.execute(insert(sessions).values(**values))
        for at, (begun, ended) in enumerate(rows):
            folder = c.execute(
                text("INSERT INTO names (folder_id, name, text) SELECT folder_id, :name, 'n' FROM names"
                     " WHERE id = :id RETURNING id"), {"name": b"%d" % at, "id": name}
            ).scalar_one()  # fmt: skip
            c.execute(
                insert(versions).values(
                    name_id=folder, lineage_id=lineage, first_ordinal=begun, next_ordinal=ended
                )
            )
    wanted = sorted(
        (begun, ended or 0)
        for begun, ended in rows
        if (ended is None and ordinals) or any(begun <= one < (ended or 99) for one in ordinals)
    )
    assert catalog.sessions.sweep() == len(rows) - len(wanted)
    with catalog._database.read() as c:
        left = c.execute(select(versions.c.first_ordinal, versions.c.next_ordinal)).all()
    assert sorted((begun, ended or 0) for begun, ended in left) == wanted
    assert catalog.sessions.sweep() == 0
