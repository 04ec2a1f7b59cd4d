"""The server is lost with its catalog; what is left is a directory with media. The files come back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.arcxo_command import Arcxo, running_home
from tests.support.media_samples import back_up, new_key, new_media
from tests.support.trees import assert_identical, fill

pytestmark = pytest.mark.xdist_group("from-media")


@pytest.mark.slow
def test_an_encrypted_session_of_a_media_alone_is_merged_and_restored(tmp_path: Path) -> None:
    source, password = tmp_path / "source", tmp_path / "password"
    source.mkdir()
    fill(source)
    password.write_text("the password\n")
    media = new_media(tmp_path)
    back_up(media, source, key=new_key(media, "the password"))
    arcxo = Arcxo(tmp_path / "home")
    given = ("--session-password-file", str(password))
    try:
        made = arcxo.json("init", "--from-media", media, *given, "--password-stdin", given="caroot\n")
        assert [job["last_result"] for job in made["jobs"]] == ["finished"]
        arcxo.text("restore", "session", "M1", "1", "--to", str(tmp_path / "out"), *given, "--wait")
        assert_identical(source, tmp_path / "out")
    finally:
        arcxo.stop()


@pytest.mark.deep
def test_a_bare_media_directory_becomes_a_home_and_a_file_is_restored(tmp_path: Path) -> None:
    """Two volumes, one of them encrypted; its password is lost and only the printed kit is left."""
    source, secret = tmp_path / "source", tmp_path / "secret"
    for directory in (source, secret):
        directory.mkdir()
        fill(directory)
    password, kit, bare = tmp_path / "password", tmp_path / "kit", tmp_path / "bare"
    password.write_text("the password\n")
    with running_home(tmp_path / "old") as old:
        old.text("backup", "--source", f"localhost:{source}", "--wait")
        (source / "later").write_text("later")
        old.text("backup", "--source", f"localhost:{source}", "--wait")
        protect = ("--session-password-file", str(password))
        old.text("backup", "--source", f"localhost:{secret}", *protect, "--wait")
        name = old.json("media", "list")[0]["name"]
        old.text("media", "recovery-kit", "make", name, "--out", str(kit), "--password-file", str(password))
        for pid in old.processes():
            old.kill(pid)
        shutil.copytree(old.home / "media", bare)
        shutil.rmtree(old.home)
        old.home.mkdir()  # for the commands that end the test
        old.stop = lambda: None  # type: ignore[method-assign]  # there is nothing left to stop
    new = Arcxo(tmp_path / "new/home")
    wrong = tmp_path / "wrong"
    wrong.write_text("not the password\n")
    new.text("init", "--from-media", str(bare), "--session-password-file", str(wrong), expect=4)
    plan = new.json("init", "--from-media", str(bare), "--plan", "--session-password-file", str(kit))
    assert {one["path"] for one in plan["held"]} == {str(source), str(secret)}
    assert not new.home.exists()
    try:
        protect = ("--session-password-file", str(kit))
        made = new.json("init", "--from-media", str(bare), *protect, "--password-stdin", given="caroot\n")
        assert [job["last_result"] for job in made["jobs"]] == ["finished"]
        assert len(made["first_restores"]) == 2
        numbers = {one["path"]: one["number"] for one in made["held"]}
        for directory in (source, secret):
            out = tmp_path / f"out-{directory.name}"
            protect = ("--session-password-file", str(kit))
            number = str(numbers[str(directory)])
            serial = made["held"][0]["media_serial"]
            new.text("restore", "session", serial, number, "--to", str(out), *protect, "--wait")
            assert_identical(directory, out)
        found = new.json("query", "later")
        assert [one["path"] for one in found] == [f"{source}/later"]
        assert len(new.json("session", "list")) == 3
        protected = {item["name"]: item["group"] for item in new.json("device", "list")}
        assert protected == {"media": "GROUP0", "found1": "RECOVERED"}
    finally:
        new.stop()


@pytest.mark.deep
def test_jobs_accounts_registrations_and_alerts_come_back_on_a_new_machine(tmp_path: Path) -> None:
    """Only a copy of the media is left; the password of caroot brings back what the server knew."""
    master, replica, bare = tmp_path / "master", tmp_path / "replica", tmp_path / "bare"
    for directory in (master, replica):
        directory.mkdir()
    fill(master)
    with running_home(tmp_path / "old") as old:
        local = ("--master", "localhost", "--replica", "localhost", "--root", f"{master}={replica}")
        old.text("scenario", "create", "files", *local)
        old.text("scenario", "run", "files")
        old.wait("files", "in-sync")
        old.text("account", "add", "anna", "--role", "operator", "--password-stdin", given="anna's\n")
        old.text("alert", "add", "ops", "--command", "/bin/true", "--on", "failed")
        nightly = ("--run-at", "2099-01-01T23:00:00+00:00", "--repeat", "FREQ=DAILY")
        old.text("backup", "--scenario", "files", *nightly)
        old.text("backup", "--scenario", "files", "--wait")
        assert old.json("media", "verify", old.json("media", "list")[0]["name"], "--wait")
        for pid in old.processes():
            old.kill(pid)
        shutil.copytree(old.home / "media", bare)
        shutil.rmtree(old.home)
        old.home.mkdir()
        old.stop = lambda: None  # type: ignore[method-assign]  # there is nothing left to stop
    new = Arcxo(tmp_path / "new/home")
    init = ("init", "--from-media", str(bare), "--password-stdin")
    assert "E5231" in new.text(*init, given="not it\n", expect=4)
    assert not new.home.exists()
    try:
        made = new.json(*init, given="caroot-secret\n")
        assert made["found_home"]["known"]["scenarios"] == ["files"]
        (status,) = new.json("scenario", "list")
        assert (status["scenario"]["name"], status["state"]) == ("files", "stopped")
        held = [job for job in new.json("job", "list") if job["status"] == "hold"]
        assert [job["schedule"]["repeat"] for job in held] == ["FREQ=DAILY"]
        assert {one["name"] for one in new.json("account", "list")} == {"anna", "caroot"}
        assert [one["name"] for one in new.json("alert", "list")] == ["ops"]
        # The scenario is stopped, and whole: it runs, and the job runs when it is let.
        new.text("scenario", "run", "files")
        new.wait("files", "in-sync")
        number = str(held[0]["id"])
        new.text("job", "ready", number)
        new.text("job", "run", number)
        new.text("job", "wait", number)
    finally:
        new.stop()
