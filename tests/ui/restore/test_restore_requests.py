"""The request is exactly what was chosen: each view, each destination, grouped rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.model.entry import EntryKind
from app.model.job import Conflict, Credentials, Destination, RestoreSelection, Schedule, Structure
from app.model.media import CatalogEntry
from app.model.restore import RestoreAction, RestorePlan
from app.ui.restore.basket import (
    Basket,
    BasketItem,
    Part,
    SessionSource,
    TreeSource,
    origin,
    resolve,
    summary,
)
from app.ui.restore.destination_pane import example
from app.ui.restore.query_fields import FieldError, make_query, parse_date, parse_size
from app.ui.restore.requests import LoginRow, Options, Target, changed, merged, overlapping, requests

SERIAL = "A1B2C3"


def entry(path: bytes, kind: EntryKind = EntryKind.FILE, session: int = 61) -> CatalogEntry:
    return CatalogEntry(path, kind, 4096, 10**18, session, SERIAL, machine="BKP-SRV-01")


def row(services, number: int, *paths: bytes, target: Target | None = None) -> LoginRow:
    return LoginRow(Part(services.media.session("", number), paths), target or Target())


def test_a_whole_session_is_a_selection_without_paths(services):
    source = SessionSource(SERIAL, 61)
    parts = resolve(
        services, [BasketItem(source, b"/", None), BasketItem(source, b"/srv", EntryKind.DIRECTORY)]
    )
    assert [part.selection for part in parts] == [RestoreSelection(SERIAL, 61)]


def test_paths_of_several_sessions_are_grouped_oldest_first(services):
    items = [
        BasketItem(SessionSource(SERIAL, 61), b"/srv/b", EntryKind.FILE),
        BasketItem(SessionSource(SERIAL, 59), b"/srv/c", EntryKind.FILE),
        BasketItem(SessionSource(SERIAL, 61), b"/srv/a", EntryKind.FILE),
    ]
    assert [part.selection for part in resolve(services, items)] == [
        RestoreSelection(SERIAL, 59, (b"/srv/c",)),
        RestoreSelection(SERIAL, 61, (b"/srv/a", b"/srv/b")),
    ]


def test_a_file_of_the_tree_comes_from_the_session_that_holds_its_last_instance(services):
    source = TreeSource("BKP-SRV-01")
    item = BasketItem(source, b"/srv/sales/a", EntryKind.FILE, entry(b"/srv/sales/a", session=60))
    assert [part.selection for part in resolve(services, [item])] == [
        RestoreSelection(SERIAL, 60, (b"/srv/sales/a",))
    ]


def test_a_folder_of_the_tree_comes_from_the_newest_session_of_every_scenario_that_has_it(services):
    source = TreeSource("BKP-SRV-01")
    found = entry(b"/srv/sales", EntryKind.DIRECTORY)
    parts = resolve(services, [BasketItem(source, b"/srv/sales", EntryKind.DIRECTORY, found)])
    assert [part.session.number for part in parts] == [57, 60, 61]


def test_a_folder_as_of_a_time_takes_no_later_session(services):
    old = services.sessions[1]
    source = TreeSource("BKP-SRV-01", old.finished_at)
    item = BasketItem(
        source, b"/srv/sales", EntryKind.DIRECTORY, entry(b"/srv/sales", EntryKind.DIRECTORY, 59)
    )
    services.restores._entries = lambda path: [entry(b"/srv/sales/a", session=59)]
    assert [part.session.number for part in resolve(services, [item])] == [57, 59]


def test_rows_that_agree_are_one_request(services):
    made = requests([row(services, 59), row(services, 61, b"/srv")], Options(), Schedule(), hold=True)
    assert len(made) == 1
    assert made[0].script.destination is Destination.ORIGINAL_REPLICA
    assert made[0].script.host == "localhost"
    assert made[0].script.selections == (
        RestoreSelection(SERIAL, 59),
        RestoreSelection(SERIAL, 61, (b"/srv",)),
    )
    assert made[0].hold
    assert made[0].master_credentials is None
    assert made[0].session_passwords == ()


def test_master_and_replica_rows_are_two_requests_with_their_own_log_ins(services):
    to_master, to_replica = row(services, 59), row(services, 61)
    to_master.destination = Destination.ORIGINAL_MASTER
    to_master.master = to_replica.master = Credentials("m", "1")
    to_master.replica = to_replica.replica = Credentials("r", "2")
    first, second = requests([to_master, to_replica], Options(), Schedule(), hold=False)
    assert (first.script.destination, first.master_credentials, first.replica_credentials) == (
        Destination.ORIGINAL_MASTER,
        Credentials("m", "1"),
        None,
    )
    assert second.replica_credentials == Credentials("r", "2")


def test_a_folder_of_a_host_with_all_options(services):
    target = Target(False, "files-02", b"/srv/out")
    options = Options(Conflict.OLDER, Structure.FULL, continue_if_not_stopped=True)
    at = datetime(2026, 11, 22, 20, tzinfo=UTC)
    locked = row(services, 60, b"/srv/x", target=target)
    locked.session_password = "right"
    made = requests([locked], options, Schedule(at), hold=False)[0]
    assert made.script.destination is Destination.DIRECTORY
    assert (made.script.host, made.script.directory) == ("files-02", b"/srv/out")
    assert (made.script.conflict, made.script.structure) == (Conflict.OLDER, Structure.FULL)
    assert made.script.continue_if_not_stopped
    assert made.schedule.run_at == at
    assert made.session_passwords == ((SERIAL, 60, "right"),)


def test_a_row_says_what_it_misses(services):
    locked = row(services, 60)
    assert locked.missing == "Needs the session password"
    locked.password_accepted = True
    assert locked.missing == "Needs the log-in of BKP-SRV-01"
    locked.local_names = frozenset({"BKP-SRV-01"})
    assert locked.missing == ""


def test_plans_are_added_up():
    one = RestorePlan({RestoreAction.CREATE: 3, RestoreAction.SKIP: 1}, 10, (), "localhost", 90, "A")
    two = RestorePlan(
        {RestoreAction.CREATE: 1, RestoreAction.OVERWRITE: 2}, 5, (), "localhost", 70, "A", True
    )
    both = merged([one, two])
    assert both.counts[RestoreAction.CREATE] == 4
    assert (both.size_bytes, both.free_bytes, both.stops_scenario, both.truncated) == (15, 70, "A", True)
    assert changed(both) == 6
    assert merged([one, replace(two, into_replica="B")]).into_replica == "B"
    away = tuple(f"A part of session {number} of media M cannot be reached now" for number in (1, 2))
    parts = [replace(one, out_of_reach=away[:1]), replace(two, out_of_reach=away)]
    assert merged(parts).out_of_reach == away


@pytest.mark.parametrize(
    ("structure", "expected"),
    [
        (Structure.NONE, "/srv/xyz/file1\n→ /out/file1"),
        (Structure.BASE, "/srv/xyz/file1\n→ /out/xyz/file1"),
        (Structure.FULL, "/srv/xyz/file1\n→ /out/srv/xyz/file1"),
    ],
)
def test_the_example_of_the_structure(structure, expected):
    assert example(structure, b"/srv/xyz/file1", folder=False, directory=b"/out") == expected


def test_the_basket_counts_in_words(services):
    basket = Basket()
    source = SessionSource(SERIAL, 61)
    assert summary(basket) == "nothing chosen"
    basket.learn(source, [entry(b"/srv/a"), entry(b"/srv/d", EntryKind.DIRECTORY)])
    basket.selection.choose(source, b"/srv/a")
    assert summary(basket) == "1 file, 4.00 KB"
    basket.selection.choose(source, b"/srv/d")
    assert summary(basket) == "1 file and 1 folder, 4.00 KB in files"
    assert origin(basket, {source: services.sessions[-1]}) == "From session 61 on FSD-2026-A."


def test_query_fields_become_a_query():
    values = {
        "pattern": " *.pdf ",
        "machine": "A",
        "directory": "/srv/",
        "size_min": "1.5 MB",
        "size_max": "",
        "from": "2026-11-17",
        "to": "2026-11-17",
    }
    query = make_query(values, subdirectories=False)
    assert (query.pattern, query.machine, query.directory) == ("*.pdf", "A", b"/srv")
    assert query.size_min == 1572864
    assert query.size_max is None
    assert not query.subdirectories
    assert 0 < (query.modified_to - query.modified_from).total_seconds() < 86400 + 3601


@pytest.mark.parametrize(
    ("field", "value", "faulty"),
    [("size_min", "much", "size_min"), ("directory", "srv", "directory"), ("to", "yesterday", "to")],
)
def test_a_field_that_cannot_be_understood_is_named(field, value, faulty):
    values = dict.fromkeys(("pattern", "machine", "directory", "size_min", "size_max", "from", "to"), "")
    with pytest.raises(FieldError) as told:
        make_query({**values, field: value}, subdirectories=True)
    assert told.value.field == faulty


def test_sizes_and_dates():
    assert parse_size("size_min", "40 GB") == 40 * 1024**3
    assert parse_size("size_min", " ") is None
    assert parse_date("from", "") is None
    with pytest.raises(FieldError):
        make_query(
            {
                "pattern": "",
                "machine": "",
                "directory": "",
                "size_min": "2 MB",
                "size_max": "1 MB",
                "from": "",
                "to": "",
            },
            subdirectories=True,
        )


def test_the_same_path_from_two_sessions_is_noticed(services):
    assert overlapping([row(services, 59, b"/srv/a"), row(services, 61, b"/srv/b")]) == []
    assert overlapping([row(services, 59, b"/srv/a"), row(services, 61, b"/srv")]) == [59, 61]
    assert overlapping([row(services, 57, b"/x"), row(services, 60)]) == [57, 60]
