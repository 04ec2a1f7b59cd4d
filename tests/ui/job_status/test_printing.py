"""The result of a restore and the activity log as pages: what is on them, printed and saved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from PySide6.QtPrintSupport import QPrinter
from PySide6.QtWidgets import QWidget

from app.model.events import ActivityRecord, Severity
from app.model.job import JobKind, JobResult, JobStatus
from app.model.job_log import FILES_CODE, packed
from app.ui.job_status import sheets
from app.ui.job_status.job_detail import JobDetailDialog
from app.ui.job_status.job_report import WayBack
from app.ui.job_status.sheets import job_sheet, log_sheet
from app.ui.printing import run_print, run_save

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)


def record(number, code, severity=Severity.INFORMATION, **params):
    return ActivityRecord(number, severity, AT, "BKP-SRV-01", code, 12, params=params)


@pytest.fixture
def restore(services):
    job = next(one for one in services.jobs.list() if one.kind is JobKind.RESTORE)
    return replace(job, status=JobStatus.DONE, last_result=JobResult.INCOMPLETE, name="Restore <Sales>")


LOG = (
    record(9, "W5071"),
    record(8, "N5055", files="41"),
    record(7, "W4224", Severity.WARNING, path="/srv/<a>", what="owner", reason="not permitted"),
    record(6, "N5050", job="12", name="Restore"),
    record(5, "E5072"),
)
"""Newest first; the last one is of an earlier run."""


def test_a_result_page_has_what_was_done_what_is_wrong_and_the_log(restore):
    made = job_sheet(restore, LOG, WayBack(until=AT))
    for part in ("Incomplete", "41", "/srv/<a>", "Can be undone until", "Destination"):
        assert part in made.text
    assert "/srv/&lt;a&gt;" in made.html
    assert "<Sales>" not in made.html
    assert made.text.count("E5072") == 0


def test_a_log_page_says_what_it_shows_and_where_the_rest_is(monkeypatch):
    monkeypatch.setattr(sheets, "LINES_MOST", 3)
    files = record(4, FILES_CODE, **packed(["/srv/a", "/srv/b"]))
    made = log_sheet((files, *LOG), "Errors, job 12")
    assert "Errors, job 12" in made.text
    assert "    /srv/a\n    /srv/b\n" in made.text
    assert "More lines are in the log" in made.text


@pytest.mark.parametrize(
    ("name", "begins"), [("r.pdf", b"%PDF-"), ("r.html", b"<!doctype"), ("r.txt", b"Rest")]
)
def test_a_page_is_saved_in_the_form_that_its_name_says(
    restore, context, qtbot, settled, tmp_path, name, begins
):
    owner = QWidget()
    qtbot.addWidget(owner)
    run_save(context, job_sheet(restore, LOG, WayBack()), str(tmp_path / name), owner)
    settled()
    assert (tmp_path / name).read_bytes().startswith(begins)
    run_save(context, job_sheet(restore, LOG, WayBack()), str(tmp_path / "no/such" / name), owner)
    settled()
    assert context.extra["errors"][0].code == "E1301"


def test_the_dialog_of_a_job_prints_its_result(restore, context, qtbot, settled, tmp_path):
    dialog = JobDetailDialog(context, restore)
    qtbot.addWidget(dialog)
    assert not dialog.print_.isEnabled()
    dialog.show()
    settled()
    assert dialog.print_.isEnabled()
    printer = QPrinter()
    printer.setOutputFormat(QPrinter.OutputFormat.PdfFormat)
    printer.setOutputFileName(str(tmp_path / "printed.pdf"))
    run_print(context, dialog.sheet(), printer, dialog)
    settled()
    assert (tmp_path / "printed.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.qt_log_ignore("QPainter::begin")
def test_a_printer_that_writes_nothing_is_said(restore, context, qtbot, settled, tmp_path):
    owner = QWidget()
    qtbot.addWidget(owner)
    printer = QPrinter()
    printer.setOutputFormat(QPrinter.OutputFormat.PdfFormat)
    printer.setOutputFileName(str(tmp_path / "no/such/printed.pdf"))
    run_print(context, job_sheet(restore, LOG, WayBack()), printer, owner)
    settled()
    assert context.extra["errors"][0].code == "E1301"
    assert context.extra["toasts"] == []
