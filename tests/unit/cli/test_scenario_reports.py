"""`arcxo scenario drift/difference/reports/report/audit` at the command line."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.cli import main
from app.model.drift import DriftItem, DriftKind, DriftReport, KeptEdit
from app.model.entry import EntryKind
from app.model.errors import NotFoundError
from app.model.path_state import DirectoryStates, PathState, PathStatus
from app.model.report import Report, ReportedChange, ReportItem, ReportKind
from app.model.rewind import ReplicatedBack, RewindAction, RewindDensity, RewindItem
from app.model.scenario import DriftHandling, RootStatistics
from tests.support.cli_services import FakeComposition

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
REPORT = Report(
    "d1ff", ReportKind.DIFFERENCE, 7, "files", "localhost", AT, AT,
    {"compared": 12, "differences": 2, "in_flight": 1, "by_content": 1, "compared_bytes": 2048},
    (RootStatistics(b"/m", 10, 2, 1),),
    (
        ReportItem(b"/m/not-\xff", ReportedChange.SIZE, "file", 10, 20),
        ReportItem(b"/m/b", ReportedChange.MISSING, "file", 5, 0, in_flight=True),
    ),
    3, truncated=True, file="/home/d1ff.items",
)  # fmt: skip
DRIFT = DriftReport(
    "localhost", DriftHandling.REVERT, 1,
    (DriftItem(b"/r/new", DriftKind.RENAMED, AT, None, 5, b"/r/old", 2, reverting=True),),
    kept=(KeptEdit(b"/r/x", DriftKind.CHANGED, b"/side/kept/x", AT, AT),), checked_at=AT,
)  # fmt: skip


@pytest.fixture
def composition() -> FakeComposition:
    made: Any = FakeComposition()
    scenarios = made.services.scenarios
    scenarios.asked = []
    scenarios.drift = lambda name, **rest: scenarios.asked.append((name, rest)) or [DRIFT]
    scenarios.difference = lambda name, **rest: scenarios.asked.append((name, rest)) or [REPORT]
    scenarios.reports = lambda _name, *, limit: [replace(REPORT, items=())][:limit]

    def report(_name: str, report_id: str, *, limit: int) -> Report:
        if report_id != "d1ff":
            raise NotFoundError("ER00440", report=report_id)
        return replace(REPORT, items=REPORT.items[:limit])

    scenarios.report = report
    scenarios.audit = lambda name: scenarios.asked.append((name, {}))
    found: FakeComposition = made
    return found


def said(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_comparison_that_found_differences_has_succeeded(
    composition: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scenario", "difference", "files", "--content", "--json"], composition) == 0
    (report,) = said(capsys)
    assert report["figures"]["differences"] == 2
    assert report["items"][0] == {
        "path": "/m/not-\ufffd", "path_b64": "L20vbm90Lf8=", "change": "size", "kind": "file",
        "size_bytes": 10, "replica_size_bytes": 20, "in_flight": False,
    }  # fmt: skip
    name, rest = composition.services.scenarios.asked[0]
    assert (name, rest["content"], rest["replica"], rest["on_progress"]) == ("files", True, "", None)
    assert main(["scenario", "difference", "files"], composition) == 0
    text = capsys.readouterr().out
    assert "missing (in flight)" in text
    assert "3 in all: /home/d1ff.items" in text


def test_drift_is_listed_with_the_edits_kept(composition: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenario", "drift", "files", "--replica", "localhost"], composition) == 0
    text = capsys.readouterr().out
    assert "1 changed by others (drift = revert)" in text
    assert "/r/new (from /r/old) with 2 entries" in text
    assert "renamed, being put back" in text
    assert "/side/kept/x" in text
    assert main(["--json", "scenario", "drift", "files"], composition) == 0
    assert said(capsys)[0]["items"][0]["kind"] == "renamed"


def test_reports_are_listed_and_shown(composition: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenario", "reports", "files"], composition) == 0
    assert "difference" in capsys.readouterr().out
    assert main(["scenario", "report", "files", "d1ff", "--json"], composition) == 0
    assert said(capsys)["id"] == "d1ff"
    assert main(["scenario", "report", "files", "gone"], composition) == 5
    assert "ER00440" in capsys.readouterr().err


def test_an_audit_is_asked_for(composition: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenario", "audit", "files", "--json"], composition) == 0
    assert said(capsys) == {"name": "files"}
    assert composition.services.scenarios.asked == [("files", {})]


def test_changes_are_counted_by_time(composition: Any, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Any] = []

    def density(name: str, **rest: Any) -> RewindDensity:
        asked.append((name, rest))
        return RewindDensity(rest["since"], rest["until"], (3, 0), AT)

    composition.services.scenarios.rewind_density = density
    when = ["--since", "2026-03-01T00:00", "--until", "2026-03-02T00:00"]
    assert main(["--json", "scenario", "rewind-density", "files", *when, "--parts", "2"], composition) == 0
    assert said(capsys)["counts"] == [3, 0]
    assert asked[0][1]["parts"] == 2
    assert (
        main(["scenario", "rewind-density", "files", *when[2:], *when[:2], "--parts", "2"], composition) == 0
    )
    assert "3" in capsys.readouterr().out
    assert main(["scenario", "rewind-density", "files", "--since", "2099-01-01T00:00"], composition) == 2


def test_entries_say_how_they_stand(composition: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = DirectoryStates(
        "localhost",
        (
            PathStatus(b"d", EntryKind.DIRECTORY, 0, PathState.WAITING, "waits: suspended", beneath=12),
            PathStatus(b"not-\xff", EntryKind.FILE, 2048, PathState.IN_SYNC),
        ),
        truncated=True,
    )
    composition.services.scenarios.path_states = lambda _name, _path, **_rest: found
    assert main(["scenario", "files", "files", "/m/d"], composition) == 0
    shown = capsys.readouterr()
    assert "waits: suspended (12 beneath)" in shown.out
    assert "--limit" in shown.err
    assert main(["--json", "scenario", "files", "files", "/m/d"], composition) == 0
    document = said(capsys)
    assert document["entries"][1]["state"] == "in_sync"
    assert document["truncated"] is True


def test_a_master_is_recovered_and_planned_before(
    composition: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []
    item = RewindItem(b"/srv/files/a", RewindAction.CREATE, 10)

    def answer(verb: str) -> Any:
        def call(name: str, **rest: Any) -> ReplicatedBack:
            asked.append((verb, name, rest["replica"]))
            return ReplicatedBack({RewindAction.CREATE: 1}, (item,), size_bytes=10)

        return call

    composition.services.scenarios.plan_recovery = answer("plan")
    composition.services.scenarios.recover = answer("recover")
    assert main(["scenario", "recover", "files", "--plan", "--replica", "far"], composition) == 0
    assert "/srv/files/a" in capsys.readouterr().out
    assert main(["--json", "scenario", "recover", "files"], composition) == 0
    assert said(capsys)["counts"] == {"create": 1}
    assert asked == [("plan", "files", "far"), ("recover", "files", "")]
