from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.model.errors import NotFoundError
from app.model.report import Report, ReportedChange, ReportItem, ReportKind
from app.model.scenario import RootStatistics
from app.replication import reports
from app.replication.reports import ReportStore, new_report

BEGAN = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)


def report(kind: ReportKind = ReportKind.DIFFERENCE) -> Report:
    return new_report(kind, 7, "files", "replica1", BEGAN)


def test_a_report_is_read_as_it_was_kept(tmp_path: Path) -> None:
    store = ReportStore(str(tmp_path / "reports"))
    root = RootStatistics(b"/m\xff", 10, 2, 1, 2, 3, 4, 5, BEGAN)
    items = [
        ReportItem(b"/m/not-\xff-utf8", ReportedChange.SIZE, "file", 1, 2, in_flight=True),
        ReportItem("/m/ü\n".encode(), ReportedChange.EXTRA, "directory"),
    ]
    made = replace(report(), figures={"size": 1}, roots=(root,), note="stopped")
    kept = store.add(made, iter(items))
    read = store.get(kept.id, 10)
    assert read == replace(kept, items=tuple(items))
    assert store.newest_first() == [kept]
    assert (store.get(kept.id, 1).items, store.get(kept.id, 1).truncated) == ((items[0],), True)


def test_what_is_only_in_flight_is_left_out_first(tmp_path: Path) -> None:
    store = ReportStore(str(tmp_path / "reports"))
    names = [b"/m/%02d" % number for number in range(20)]
    names[7] = b'/m/"in_flight": true'
    items = [
        ReportItem(name, ReportedChange.SIZE, "file", 1, 2, in_flight=number not in (7, 19))
        for number, name in enumerate(names)
    ]
    kept = store.add(replace(report(), figures={"differences": 2, "in_flight": 30}), iter(items))
    for limit, wanted in ((1, [7]), (2, [7, 19]), (4, [0, 1, 7, 19]), (20, range(20)), (50, range(20))):
        read = store.get(kept.id, limit)
        assert [item.path for item in read.items] == [names[number] for number in wanted]
        assert read.truncated == (limit < 20)


@pytest.mark.parametrize("name", ["none", "../../etc/passwd", "", "a.b"])
def test_a_report_that_is_not_there_is_said_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFoundError, match="ER00440"):
        ReportStore(str(tmp_path)).get(name, 1)


def test_the_oldest_go_and_damaged_ones_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "KEPT_MOST", 3)
    store = ReportStore(str(tmp_path))
    made = []
    for number in range(5):
        at = datetime.now(UTC) - timedelta(minutes=10 - number)
        item = ReportItem(b"/m/x", ReportedChange.MODIFIED)
        made.append(store.add(replace(report(), created_at=at), iter([item])).id)
    assert [one.id for one in store.newest_first()] == list(reversed(made))[:3]
    assert len(list(tmp_path.iterdir())) == 6
    (tmp_path / f"{made[-1]}.json").write_text("{")
    assert [one.id for one in store.newest_first()] == [made[3], made[2]]


def test_a_report_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    store = ReportStore(str(tmp_path))
    with store.begin(report()) as writer:
        writer.put(ReportItem(b"/m/x", ReportedChange.MODIFIED))
    assert os.listdir(tmp_path) == []
