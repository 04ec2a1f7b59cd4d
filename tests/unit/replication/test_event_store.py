"""The event store: numbers, retention, gaps, damage, full disks, several readers."""

import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.model.errors import ArcxoError
from app.model.events import GAP_CODE, Severity
from app.replication import events as module
from app.replication.events import EventStore


def fill(store: EventStore, count: int) -> None:
    for number in range(count):
        store.append("IR00120", Severity.INFORMATION, directory=number, replica="r")


def test_old_events_go_and_their_numbers_are_never_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVENTS_KEPT", 10)
    monkeypatch.setattr(module, "_TRIM_EVERY", 5)
    store = EventStore(str(tmp_path / "e"), "h")
    fill(store, 42)
    assert [event.sequence for event in store.newer_than(0)] == list(range(31, 43))
    store.close()
    again = EventStore(str(tmp_path / "e"), "h")
    assert again.append("IR00120", Severity.INFORMATION).sequence == 43
    again.close()


def test_events_over_the_age_go_but_the_newest(tmp_path: Path) -> None:
    path = str(tmp_path / "e")
    store = EventStore(path, "h")
    fill(store, 3)
    store.close()
    database = sqlite3.connect(path)
    old = (datetime.now(UTC) - timedelta(days=module.DAYS_KEPT + 1)).isoformat()
    database.execute("UPDATE event SET at = ?", (old,))
    database.commit()
    database.close()
    store = EventStore(path, "h")
    assert [event.sequence for event in store.newer_than(0)] == [3]
    store.close()


def test_a_reader_that_was_away_too_long_is_told_of_the_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVENTS_KEPT", 10)
    monkeypatch.setattr(module, "_TRIM_EVERY", 5)
    store = EventStore(str(tmp_path / "e"), "h")
    fill(store, 40)
    page = store.newer_than(7, 5)
    assert [event.sequence for event in page] == [30, 31, 32, 33, 34]
    assert (page[0].code, page[0].params["first"], page[0].params["last"]) == (GAP_CODE, "8", "30")
    assert [event.sequence for event in store.newer_than(page[-1].sequence)] == list(range(35, 41))
    assert GAP_CODE not in [event.code for event in store.newer_than(30)]
    assert GAP_CODE not in [event.code for event in store.newer_than(0)]
    store.close()


def test_the_newest_can_be_asked_for(tmp_path: Path) -> None:
    store = EventStore(str(tmp_path / "e"), "h")
    assert store.newer_than(-5) == []
    assert store.newest() == 0
    fill(store, 8)
    assert [event.sequence for event in store.newer_than(-3)] == [6, 7, 8]
    assert [event.sequence for event in store.newer_than(-100)] == list(range(1, 9))
    assert store.newest() == 8
    store.close()


def test_readers_that_come_and_go_get_every_event_once(tmp_path: Path) -> None:
    path = str(tmp_path / "e")
    writers = [EventStore(path, "h") for _ in range(3)]
    reader = EventStore(path, "h")
    threads = [threading.Thread(target=fill, args=(store, 60)) for store in writers]
    seen: list[list[int]] = [[], []]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) or len(seen[1]) < 180:
        for position, numbers in enumerate(seen):
            page = reader.newer_than(numbers[-1] if numbers else 0, 7 if position else 1000)
            numbers += [event.sequence for event in page]
    for thread in threads:
        thread.join()
    seen[0] += [event.sequence for event in reader.newer_than(seen[0][-1])]
    assert seen[0] == seen[1] == list(range(1, 181))
    for store in [*writers, reader]:
        store.close()


@pytest.mark.parametrize("damage", ["header", "pages"])
def test_a_damaged_file_is_put_aside_and_numbers_go_on_above(
    tmp_path: Path, expected_log: Callable[[str], None], damage: str
) -> None:
    expected_log("is damaged")
    path = tmp_path / "e"
    store = EventStore(str(path), "h")
    fill(store, 300)
    store.close()
    data = bytearray(path.read_bytes())
    if damage == "header":
        data[:64] = b"x" * 64
    else:
        data[4096 : len(data) - 4096] = b"\xff" * (len(data) - 8192)
    path.write_bytes(data)
    again = EventStore(str(path), "h", repair=True)
    assert again.append("IR00120", Severity.INFORMATION).sequence > 1_000_000_000
    again.close()
    assert len(list(tmp_path.glob("e.damaged-*"))) >= 1


def test_while_nothing_can_be_written_events_wait_and_come_in_order(
    tmp_path: Path, expected_log: Callable[[str], None]
) -> None:
    expected_log("wait in memory")
    store = EventStore(str(tmp_path / "e"), "h")
    store._database.execute("PRAGMA query_only=ON")
    assert store.append("IR00120", Severity.INFORMATION, directory="a").sequence == 0
    assert store.append("IR00120", Severity.INFORMATION, directory="b").sequence == 0
    store._database.execute("PRAGMA query_only=OFF")
    assert [event.params["directory"] for event in store.newer_than(0)] == ["a", "b"]
    store.close()


def test_long_and_undecodable_values_are_kept_within_bounds(tmp_path: Path) -> None:
    store = EventStore(str(tmp_path / "e"), "h")
    store.append("IR00120", Severity.INFORMATION, directory="x" * 100_000, replica="caf\udce9")
    params = store.newer_than(0)[0].params
    assert len(params["directory"]) == 4_000
    assert params["replica"] == "caf\ufffd"
    store.close()


def test_how_far_a_reader_was_served_is_kept(tmp_path: Path) -> None:
    store = EventStore(str(tmp_path / "e"), "h")
    assert store.delivered("notices") is None
    store.set_delivered("notices", 4)
    store.set_delivered("notices", 9)
    store.close()
    again = EventStore(str(tmp_path / "e"), "h")
    assert again.delivered("notices") == 9
    again.close()


def test_store_that_cannot_be_opened_keeps_events_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_OPEN_AGAIN_S", 0.0)
    path = tmp_path / "volume" / "e"
    store = EventStore(str(path), "h")
    assert store.append("IR00120", Severity.INFORMATION, directory="d", replica="r").sequence == 0
    with pytest.raises(ArcxoError) as told:
        store.newer_than(0)
    assert (told.value.code, told.value.params["path"]) == ("ER00480", str(path))
    path.parent.mkdir()
    assert [event.code for event in store.newer_than(0)] == ["IR00120"]
    assert store.append("IR00120", Severity.INFORMATION, directory="d", replica="r").sequence == 2
    store.close()
