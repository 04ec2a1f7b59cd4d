"""Sessions read from media in any order: resumed, without names, and put in the order of their times."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping

import pytest
from sqlalchemy import text

from app.catalog.merge_api import Base, LineageKey, MergeStaging, Source
from app.catalog.store import SqlCatalog
from app.model.errors import BusyError, UsageError
from app.model.search import Query
from tests.support.catalog_rows import (
    ENTITY,
    MACHINE,
    ROOT,
    SET,
    back_up,
    back_up_changes,
    contents,
    file,
    new_job,
    session,
    tree,
)

KEY = LineageKey(MACHINE, ENTITY, SET, (ROOT,))


class StoppedError(Exception):
    """What a checkpoint raises."""


def begin(catalog: SqlCatalog, number: int) -> MergeStaging:
    return catalog.merging.begin(KEY, Source("S1", number))


def merge(catalog: SqlCatalog, number: int, files: Mapping[bytes, str]) -> None:
    staging = begin(catalog, number)
    if not staging.base.empty:
        staging.expect_all()
    staging.add(tree(files))
    staging.publish(session(number))


def die(catalog: SqlCatalog) -> None:
    """A minute passes in which nobody is heard of who works without a claim."""
    with catalog._database.write() as connection:
        connection.execute(text("UPDATE stagings SET touched_at = touched_at - 120000000"))


def row_count(catalog: SqlCatalog) -> int:
    with catalog._database.read() as connection:
        return int(connection.execute(text("SELECT count(*) FROM versions")).scalar_one())


def expected(files: Mapping[bytes, str]) -> set[bytes]:
    return {ROOT + b"/" + name for name in files}


def test_a_reading_that_was_left_is_gone_on_with(catalog: SqlCatalog) -> None:
    first = begin(catalog, 1)
    assert first.base == Base(empty=True)
    assert not first.resumed
    entries = tree({b"a": "1", b"b": "2", b"c": "3"})
    first.add(entries[:3])
    first.note_position(entries[2].path)
    first.leave()
    die(catalog)
    catalog.sessions.sweep()  # what may be gone on with is not swept

    second = begin(catalog, 1)
    assert (second.resumed, second.position) == (True, entries[2].path)
    second.add(entries[3:])
    second.publish(session(1))
    assert set(contents(catalog, 1)) == expected({b"a": "", b"b": "", b"c": ""})


def test_a_reading_of_another_session_drops_the_one_that_was_left(catalog: SqlCatalog) -> None:
    first = begin(catalog, 1)
    first.add(tree({b"a": "1"}))
    first.leave()
    with pytest.raises(BusyError, match="E6004"):
        begin(catalog, 2)  # whoever read a moment ago may still be at work
    die(catalog)
    other = begin(catalog, 2)
    assert (other.resumed, other.position) == (False, b"")
    other.add(tree({b"z": "1"}))
    other.publish(session(2))
    assert set(contents(catalog, 2)) == expected({b"z": ""})


def test_a_backup_drops_a_reading_that_was_left(catalog: SqlCatalog) -> None:
    first = begin(catalog, 1)
    first.add(tree({b"a": "1"}))
    first.leave()
    die(catalog)
    back_up(catalog, 2, tree({b"b": "2"}))
    assert set(contents(catalog, 2)) == expected({b"b": ""})
    catalog.sessions.sweep()
    assert row_count(catalog) == 2  # the root and the file: nothing of the other is left


def test_differences_from_the_newest_state_are_enough(catalog: SqlCatalog) -> None:
    back_up(catalog, 5, tree({b"a": "1", b"gone/x": "2"}))
    staging = begin(catalog, 3)
    assert staging.base == Base(Source("S1", 5))
    staging.remove([ROOT + b"/gone"])
    staging.add([file(ROOT + b"/a", "9")])
    staging.publish(session(3))
    assert set(contents(catalog, 3)) == expected({b"a": ""})
    assert set(contents(catalog, 5)) == expected({b"a": "", b"gone/x": ""})


def test_a_session_is_known_without_its_names_and_gets_them_later(catalog: SqlCatalog) -> None:
    catalog.merging.record(KEY, session(1))
    catalog.merging.record(KEY, session(1))
    found = catalog.sessions.show("S1", 1)
    assert not found.detail
    assert catalog.browsing.browse_session("S1", 1, ROOT) == []
    assert catalog.sessions.newest(MACHINE, ENTITY, SET, [ROOT]) is None  # nothing may build on it
    catalog.sessions.mark_restore_tested("S1", 1)

    merge(catalog, 1, {b"a": "1"})
    found = catalog.sessions.show("S1", 1)
    assert found.detail
    assert found.restore_tested_at is not None
    assert set(contents(catalog, 1)) == expected({b"a": ""})
    with pytest.raises(UsageError, match="E6020"):
        merge(catalog, 1, {b"a": "1"})


def histories(seed: int, count: int) -> list[dict[bytes, str]]:
    """Trees that follow each other: names come, change and go."""
    chance = random.Random(seed)
    found: list[dict[bytes, str]] = []
    state: dict[bytes, str] = {}
    for number in range(count):
        state = dict(state)
        for place in range(12):
            name = b"d%d/f%d" % (place % 3, place)
            roll = chance.random()
            if roll < 0.25:
                state[name] = f"{number}"
            elif roll < 0.4:
                state.pop(name, None)
            elif roll < 0.5:
                state[name] = "again"
        found.append(state)
    return found


def in_order(catalog: SqlCatalog) -> None:
    assert catalog.merging.disordered() == [KEY]
    for item in catalog.sessions.list():
        (top,) = catalog.browsing.browse_session("S1", item.number, b"/")
        assert top.path == ROOT
    catalog.merging.rebuild(KEY).run(lambda: None)
    assert catalog.merging.disordered() == []


@pytest.mark.parametrize("seed", range(4))
def test_sessions_merged_in_any_order_end_as_if_they_had_come_in_theirs(
    catalog: SqlCatalog, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    history = histories(seed, 7)
    order = list(range(1, 8))
    random.Random(seed).shuffle(order)
    if order == sorted(order):
        order.reverse()
    for number in order:
        merge(catalog, number, history[number - 1])
    before = {number: contents(catalog, number) for number in order}
    in_order(catalog)
    for number in order:
        assert contents(catalog, number) == before[number]
        assert set(before[number]) == expected(history[number - 1])
    catalog.sessions.sweep()
    rows = row_count(catalog)

    from app.catalog import open_catalog

    straight = open_catalog(str(tmp_path_factory.mktemp("straight")))
    try:
        for number in sorted(order):
            back_up(straight, number, tree(history[number - 1]))
        # A name that went and came back with the same content in between costs a row in both.
        assert rows == row_count(straight)
        for place in range(12):
            path = ROOT + b"/d%d/f%d" % (place % 3, place)
            mine = {v.content_id: v.last_session.number for v in catalog.browsing.versions(MACHINE, path)}
            assert mine == {
                v.content_id: v.last_session.number for v in straight.browsing.versions(MACHINE, path)
            }
        for query in (Query(pattern="f*"), Query(pattern="f*", deleted_from=session(1).started_at)):
            assert [entry.path for entry in catalog.browsing.query(query)] == [
                entry.path for entry in straight.browsing.query(query)
            ]
    finally:
        straight.close()
    # The next backup builds on the newest one, as ever.
    newest = catalog.sessions.newest(MACHINE, ENTITY, SET, [ROOT])
    assert newest is not None
    assert newest.number == 7
    back_up_changes(catalog, 8, [file(ROOT + b"/new", "8")])
    assert set(contents(catalog, 8)) == expected(history[6]) | {ROOT + b"/new"}


@pytest.mark.parametrize("stop_at", range(5))
def test_an_ordering_that_was_cut_is_gone_on_with_and_seen_by_nobody(
    catalog: SqlCatalog, stop_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.catalog.rebuilding._READ_ROWS", 6)
    history = histories(9, 3)
    for number in (3, 1, 2):
        merge(catalog, number, history[number - 1])
    before = {number: contents(catalog, number) for number in (1, 2, 3)}
    steps = itertools.count()

    def checkpoint() -> None:
        if next(steps) == stop_at:
            raise StoppedError

    cut = catalog.merging.rebuild(KEY)
    with pytest.raises(StoppedError):
        cut.run(checkpoint)
    assert {number: contents(catalog, number) for number in (1, 2, 3)} == before
    with pytest.raises(BusyError, match="E6004"):
        catalog.sessions.begin(MACHINE, ENTITY, SET, [ROOT])
    die(catalog)
    catalog.sessions.sweep()
    again = catalog.merging.rebuild(KEY)
    again.run(lambda: None)
    assert {number: contents(catalog, number) for number in (1, 2, 3)} == before
    catalog.sessions.sweep()
    with catalog._database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM lineages")).scalar_one() == 1
        assert connection.execute(text("SELECT count(*) FROM rebuilds")).scalar_one() == 0


def test_a_backup_between_two_tries_begins_the_ordering_anew(
    catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.catalog.rebuilding._READ_ROWS", 6)
    history = histories(9, 4)
    for number in (2, 1, 3):
        merge(catalog, number, history[number - 1])
    cut = catalog.merging.rebuild(KEY)
    steps = itertools.count()
    with pytest.raises(StoppedError):
        cut.run(lambda: (_ for _ in ()).throw(StoppedError) if next(steps) == 2 else None)
    die(catalog)
    back_up(catalog, 4, tree(history[3]))
    with pytest.raises(BusyError, match="E6003"):
        cut.run(lambda: None)  # it may not go on behind the other's back
    in_order(catalog)
    for number in (1, 2, 3, 4):
        assert set(contents(catalog, number)) == expected(history[number - 1])
    catalog.sessions.sweep()
    with catalog._database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM lineages")).scalar_one() == 1


def test_a_session_removed_while_the_order_is_made_stays_removed(catalog: SqlCatalog) -> None:
    history = histories(3, 3)
    for number in (3, 1, 2):
        merge(catalog, number, history[number - 1])
    rebuild = catalog.merging.rebuild(KEY)
    catalog.sessions.remove("S1", 2)
    rebuild.run(lambda: None)
    catalog.sessions.sweep()
    assert [item.number for item in catalog.sessions.list()] == [3, 1]
    for number in (1, 3):
        assert set(contents(catalog, number)) == expected(history[number - 1])


def test_a_claim_that_was_lost_ends_reading_and_ordering(catalog: SqlCatalog) -> None:
    merge(catalog, 2, {b"a": "1"})
    merge(catalog, 1, {b"a": "2"})
    catalog.jobs.submit(new_job())  # type: ignore[arg-type]
    claim = catalog.jobs.claim_due("one")
    assert claim is not None
    staging = catalog.merging.begin(KEY, Source("S1", 3), job_id=claim.job.id, fence=claim.fence)
    staging.discard()
    rebuild = catalog.merging.rebuild(KEY, job_id=claim.job.id, fence=claim.fence)
    catalog.jobs.mark_crashed("one")
    with pytest.raises(BusyError, match="E6003"):
        rebuild.run(lambda: None)
    with pytest.raises(BusyError, match="E6003"):
        catalog.merging.begin(KEY, Source("S1", 3), job_id=claim.job.id, fence=claim.fence)
