"""Boxes of directories, options as they are typed, and estimates: without a window."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from app.model.commands import JobCommands, OnExit
from app.model.job import BackupScript
from app.model.source import DirectSource
from app.ui.backup.draft import BackupDraft, readiness
from app.ui.backup.estimate import estimate
from app.ui.backup.folders import covering, folder_mark, toggled
from app.ui.backup.options import BackupOptions, CommandText
from app.ui.models.cell import Mark
from tests.support.memory_services import MemoryServices

A, AB, AC = (DirectSource("h", path) for path in (b"/a", b"/a/b", b"/ac"))


def test_boxes_fill_by_what_is_chosen_above_and_beneath():
    assert folder_mark("h", b"/a", [AB]) is Mark.PARTIAL
    assert folder_mark("h", b"/", [AB]) is Mark.PARTIAL
    assert folder_mark("h", b"/a/b/c", [AB]) is Mark.FULL
    assert folder_mark("h", b"/ab", [A]) is Mark.EMPTY
    assert folder_mark("other", b"/a", [A]) is Mark.EMPTY


def test_a_chosen_directory_takes_in_those_that_lie_in_it():
    assert toggled("h", b"/a", [AB, AC]) == [AC, A]
    assert toggled("h", b"/a", [A, AC]) == [AC]
    assert toggled("h", b"/", [A, AC]) == [DirectSource("h", b"/")]


def test_a_directory_that_is_part_of_a_chosen_one_says_so():
    assert covering("h", b"/a/b", [A]) == A
    assert covering("h", b"/a", [A]) is None


def test_commands_are_typed_as_in_a_shell_and_checked():
    text = CommandText("/bin/echo 'a b' c", True, 3, OnExit.SKIP_JOB, 2, "/bin/x", frozenset({"failed"}))
    made = text.commands()
    assert made == JobCommands(("/bin/echo", "a b", "c"), 3, OnExit.SKIP_JOB, 2, ("/bin/x",), ("failed",))
    assert CommandText.of(made).commands() == made
    assert "quotation" in CommandText("/bin/echo 'a").fault()
    assert "absolute" in CommandText(after="echo").fault()
    assert CommandText("").commands() == JobCommands()


def test_options_of_nodes_that_are_not_backed_up_are_left_out():
    options = BackupOptions(
        nodes={"A": CommandText("/bin/a"), "B": CommandText("/bin/b"), "C": CommandText()}
    )
    assert [name for name, _ in options.node_commands(("A", "C"))] == ["A"]


def test_a_draft_becomes_a_job_and_is_made_of_it_again():
    services = MemoryServices()
    statuses = services.statuses
    draft = BackupDraft({statuses[0].scenario.id})
    draft.toggle_source("localhost", b"/srv")
    draft.options = BackupOptions(4, 30, 9, CommandText("/bin/true"))
    script = draft.script(statuses)
    again = BackupDraft()
    again.load(script, {status.scenario.id for status in statuses}, 12)
    assert again.script(statuses) == script
    assert again.replaces == 12


def test_a_deleted_scenario_of_a_job_is_named_and_left_out():
    services = MemoryServices()
    draft = BackupDraft()
    draft.load(BackupScript((1,), ("Gone",)), {status.scenario.id for status in services.statuses})
    said = readiness(draft, services.statuses)
    assert said.fault
    assert said.text.startswith("Gone: not on this server any more")


def test_the_estimate_is_a_range_of_the_last_backups():
    services = MemoryServices()
    session = services.sessions[0]
    status = next(one for one in services.statuses if one.scenario.id == session.scenario_id)
    runs = [
        replace(
            session,
            number=number,
            job_id=number,
            stored_bytes=number * 1_000_000,
            started_at=session.started_at + timedelta(days=number),
            finished_at=session.started_at + timedelta(days=number, seconds=30 * number),
        )
        for number in (1, 2, 3)
    ]
    made = estimate(BackupDraft({status.scenario.id}), [status], runs)
    assert made is not None
    assert "1.00 MB to 3.00 MB new on media" in made.text or "new on media" in made.text
    assert made.detail == "30 s to 2 min, by the last 3 backups"


def test_what_was_never_backed_up_has_no_time():
    draft = BackupDraft(sources=[DirectSource("localhost", b"/srv")])
    made = estimate(draft, [], [])
    assert made is not None
    assert made.text == "Size not known yet"
    assert "time is not known" in made.detail
    assert estimate(BackupDraft(), [], []) is None
