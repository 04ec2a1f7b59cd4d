"""What a restore does besides: commands around it, whose the files become, how much its log holds."""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.backup.growing import GrowingSink
from app.backup.owners import recorded_owners
from app.catalog.rows import script_from_json, script_to_json
from app.jobs.media_choice import online_media
from app.jobs.submission import submit_restore
from app.media.reader import open_session
from app.model.commands import JobCommands
from app.model.errors import UsageError
from app.model.job import Conflict, Destination, JobResult, RestoreScript, RestoreSelection
from app.model.job_log import JobLogLevel, unpacked
from app.model.owners import OwnerChange, OwnerRule
from tests.integration.test_jobs_on_catalog import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("restores"))
    made.backup()
    yield made
    assert made.queue.cancel_all(10)
    made.catalog.close()


@pytest.fixture
def script(site: Site, tmp_path: Path) -> RestoreScript:
    (media,) = site.catalog.media.media()
    selection = RestoreSelection(media.serial, 1)
    return RestoreScript((selection,), Destination.DIRECTORY, directory=bytes(tmp_path / "out"))


def program(folder: Path, name: str, text: str) -> str:
    made = folder / name
    made.write_text(f"#!/bin/sh\n{text}\n")
    made.chmod(made.stat().st_mode | stat.S_IXUSR)
    return str(made)


def test_commands_run_before_and_after_a_restore(site: Site, script: RestoreScript, tmp_path: Path) -> None:
    told = tmp_path / "told"
    before = program(tmp_path, "before", f'echo "before $ARCXO_JOB_NAME" >> {told}')
    after = program(tmp_path, "after", f'echo "after $ARCXO_RESULT" >> {told}')
    commands = JobCommands((before,), 0, after=(after,))
    job = submit_restore(site.catalog, site.store, replace(script, commands=commands), name="Bring back")
    assert site.ended(job).last_result is JobResult.FINISHED
    assert told.read_text() == "before Bring back\nafter finished\n"
    assert (tmp_path / "out/a.txt").read_text() == "alpha"


def test_another_exit_code_than_expected_keeps_it_from_restoring(
    site: Site, script: RestoreScript, tmp_path: Path
) -> None:
    commands = JobCommands((program(tmp_path, "before", "exit 3"),), 0)
    done = site.ended(submit_restore(site.catalog, site.store, replace(script, commands=commands)))
    assert done.last_result in (JobResult.RUN_FAILED, JobResult.FAILED)
    assert any(record.code == "E5741" for record in site.catalog.log.list(job_id=done.id))
    assert not (tmp_path / "out").exists()


def test_a_command_that_is_no_program_is_refused_at_once(site: Site, script: RestoreScript) -> None:
    with pytest.raises(UsageError, match="E5746"):
        submit_restore(site.catalog, site.store, replace(script, commands=JobCommands(("relative/program",))))


def test_a_job_without_a_log_still_says_that_it_began_and_how_it_ended(
    site: Site, script: RestoreScript
) -> None:
    done = site.ended(submit_restore(site.catalog, site.store, replace(script, job_log=JobLogLevel.NONE)))
    codes = [record.code for record in site.catalog.log.list(job_id=done.id)]
    assert {"N5050", "N5070"} <= set(codes)
    assert "N5052" not in codes


def logged(site: Site, script: RestoreScript) -> tuple[set[str], list[str]]:
    done = site.ended(submit_restore(site.catalog, site.store, script))
    assert done.last_result is JobResult.FINISHED
    records = site.catalog.log.list(job_id=done.id)
    return {one.code for one in records}, [line for one in records for line in unpacked(one.params)]


def test_the_log_names_each_file_and_what_came_of_it(
    site: Site, script: RestoreScript, tmp_path: Path
) -> None:
    codes, lines = logged(site, replace(script, job_log=JobLogLevel.ALL))
    assert "N5062" in codes
    assert f"{tmp_path}/out/a.txt (created, 5 bytes)" in lines
    (tmp_path / "out/a.txt").unlink()
    _, lines = logged(site, replace(script, job_log=JobLogLevel.ALL, conflict=Conflict.SKIP))
    assert f"{tmp_path}/out/a.txt (created, 5 bytes)" in lines
    assert any(line.partition(" ")[2].startswith("(skipped") for line in lines)
    _, lines = logged(site, replace(script, job_log=JobLogLevel.ALL, exact=True))
    assert f"{tmp_path}/out/a.txt (overwritten, 5 bytes)" in lines


def test_the_log_names_each_directory_with_counts(site: Site, script: RestoreScript, tmp_path: Path) -> None:
    codes, lines = logged(site, replace(script, job_log=JobLogLevel.DETAIL))
    assert "N5063" in codes
    assert any(line.startswith(f"{tmp_path}/out (") and "created" in line for line in lines)


def test_without_being_asked_no_file_is_named(site: Site, script: RestoreScript) -> None:
    assert logged(site, script)[1] == []


def test_a_backup_keeps_the_names_of_its_masters_users(site: Site) -> None:
    (media,) = online_media(site.catalog)
    names = recorded_owners(*open_session(media.path, 1, None))
    assert [one.name for one in (*names.users, *names.groups)] == ["anna", "sales"]


def test_what_a_restore_is_to_do_comes_back_from_its_row(script: RestoreScript) -> None:
    made = replace(
        script,
        owners=OwnerRule.NAME,
        owner_changes=(OwnerChange("anna", "1001"), OwnerChange("sales", "staff", group=True)),
        commands=JobCommands(("/bin/true",), 0, after=("/bin/false",), after_unless=("failed",)),
        job_log=JobLogLevel.NONE,
    )
    assert script_from_json(script_to_json(made), 1) == made


def test_a_restore_that_fails_half_way_says_what_becomes_of_its_beginning(
    site: Site, script: RestoreScript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = GrowingSink.publish

    def full(self: GrowingSink, target: bytes, *args: object, **more: object) -> object:
        if target.endswith(b"/a.txt"):
            return put(self, target, *args, **more)  # type: ignore[arg-type]
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(GrowingSink, "publish", full)
    (tmp_path / "out/sub").mkdir(parents=True)
    for days, code in ((7, "N5198"), (0, "N5154")):
        done = site.ended(submit_restore(site.catalog, site.store, replace(script, undo_days=days)))
        assert done.last_result is JobResult.FAILED
        (line,) = [one for one in site.catalog.log.list(job_id=done.id) if one.code == code]
        assert line.params["files"] == "1"
