"""What a backup's log holds by its level, and that it stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.catalog.api import Claim
from app.jobs import job_lines
from app.jobs.control import JobControl
from app.jobs.read_lines import ReadLines
from app.jobs.restored_lines import RestoredLines
from app.jobs.submission import submit_backup
from app.model.archive import CatalogRow
from app.model.entry import EntryKind
from app.model.errors import ArcxoError, Problem
from app.model.events import Severity
from app.model.job import BackupScript, JobResult
from app.model.job_log import JobLogLevel, packed, unpacked
from app.model.restore import RestoreAction, RestoreItem
from tests.unit.jobs.test_job_queue import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    assert made.queue.cancel_all(10)


def logged(bench: Bench, level: JobLogLevel) -> tuple[list[str], list[str]]:
    """The codes, and the lines of files or directories, of a backup with that level."""
    script = BackupScript((7,), ("Files",), job_log=level)
    job = bench.ended(submit_backup(bench.catalog, bench.store, script))
    records = [one for one in bench.catalog.log.records if one.job_id == job.id]
    return [one.code for one in records], [line for one in records for line in unpacked(one.params)]


def test_summary_notes_steps_and_summary_but_no_file(bench: Bench):
    codes, lines = logged(bench, JobLogLevel.SUMMARY)
    assert {"N5000", "N5001", "N5002", "N5020", "N5040"} <= set(codes)
    assert lines == []


def test_none_notes_the_beginning_and_the_result_alone(bench: Bench):
    codes, lines = logged(bench, JobLogLevel.NONE)
    assert (codes, lines) == (["N5000", "N5040"], [])


def test_none_leaves_out_no_error(bench: Bench):
    bench.agent.begin_error = ArcxoError("AE0465", name="Files", id=7)
    codes, _ = logged(bench, JobLogLevel.NONE)
    assert codes == ["N5000", "AE0465", "E5042"]
    assert bench.catalog.jobs.list()[0].last_result is JobResult.FAILED


@pytest.mark.parametrize(
    ("code", "severity", "counts"),
    [
        ("E4211", Severity.WARNING, (0, 1)),
        ("W4210", Severity.WARNING, (0, 1)),
        ("I4216", Severity.INFORMATION, (0, 0)),
        ("E4215", Severity.ERROR, (1, 0)),
        ("E4218", Severity.ERROR, (1, 0)),
    ],
)
def test_what_an_object_is_told_as_is_counted_as_that(
    bench: Bench, code: str, severity: Severity, counts: tuple[int, int]
):
    job = bench.ended(submit_backup(bench.catalog, bench.store, BackupScript((7,), ("Files",))))
    control = JobControl(bench.catalog, Claim(job, 1, datetime.now(UTC)), "here")
    control.problem(Problem(code, b"/srv/a", {"reason": "it is so"}))
    (record,) = (one for one in bench.catalog.log.records if one.code == code)
    assert (record.severity, (control.errors, control.warnings)) == (severity, counts)
    assert record.params["path"] == "/srv/a"


def test_detail_notes_each_directory_with_what_was_read_of_it(bench: Bench):
    codes, lines = logged(bench, JobLogLevel.DETAIL)
    assert {"N5045", "N5046"} & set(codes) == {"N5046"}
    assert sorted(line.partition(" ")[2] for line in lines) == ["(1 files, 5 bytes)", "(1 files, 97.66 KB)"]


def test_all_notes_each_file_that_was_read_and_of_the_next_backup_only_what_changed(bench: Bench):
    codes, lines = logged(bench, JobLogLevel.ALL)
    assert "N5045" in codes
    assert {"a.txt (5 bytes)", "b.bin (97.66 KB)"} <= {line.rpartition("/")[2] for line in lines}
    (bench.replica / "a.txt").unlink()
    (bench.replica / "new").write_text("n")
    _, lines = logged(bench, JobLogLevel.ALL)
    names = {line.rpartition("/")[2] for line in lines}
    assert {"a.txt (gone)", "new (1 bytes)"} <= names
    assert "b.bin (97.66 KB)" not in names


class Noting:
    """What `ReadLines` needs of a job's control."""

    def __init__(self, level: JobLogLevel) -> None:
        self.log_level, self.lost = level, False
        self.rows: list[list[str]] = []
        self.notes: list[Any] = []

    def note_lines(self, code: str, lines: list[str], *, scenario: str = "") -> None:
        self.rows.append(list(lines))

    def note(self, code: str, **params: object) -> None:
        self.notes.append((code, params["count"]))


def entries(count: int, kind: EntryKind = EntryKind.FILE) -> list[CatalogRow]:
    return [CatalogRow(b"/srv/d%d/f" % number, kind, 1, 0, "") for number in range(count)]


@pytest.mark.parametrize("level", [JobLogLevel.ALL, JobLogLevel.DETAIL])
def test_a_log_holds_so_many_lines_and_says_how_many_more_there_were(level, monkeypatch):
    monkeypatch.setattr(job_lines, "MOST_LINES", 500)
    noting: Any = Noting(level)
    lines = ReadLines(noting, "Files")
    lines.take(entries(700))
    lines.close()
    assert sum(map(len, noting.rows)) == 500
    assert max(map(len, noting.rows)) <= 200
    assert noting.notes == [("N5047", "200")]


def test_a_row_stays_small_when_paths_are_long():
    noting: Any = Noting(JobLogLevel.ALL)
    lines = ReadLines(noting, "Files")
    lines.take(CatalogRow(b"/" + b"n" * 4000, EntryKind.FILE, 1, 0, "") for _ in range(100))
    lines.close()
    assert max(sum(map(len, row)) for row in noting.rows) <= 60_000
    assert sum(map(len, noting.rows)) == 100


def test_nothing_is_written_for_a_run_that_is_anothers_now():
    noting: Any = Noting(JobLogLevel.DETAIL)
    lines = ReadLines(noting, "Files")
    lines.take(entries(3))
    noting.lost = True
    lines.close()
    assert (noting.rows, noting.notes) == ([], [])


def restored(action: RestoreAction, name: bytes, reason: str = "") -> RestoreItem:
    return RestoreItem(b"/srv/" + name, b"/back/" + name, action, 2048, reason)


def test_a_restore_names_each_file_with_what_came_of_it():
    noting: Any = Noting(JobLogLevel.ALL)
    lines = RestoredLines(noting, "Files")
    lines.take([restored(RestoreAction.CREATE, b"a"), restored(RestoreAction.SKIP, b"b", "is there")])
    lines.close()
    assert noting.rows == [["/back/a (created, 2.00 KB)", "/back/b (skipped, is there)"]]


def test_a_restore_counts_in_each_directory_and_a_try_that_broke_off_not_twice():
    noting: Any = Noting(JobLogLevel.DETAIL)
    lines = RestoredLines(noting, "Files")
    for _ in range(2):
        lines.begin()
        lines.take([restored(RestoreAction.CREATE, b"d/a"), restored(RestoreAction.DELETE, b"d/b")])
    lines.keep()
    lines.begin()
    lines.take([restored(RestoreAction.RENAME, b"d/c")])
    lines.close()
    assert noting.rows == [["/back/d (1 created, 1 renamed, 1 deleted, 4.00 KB)"]]


def test_the_log_of_a_restore_holds_so_many_directories(monkeypatch):
    monkeypatch.setattr(job_lines, "MOST_LINES", 5)
    noting: Any = Noting(JobLogLevel.DETAIL)
    lines = RestoredLines(noting, "Files")
    lines.begin()
    lines.take(restored(RestoreAction.CREATE, b"%d/a" % number) for number in range(8))
    lines.close()
    assert sum(map(len, noting.rows)) == 5
    assert noting.notes == [("N5064", "3")]


def test_lines_that_cannot_be_read_are_none():
    assert unpacked({}) == unpacked({"lines": "?"}) == unpacked({"lines": "{}"}) == []
    assert unpacked(packed(["a\nb", "ü"])) == ["a\nb", "ü"]
