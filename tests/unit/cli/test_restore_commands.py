"""Restores, their plans and their undos on the command line, over services in memory."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from app.cli import main
from app.cli.restore_plan import summary_lines
from app.model.commands import JobCommands
from app.model.errors import UsageError
from app.model.job_log import JobLogLevel
from app.model.owners import OwnerChange, OwnerCount, OwnerRule
from app.model.restore import RestoreAction, RestorePlan
from tests.support.cli_services import FakeComposition
from tests.support.memory_services import MemoryServices


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))


@pytest.fixture
def memory() -> MemoryServices:
    return MemoryServices()


@pytest.fixture
def composition(memory: MemoryServices) -> FakeComposition:
    made = FakeComposition()
    made.services.restores = memory.restores
    session = SimpleNamespace(media_serial="A1B2C3", number=61)
    made.services.media.session = lambda _media, _number: session
    return made


def submitted(memory: MemoryServices) -> Any:
    return memory.called("restores.submit")[-1][1]


def test_the_ways_back_are_options_of_every_restore(composition, memory, capsys):
    assert main(["restore", "session", "M", "61", "--to", "/srv/out"], composition) == 0
    script = submitted(memory).script
    assert (script.exact, script.undo_days, script.undo_max_mb) == (False, 7, 102_400)
    assert main(["restore", "session", "M", "61", "--to", "/srv/out", "--no-undo"], composition) == 0
    assert submitted(memory).script.undo_days == 0
    arguments = [
        "restore",
        "session",
        "M",
        "61",
        "--exact",
        "--yes",
        "--undo-days",
        "30",
        "--undo-max-mb",
        "5",
    ]
    assert main(arguments, composition) == 0
    request = submitted(memory)
    assert request.confirmed
    assert (request.script.exact, request.script.undo_days, request.script.undo_max_mb) == (True, 30, 5)


def test_what_must_be_confirmed_is_refused_without_a_terminal(composition, memory, capsys):
    memory.raises["restores.submit"] = UsageError("E5188")
    assert main(["restore", "session", "M", "61", "--exact"], composition) == 2
    assert "E5188" in capsys.readouterr().err


def test_a_plan_is_one_document_with_all_paths_or_some(composition, capsys):
    assert main(["--json", "restore", "session", "M", "61", "--plan", "--items", "1"], composition) == 0
    some = json.loads(capsys.readouterr().out)
    assert len(some["items"]) == 1
    assert (some["kept_bytes"], some["undo_days"]) == (2 << 20, 7)
    assert main(["--json", "restore", "session", "M", "61", "--plan", "--items", "0"], composition) == 0
    whole = json.loads(capsys.readouterr().out)
    assert [item["target"] for item in whole["items"]] == ["/srv/sales/a.xlsx", "/srv/sales/b.xlsx"]
    assert whole["counts"] == some["counts"]
    assert main(["restore", "session", "M", "61", "--plan", "--items", "0"], composition) == 0
    told = capsys.readouterr()
    assert "/srv/sales/b.xlsx" in told.out
    assert "Kept aside for 7 days" in told.err
    assert main(["restore", "session", "M", "61", "--plan", "--no-undo"], composition) == 0
    assert "cannot be undone" in capsys.readouterr().out


def test_undo_is_planned_listed_and_submitted(composition, memory, capsys):
    assert main(["--json", "restore", "undo", "12", "--plan"], composition) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["brought_back"], plan["changed"]) == (1, 1)
    assert plan["items"][1]["reason"] == "it was changed after it was restored"
    assert main(["restore", "undo", "12", "--plan"], composition) == 0
    assert "leave 1 that were changed since" in capsys.readouterr().out
    assert main(["--json", "restore", "undo", "--list"], composition) == 0
    assert json.loads(capsys.readouterr().out)[0]["job_id"] == 12
    assert main(["restore", "undo", "12", "--force"], composition) == 0
    assert memory.called("restores.undo") == [("restores.undo", 12, True)]
    assert main(["restore", "undo"], composition) == 2


def test_what_waits_for_a_program_is_listed(composition, capsys):
    assert main(["--json", "restore", "pending"], composition) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert one["target"] == "/srv/sales/live.db"
    assert one["waiting"] == "/srv/sales/live.db.TMP"
    assert main(["restore", "pending", "--host", "DR1"], composition) == 0
    assert "a program has the file open" in capsys.readouterr().out


def test_a_run_over_restored_files_is_refused_unless_agreed_to(composition, capsys):
    composition.services.scenarios.restored_to = "DR1"
    assert main(["scenario", "run", "files"], composition) == 6
    assert "E5189" in capsys.readouterr().err
    assert main(["scenario", "run", "files", "--replace-restored"], composition) == 0
    assert composition.services.scenarios.calls == [("run", "files", None)]


def test_owners_commands_and_job_log_are_options_of_every_restore(composition, memory, capsys):
    command = ["restore", "session", "M", "61", "--to", "/srv/out", "--owners", "name"]
    command += ["--give-user", "anna=bert", "--give-group", "1001=staff", "--job-log", "none"]
    command += ["--before", "/bin/true --now", "--before-exit", "0", "--after", "/bin/true"]
    assert main(command, composition) == 0
    script = submitted(memory).script
    assert script.owners is OwnerRule.NAME
    assert script.owner_changes == (OwnerChange("anna", "bert"), OwnerChange("1001", "staff", group=True))
    assert script.commands == JobCommands(("/bin/true", "--now"), 0, after=("/bin/true",))
    assert script.job_log is JobLogLevel.NONE
    assert main([*command[:6], "--give-user", "anna"], composition) == 2
    assert "E5191" in capsys.readouterr().err


def test_a_plan_names_the_owners_that_differ_there(composition, memory, capsys):
    memory.owner_counts = (
        OwnerCount(1001, "anna", 1001, "", 12),
        OwnerCount(1002, "bert", 1002, "carl", 1),
        OwnerCount(0, "root", 0, "root", 5),
    )
    assert main(["restore", "session", "M", "61", "--to", "/srv/out", "--plan"], composition) == 0
    said = capsys.readouterr().out
    assert "user anna (1001), 12 entries: nobody there has number 1001" in said
    assert "user bert (1002), 1 entry: carl there" in said
    assert "root" not in said


def test_a_plan_says_that_a_directory_is_kept_by_a_scenario():
    plan = RestorePlan({RestoreAction.CREATE: 1}, 10, (), "localhost", 50, into_replica="Sales")
    assert any("in the replica of scenario Sales" in line for line in summary_lines(plan))
    assert not any("replica" in line for line in summary_lines(replace(plan, into_replica="")))


@pytest.mark.parametrize("option", ["--path", "--leave-out"])
def test_an_empty_path_is_refused_and_does_not_mean_everything(composition, memory, capsys, option):
    assert main(["restore", "session", "M", "61", option, "", "--to", "/srv/out"], composition) == 2
    assert "empty path" in capsys.readouterr().err
    assert memory.called("restores.submit") == []
