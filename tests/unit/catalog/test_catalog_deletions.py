"""What was deleted between two sessions of a source is found, whatever media they went to."""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.catalog.store import SqlCatalog
from app.catalog.tables import comparisons, departures
from app.model.backup_filters import filters_text
from app.model.errors import CanceledError
from app.model.media import SessionInfo
from app.model.scenario import Filters
from app.model.search import Query
from tests.support.catalog_rows import ENTITY, MACHINE, ROOT, file, hour, session, tree

ALL = Query(pattern="*", limit=1000)


def back_up(
    catalog: SqlCatalog,
    number: int,
    files: Mapping[bytes, str] | Iterable[bytes],
    *,
    media: str = "A",
    roots: Iterable[bytes] = (ROOT,),
    filters: str = "",
    copy_of: SessionInfo | None = None,
) -> SessionInfo:
    """A full session of files on one of several media, each of a set of its own."""
    info = replace(session(number, serial=media), filters=filters)
    if copy_of is not None:
        info = replace(
            info,
            started_at=copy_of.started_at,
            finished_at=copy_of.finished_at,
            origin_serial=copy_of.media_serial,
            origin_number=copy_of.number,
        )
    contents = files if isinstance(files, Mapping) else dict.fromkeys(files, "1")
    staging = catalog.sessions.begin(MACHINE, ENTITY, f"set-{media}", list(roots))
    staging.add(tree(contents))
    staging.publish(info)
    return info


def deleted(
    catalog: SqlCatalog, since: int | None = None, until: int | None = None, query: Query = ALL
) -> dict[bytes, tuple[str, int, int]]:
    """What went between two hours: path beneath the root → media and number to restore from, gone after."""
    times = {"deleted_from": hour(since or 0), "deleted_to": hour(1000 if until is None else until)}
    return {
        one.path[len(ROOT) + 1 :]: (
            one.media_serial,
            one.session_number,
            round((one.deleted_after - hour(0)).total_seconds() / 3600),
        )
        for one in catalog.browsing.query(replace(query, **times))
        if one.deleted_after is not None and one.path.startswith(ROOT + b"/")
    }


@pytest.fixture(params=["kept", "found out"])
def noted(request: pytest.FixtureRequest, catalog: SqlCatalog) -> object:
    """Called when a test has its sessions: what housekeeping does soon after, or not yet."""
    return catalog.sessions.note_deletions if request.param == "kept" else lambda: 0


def test_what_the_next_session_on_other_media_has_not_was_deleted(catalog: SqlCatalog, noted) -> None:
    back_up(catalog, 1, [b"gone", b"kept", b"d/x"], media="A")
    back_up(catalog, 2, [b"kept"], media="B")
    noted()
    assert deleted(catalog) == {b"gone": ("A", 1, 1), b"d": ("A", 1, 1), b"d/x": ("A", 1, 1)}
    assert deleted(catalog, 3) == {}
    assert deleted(catalog, 0, 0) == {}
    assert set(deleted(catalog, 2, 5)) == {b"gone", b"d", b"d/x"}
    shown = {one.path: one.deleted_after for one in catalog.browsing.query(Query("*", directory=ROOT))}
    assert (shown[ROOT + b"/gone"], shown[ROOT + b"/kept"]) == (hour(1), None)


def test_what_another_media_still_has_was_not_deleted_before_that(catalog: SqlCatalog, noted) -> None:
    back_up(catalog, 1, [b"gone", b"late", b"back"], media="A")
    back_up(catalog, 2, [b"gone", b"late"], media="B")
    back_up(catalog, 3, [b"late", b"back"], media="A")
    back_up(catalog, 4, [b"back"], media="B")
    noted()
    # A is without `gone` since the third, which B had in the second.
    assert deleted(catalog) == {b"gone": ("B", 2, 2), b"late": ("A", 3, 3), b"back": ("A", 1, 1)}
    assert set(deleted(catalog, 1, 1)) == {b"back"}
    assert set(deleted(catalog, 4)) == {b"late"}


def test_criteria_hold_for_the_version_that_went(catalog: SqlCatalog, noted) -> None:
    staging = catalog.sessions.begin(MACHINE, ENTITY, "set-A", [ROOT])
    staging.add([*tree({}), file(ROOT + b"/big", "1", size=1000), file(ROOT + b"/small", "1", size=1)])
    staging.publish(session(1, serial="A"))
    back_up(catalog, 2, [], media="B")
    noted()
    assert set(deleted(catalog, query=replace(ALL, size_min=500))) == {b"big"}
    assert set(deleted(catalog, query=replace(ALL, pattern="sm"))) == {b"small"}
    assert set(deleted(catalog, query=replace(ALL, directory=ROOT))) == {b"big", b"small"}
    assert deleted(catalog, query=replace(ALL, directory=b"/elsewhere")) == {}
    assert deleted(catalog, query=replace(ALL, machine="other")) == {}
    assert set(deleted(catalog, query=replace(ALL, backed_up_to=hour(1)))) == {b"big", b"small"}
    assert deleted(catalog, query=replace(ALL, backed_up_from=hour(2))) == {}


def test_what_other_filters_leave_out_was_not_deleted(catalog: SqlCatalog, noted) -> None:
    texts = filters_text(Filters(include=("*.txt",)))
    back_up(catalog, 1, [b"a.txt", b"b.pdf", b"gone.txt", b"gone.pdf"])
    back_up(catalog, 2, [b"a.txt"], media="B", filters=texts)
    noted()
    assert set(deleted(catalog)) == {b"gone.txt"}
    # The next one with the first one's filters tells of the rest.
    back_up(catalog, 3, [b"a.txt", b"b.pdf"])
    noted()
    assert set(deleted(catalog)) == {b"gone.txt", b"gone.pdf"}


def test_directories_that_join_others_in_a_backup_are_followed(catalog: SqlCatalog, noted) -> None:
    back_up(catalog, 1, [b"gone", b"kept"])
    back_up(catalog, 2, [b"kept"], roots=[ROOT, b"/more"])
    back_up(catalog, 3, [], roots=[b"/more"])
    noted()
    # The third says nothing of the first directory.
    assert set(deleted(catalog)) == {b"gone"}


def test_a_copy_is_no_session_of_its_own(catalog: SqlCatalog, noted) -> None:
    first = back_up(catalog, 1, [b"old", b"kept"], media="A")
    back_up(catalog, 2, [b"kept"], media="A")
    back_up(catalog, 1, [b"old", b"kept"], media="C", copy_of=first)
    noted()
    assert deleted(catalog) == {b"old": ("A", 1, 1)}
    (entry,) = catalog.browsing.query(Query(pattern="old"))
    assert entry.deleted_after == hour(1)
    # Without its original it stands for it.
    catalog.sessions.remove("A", 1)
    noted()
    assert deleted(catalog) == {b"old": ("C", 1, 1)}


def test_comparisons_go_with_their_sessions(catalog: SqlCatalog) -> None:
    for number, files in enumerate(([b"a", b"b"], [b"a"], []), 1):
        back_up(catalog, number, files, media="AB"[number % 2])
    assert catalog.sessions.note_deletions() == 2
    assert catalog.sessions.note_deletions() == 0
    catalog.sessions.remove("A", 2)
    assert deleted(catalog) == {b"a": ("B", 1, 1), b"b": ("B", 1, 1)}
    assert catalog.sessions.note_deletions() == 1
    assert deleted(catalog) == {b"a": ("B", 1, 1), b"b": ("B", 1, 1)}
    with catalog._database.read() as c:
        whole = set(c.execute(select(comparisons.c.id)).scalars())
        assert len(whole) == 1
        assert set(c.execute(select(departures.c.comparison_id)).scalars()) == whole


def test_of_many_sessions_some_are_compared_at_a_time(catalog: SqlCatalog) -> None:
    for number in range(1, 5):
        back_up(catalog, number, [b"f%d" % at for at in range(number, 5)], media="A")
    assert [catalog.sessions.note_deletions(most_s=0.0) for _ in range(4)] == [1, 1, 1, 0]
    assert len(deleted(catalog)) == 3


def test_what_was_cut_short_counts_for_nothing(catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.catalog.departures._WRITE_ROWS", 3)
    back_up(catalog, 1, [b"f%d" % number for number in range(20)], media="A")
    back_up(catalog, 2, [], media="B")
    for steps in range(1, 12):
        left = iter(range(steps))

        def checkpoint(left=left) -> None:
            if next(left, None) is None:
                raise CanceledError("E4149")

        with contextlib.suppress(CanceledError):
            catalog.sessions.note_deletions(checkpoint)
        assert len(deleted(catalog)) == 20
    assert catalog.sessions.note_deletions() in (0, 1)
    assert len(deleted(catalog)) == 20


@pytest.mark.parametrize("seed", range(4))
def test_answers_agree_with_a_plain_comparison(
    catalog: SqlCatalog, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chooser = random.Random(seed)
    names = [b"f%d" % number for number in range(12)]
    history: dict[int, tuple[str, dict[bytes, str]]] = {}
    for number in range(1, 9):
        media = chooser.choice("AB")
        files = {name: chooser.choice("12") for name in names if chooser.random() < 0.6}
        history[number] = (media, files)
        back_up(catalog, number, files, media=media)
    for number in chooser.sample(range(1, 8), 2):
        catalog.sessions.remove(history.pop(number)[0], number)
    for few in (5_000, 2):
        monkeypatch.setattr("app.catalog.deleted._FEW", few)
        monkeypatch.setattr("app.catalog.search._FEW", few)
        monkeypatch.setattr("app.catalog.search._SMALL_TREE", few)
        monkeypatch.setattr("app.catalog.deleted._BATCH", few)
        for since, until in ((None, None), (3, 5), (7, None), (None, 2), (2, 2)):
            expected: dict[bytes, tuple[str, int, int]] = {}
            numbers = sorted(history)
            for older, newer in itertools.pairwise(numbers):
                if newer >= (since or 0) and older <= (1000 if until is None else until):
                    gone = set(history[older][1]) - set(history[newer][1])
                    expected |= dict.fromkeys(gone, (history[older][0], older, older))
            assert deleted(catalog, since, until) == expected
            paged = {}
            for offset in range(0, 14, 3):
                paged |= deleted(catalog, since, until, replace(ALL, limit=3, offset=offset))
            assert paged == expected
        catalog.sessions.note_deletions()
