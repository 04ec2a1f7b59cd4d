"""The whole story through the command line: replicate, rewind, back up, find, restore."""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.arcxo_command import Arcxo, running_home, until
from tests.support.trees import assert_identical, fill, picture

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("story")]


class Story:
    """One home, one scenario, and the two directories."""

    def __init__(self, arcxo: Arcxo, place: Path) -> None:
        self.arcxo = arcxo
        self.place = place
        self.master = place / "master"
        self.replica = place / "replica"

    def in_sync(self) -> None:
        self.arcxo.wait("files", "in-sync")
        assert_identical(self.master, self.replica)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    place = tmp_path_factory.mktemp("story")
    fill(place / "master")
    package = Path(sysconfig.get_paths()["stdlib"]) / "email"
    shutil.copytree(package, place / "master/email", symlinks=True)
    with running_home(place, processes=True) as arcxo:
        made = Story(arcxo, place)
        arcxo.text(
            "scenario", "create", "files", "--master", "localhost", "--replica", "localhost",
            "--root", f"{made.master}={made.replica}",
        )  # fmt: skip
        arcxo.text("scenario", "run", "files")
        arcxo.wait("files", "replicating")
        yield made


@pytest.fixture(autouse=True)
def replicating(story: Story) -> None:
    """Each test begins with a replicating scenario that is in sync."""
    state = story.arcxo.json("scenario", "show", "files")
    if "replicating" not in str(state):
        # A test before may have restored to the replica.
        story.arcxo.text("scenario", "run", "files", "--replace-restored")
        story.arcxo.wait("files", "replicating")
    story.in_sync()


def test_changes_reach_the_replica(story: Story) -> None:
    (story.master / "new/deep/tree").mkdir(parents=True)
    (story.master / "new/deep/tree/file").write_text("x" * 100_000)
    (story.master / "email/__init__.py").write_text("# changed\n")
    os.rename(story.master / "email", story.master / "mail")
    shutil.rmtree(story.master / "mail/mime")
    os.link(story.master / "mail/policy.py", story.master / "linked.py")
    os.symlink("mail/policy.py", story.master / "pointer")
    os.chmod(story.master / "mail/policy.py", 0o640)
    story.in_sync()


def test_suspended_changes_wait_in_the_spool_and_arrive_on_resume(story: Story) -> None:
    story.arcxo.text("scenario", "suspend", "files")
    (story.master / "while-suspended").write_text("waited")
    until(
        lambda: '"waiting_operations": 0' not in story.arcxo.text("--json", "scenario", "show", "files"),
        "the change to be in the spool",
    )
    assert not (story.replica / "while-suspended").exists()
    story.arcxo.text("scenario", "resume", "files")
    story.in_sync()


def test_rewind_brings_back_the_bookmarked_state_and_can_be_planned(story: Story) -> None:
    story.arcxo.text("scenario", "bookmark", "files", "before the damage")
    before = picture(story.master)
    for number in range(20):
        (story.master / f"damage-{number}").write_bytes(os.urandom(1000))
    shutil.rmtree(story.master / "plain")
    story.in_sync()
    story.arcxo.text("scenario", "stop", "files")
    plan = story.arcxo.json("scenario", "rewind", "files", "--to", "before the damage", "--plan")
    assert plan["counts"]["delete"] >= 20
    assert not (story.replica / "plain").exists()
    story.arcxo.text("scenario", "rewind", "files", "--to", "before the damage")
    assert picture(story.replica) == before


def test_backup_query_and_restore_bring_back_identical_files(story: Story, tmp_path: Path) -> None:
    first = story.arcxo.json("backup", "--scenario", "files", "--wait")
    assert first["last_result"] == "finished"
    (story.master / "second-backup.txt").write_text("only in the second")
    story.in_sync()
    second = story.arcxo.json("backup", "--scenario", "files", "--wait")
    assert second["last_result"] == "finished"
    sessions = story.arcxo.json("session", "list")
    newest = max(sessions, key=lambda session: session["number"])

    found = story.arcxo.json("query", "second-backup.*")
    assert [entry["path"] for entry in found] == [str(story.master / "second-backup.txt")]

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    story.arcxo.text(
        "restore", "session", newest["media_serial"], str(newest["number"]),
        "--path", str(story.master), "--to", str(elsewhere), "--wait",
    )  # fmt: skip
    assert_identical(story.master, elsewhere)

    (story.replica / "second-backup.txt").unlink()
    story.arcxo.text(
        "restore",
        "tree",
        "--machine",
        "localhost",
        "--path",
        str(story.master),
        "--to",
        "original-replica",
        "--wait",
    )
    assert_identical(story.master, story.replica)
    assert "stopped" in story.arcxo.text("--json", "scenario", "show", "files")


def test_encrypted_session_opens_only_with_its_password(story: Story, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("correct horse")
    wrong = tmp_path / "wrong"
    wrong.write_text("battery staple")
    job = story.arcxo.json("backup", "--scenario", "files", "--session-password-file", str(secret), "--wait")
    assert job["last_result"] == "finished"
    newest = max(story.arcxo.json("session", "list"), key=lambda session: session["number"])
    assert newest["encrypted"]
    arguments = (
        "restore", "session", newest["media_serial"], str(newest["number"]),
        "--path", str(story.master / "empty"), "--to", str(tmp_path),
    )  # fmt: skip
    story.arcxo.text(*arguments, "--session-password-file", str(wrong), "--wait", expect=4)
    story.arcxo.text(*arguments, "--session-password-file", str(secret), "--wait")


def test_backup_of_a_stopped_scenario_fails_with_the_specified_code(story: Story) -> None:
    story.arcxo.text("scenario", "stop", "files")
    story.arcxo.text("backup", "--scenario", "files", "--wait", expect=1)
    assert "AE0465" in story.arcxo.text("log", "--type", "errors")


def test_versions_of_a_file_are_its_distinct_contents(story: Story) -> None:
    target = story.master / "versioned.txt"
    for content in ("one", "two", "two", "three"):
        target.write_text(content)
        story.in_sync()
        assert story.arcxo.json("backup", "--scenario", "files", "--wait")["last_result"] == "finished"
    versions = story.arcxo.json("versions", "localhost", str(target))
    assert [version["size_bytes"] for version in versions] == [5, 3, 3]
