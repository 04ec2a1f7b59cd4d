"""The contract of the command line: arguments, output, exit codes, secrets."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from app.model.errors import ArcxoError, BusyError, CanceledError, CredentialsError
from app.model.job import Destination, JobResult, VerifyMode
from tests.support.cli_services import FakeComposition


@pytest.fixture
def composition() -> FakeComposition:
    return FakeComposition()


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))


@pytest.mark.parametrize(
    "argv",
    [
        ["--home", "/h", "--json", "scenario", "list"],
        ["scenario", "--json", "list", "--home", "/h"],
        ["scenario", "list", "--home=/h", "--json"],
    ],
)
def test_global_options_are_accepted_anywhere(
    argv: list[str], composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv, composition) == 0
    assert composition.opened == ["/h"]
    assert json.loads(capsys.readouterr().out)[0]["scenario"]["name"] == "files"


def test_json_is_one_document_with_utc_times(
    composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--json", "scenario", "show", "files"], composition) == 0
    output = capsys.readouterr()
    document = json.loads(output.out)
    assert document["since"] == "2026-03-01T12:30:00.250000Z"
    assert document["state"] == "replicating"
    assert document["scenario"]["roots"] == [{"master_path": "/data/master"}]
    assert output.err == ""


def test_names_that_are_not_utf8_pass_both_ways(
    composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    root = os.fsdecode(b"/data/\xff\xfe")
    argv = ["--json", "scenario", "create", "odd", "--root", f"{root}=/replica"]
    assert main(argv, composition) == 0
    created = composition.services.scenarios.calls[0][1]
    assert created.roots[0].master_path == b"/data/\xff\xfe"
    shown = json.loads(capsys.readouterr().out)["roots"][0]
    assert shown == {"master_path": "/data/\ufffd\ufffd", "master_path_b64": "L2RhdGEv//4="}


def test_a_relative_root_is_made_absolute(composition: FakeComposition, tmp_path: Path) -> None:
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        assert main(["scenario", "create", "n", "--root", "a=b/../c"], composition) == 0
    finally:
        os.chdir(here)
    created = composition.services.scenarios.calls[0][1]
    assert created.roots[0].master_path == os.fsencode(tmp_path / "a")
    assert created.replicas[0].paths == (os.fsencode(tmp_path / "c"),)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ArcxoError("AE0464", scenario="files"), 1),
        (ArcxoError("AE0469", scenario="files"), 6),
        (ArcxoError("ER00107", path="/h", directory="/h"), 2),
        (CredentialsError("AE0459", scenario="files"), 4),
        (BusyError("E1120", home="/h"), 6),
        (CanceledError("E5090"), 7),
        (KeyboardInterrupt(), 7),
    ],
)
def test_errors_end_with_their_exit_code_and_leave_stdout_empty(
    error: BaseException,
    expected: int,
    composition: FakeComposition,
    capsys: pytest.CaptureFixture[str],
) -> None:
    composition.services.scenarios.raises = error
    assert main(["scenario", "list"], composition) == expected
    output = capsys.readouterr()
    assert output.out == ""
    if isinstance(error, ArcxoError):
        assert output.err.startswith(error.code)


def test_what_other_hosts_say_is_nothing_that_a_terminal_obeys(
    composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J\r\x9b31m"
    composition.services.scenarios.raises = ArcxoError("AE1001", host=hostile, reason=hostile)
    assert main(["scenario", "list"], composition) == 1
    shown = capsys.readouterr().err
    assert "\\x1b[2J" in shown
    assert not set(shown) & set("\x1b\x07\r\x9b")


def test_errors_are_objects_on_stderr_with_json(
    composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--json", "scenario", "show", "nothing"], composition) == 5
    output = capsys.readouterr()
    assert output.out == ""
    error = json.loads(output.err)["error"]
    assert (error["code"], error["exit_code"]) == ("E1127", 5)
    assert "nothing" in error["text"]
    assert error["action"]


@pytest.mark.parametrize(
    "argv",
    [
        ["bogus"],
        ["scenario", "bogus"],
        ["scenario", "show"],
        ["scenario", "create", "name"],
        ["scenario", "create", "name", "--root", "no-equals-sign"],
        ["scenario", "create", "name", "--root", "/a=/b", "--brake", "much"],
        ["scenario", "set", "files", "no_such_property=1"],
        ["scenario", "set", "files", "sync=both"],
        ["scenario", "set", "files", "rewind_minutes=-1"],
        ["scenario", "wait", "files", "--state", "happy"],
        ["scenario", "wait", "files", "--state", "in-sync", "--timeout", "inf"],
        ["scenario", "events", "--newer-than", "99999999999999999999999"],
        ["backup", "--scenario", "files", "--run-at", "soon"],
        ["query", "*", "--size", "big"],
        ["--home"],
    ],
)
def test_wrong_usage_is_exit_2_with_a_reason(
    argv: list[str], composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv, composition) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("E11")


def test_an_unexpected_exception_is_a_bug_with_a_report(
    composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    composition.services.scenarios.raises = ZeroDivisionError("oops")
    assert main(["--json", "scenario", "list"], composition) == 1
    error = json.loads(capsys.readouterr().err)["error"]
    report = Path(error["params"]["path"])
    try:
        assert error["code"] == "E1199"
        assert "ZeroDivisionError" in report.read_text(encoding="utf-8")
    finally:
        report.unlink()


@pytest.mark.parametrize("argv", [["scenario", "delete", "files"], ["media", "format", "media", "NEW"]])
def test_destructive_commands_need_yes_without_a_terminal(
    argv: list[str], composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv, composition) == 2
    assert "E1102" in capsys.readouterr().err
    assert composition.services.scenarios.calls == []


def test_yes_answers_for_the_person(composition: FakeComposition) -> None:
    assert main(["scenario", "delete", "files", "--yes"], composition) == 0
    assert composition.services.scenarios.calls == [("delete", "files", False)]


def test_what_remains_of_a_deleted_scenario_is_told_with_the_way_to_remove_it(
    composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scenario", "delete", "files", "--keep-rewind", "--yes"], composition) == 3
    assert "arcxo scenario leftovers --remove 7 --host far" in capsys.readouterr().out
    assert main(["--json", "scenario", "delete", "files", "--keep-rewind", "--yes"], composition) == 3
    (left,) = json.loads(capsys.readouterr().out)["left_behind"]
    assert left == {"host": "far", "scenario_id": 7, "cause": "it does not answer"}


def test_password_comes_from_stdin(
    composition: FakeComposition, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("s3cret\n"))
    assert main(["init", "--home", "/h", "--password-stdin"], composition) == 0
    assert composition.inits == [("/h", "s3cret")]
    output = capsys.readouterr()
    assert "s3cret" not in output.out + output.err


def test_no_command_takes_a_password_as_an_argument(
    composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["account", "add", "jane", "--password", "s3cret"], composition) == 2
    assert main(["account", "add", "jane"], composition) == 2
    assert composition.services.accounts.passwords == {}
    assert "s3cret" not in capsys.readouterr().err


def test_password_file_is_read_and_a_missing_one_is_exit_4(
    composition: FakeComposition, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("first line\nsecond line\n", encoding="utf-8")
    assert main(["account", "add", "jane", "--password-file", str(secret)], composition) == 0
    assert composition.services.accounts.passwords == {"jane": "first line"}
    assert main(["account", "add", "jim", "--password-file", str(tmp_path / "none")], composition) == 4


def test_backup_passes_its_options_and_hides_the_password(
    composition: FakeComposition, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden words\n", encoding="utf-8")
    argv = ["--json", "backup", "--scenario", "files", "--session-password-file", str(secret)]
    argv += ["--verify", "scan", "--run-at", "2026-03-01T12:00:00", "--hold"]
    assert main(argv, composition) == 0
    request = composition.services.backups.requests[0]
    assert request.script.scenario_ids == (7,)
    assert request.script.encrypt
    assert request.script.verify is VerifyMode.SCAN
    assert request.schedule.run_at.isoformat() == "2026-03-01T12:00:00+00:00"
    assert request.hold
    assert request.session_password == "hidden words"
    assert "hidden words" not in capsys.readouterr().out
    secret.write_text("wrong\n", encoding="utf-8")
    assert main(argv, composition) == 4
    assert len(composition.services.backups.requests) == 1
    assert main([*argv, "--new-password"], composition) == 0


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (JobResult.FINISHED, 0),
        (JobResult.INCOMPLETE, 3),
        (JobResult.CANCELED, 7),
        (JobResult.FAILED, 1),
        (JobResult.RUN_FAILED, 1),
        (JobResult.CRASHED, 1),
    ],
)
def test_wait_exits_by_the_last_result(
    result: JobResult, expected: int, composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    composition.services.jobs.result = result
    assert main(["--json", "backup", "--scenario", "files", "--wait"], composition) == expected
    assert json.loads(capsys.readouterr().out)["last_result"] == result.value


def test_backup_of_an_unknown_scenario_is_exit_5(composition: FakeComposition) -> None:
    assert main(["backup", "--scenario", "nothing"], composition) == 5


def test_set_changes_properties_by_name(composition: FakeComposition) -> None:
    argv = [
        "scenario",
        "set",
        "files",
        "rewind-minutes=60",
        "sync=block",
        "brake_percent=off",
        "exclude=*.tmp,~*",
    ]
    assert main(argv, composition) == 0
    changed = composition.services.scenarios.calls[0][1]
    assert changed.properties.rewind_minutes == 60
    assert changed.properties.sync == "block"
    assert changed.properties.brake_percent == 0
    assert changed.filters.exclude == ("*.tmp", "~*")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("original-replica", (Destination.ORIGINAL_REPLICA, "localhost", b"")),
        ("original-replica:other", (Destination.ORIGINAL_REPLICA, "other", b"")),
        ("original-master", (Destination.ORIGINAL_MASTER, "localhost", b"")),
        ("/restored", (Destination.DIRECTORY, "localhost", b"/restored")),
        ("other:/restored", (Destination.DIRECTORY, "other", b"/restored")),
        ("/with:colon", (Destination.DIRECTORY, "localhost", b"/with:colon")),
    ],
)
def test_restore_targets(text: str, expected: Any) -> None:
    from app.cli.restore import parse_target

    assert parse_target(text) == expected


@pytest.mark.parametrize(
    "argv", [["scenario", "list"], ["job", "list"], ["session", "list"], ["media", "list"], ["log"]]
)
def test_empty_lists_say_so_and_are_empty_arrays(
    argv: list[str], composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    composition.services.scenarios.known = {}
    assert main(argv, composition) == 0
    assert capsys.readouterr().out.strip()
    assert main([*argv, "--json"], composition) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_control_characters_in_names_do_not_reach_the_terminal(
    composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.support.cli_services import scenario

    composition.services.scenarios.known = {"x": scenario("evil\x1b[2Jname")}
    assert main(["scenario", "list"], composition) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_every_listed_command_has_help(
    composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    from app.cli.commands import COMMANDS
    from app.cli.scenario import VERBS

    for noun in COMMANDS:
        assert main([noun, "--help"], composition) == 0
    for verb in VERBS:
        assert main(["scenario", verb, "--help"], composition) == 0
    assert "Usage: arcxo" in capsys.readouterr().out


def test_every_code_of_the_command_line_is_in_the_catalogue() -> None:
    import re

    from app.messages import load

    sources = [*Path("app/cli").glob("*.py"), *Path("app/services").glob("*.py")]
    codes = {code for path in sources for code in re.findall(r'"([EWI]11\d\d)"', path.read_text("utf-8"))}
    assert codes
    assert codes <= set(load())
