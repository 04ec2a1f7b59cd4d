"""Replicas on other hosts become sessions here; what the media has does not cross the wire."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.agent.run import spawn_agent, stop_agent
from tests.support.arcxo_command import Arcxo
from tests.support.trees import assert_identical, fill, picture, without_folder_times

pytestmark = pytest.mark.slow


class Office:
    """A server here, a master and a replica with homes of their own."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.server = Arcxo(base / "central")
        self.server.text("init", "--password-stdin", given="caroot-secret\n")
        self.agents = {}
        for name in ("hq", "branch"):
            home = Arcxo(base / name)
            home.text("agent", "init", "--password-stdin", given=f"of {name}\n")
            self.agents[name] = home
            address = spawn_agent(str(home.home)).address
            arguments = ["--user", "caroot", "--accept-fingerprint", "--password-stdin"]
            self.server.text("host", "add", name, address, *arguments, given=f"of {name}\n")
        self.data, self.copy = base / "data", base / "copy"
        self.data.mkdir()
        fill(self.data)
        root = f"{self.data}={self.copy}"
        self.server.text(
            "scenario", "create", "shared", "--master", "hq", "--replica", "branch", "--root", root
        )
        self.server.text("scenario", "run", "shared")
        self.server.start()
        self.server.wait("shared", "in-sync")

    def back_up(self, *arguments: str, expect: int = 0) -> None:
        self.server.text("backup", "--scenario", "shared", "--wait", *arguments, expect=expect)

    def newest(self) -> dict[str, object]:
        found: list[dict[str, object]] = self.server.json("session", "list")
        return max(found, key=lambda session: int(str(session["number"])))

    def stop(self) -> None:
        self.server.stop()
        for home in self.agents.values():
            stop_agent(str(home.home))


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    made = Office(tmp_path_factory.mktemp("office"))
    yield made
    made.stop()


def test_a_replica_there_becomes_a_session_here_and_comes_back(office: Office, tmp_path: Path) -> None:
    office.back_up()
    first = office.newest()
    assert (first["machine"], first["replica"]) == ("hq", "branch")
    (office.data / "big").write_bytes(os.urandom(3_000_000))
    office.server.wait("shared", "in-sync")
    office.back_up("--verify", "compare")
    second = office.newest()
    assert second["number"] != first["number"]
    assert 3_000_000 < int(str(second["stored_bytes"])) < 3_200_000
    media, number = str(second["media_name"]), str(second["number"])
    office.server.text(
        "restore", "session", media, number, "--to", str(tmp_path / "out"), "--structure", "none", "--wait"
    )
    found = next((tmp_path / "out").rglob("big")).parent
    assert_identical(office.data, found)


def test_a_session_goes_back_to_the_replica_the_master_and_any_directory_there(
    office: Office, tmp_path: Path
) -> None:
    (office.data / "victim").write_text("as it was")
    office.server.wait("shared", "in-sync")
    office.back_up()
    newest = office.newest()
    session = ["restore", "session", str(newest["media_name"]), str(newest["number"])]
    (office.data / "victim").write_text("spoilt")
    office.server.wait("shared", "in-sync")
    office.server.text(*session, "--to", "original-replica", "--path", str(office.data / "victim"), "--wait")
    assert (office.copy / "victim").read_text() == "as it was"
    assert (office.data / "victim").read_text() == "spoilt"
    office.server.text(*session, "--to", "original-master", "--path", str(office.data / "victim"), "--wait")
    assert (office.data / "victim").read_text() == "as it was"
    place = tmp_path / "elsewhere"
    plan = office.server.json(*session, "--to", f"branch:{place}", "--structure", "none", "--plan")
    assert plan["counts"]["create"] > 0
    assert not place.exists()
    office.server.text(*session, "--to", f"branch:{place}", "--structure", "none", "--wait")
    found = next(place.rglob("victim")).parent
    assert without_folder_times(picture(found)) == without_folder_times(picture(office.data))
    office.server.text("scenario", "run", "shared")
    office.server.wait("shared", "in-sync")


def test_an_encrypted_backup_is_sealed_before_it_leaves(office: Office, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("of the session\n")
    secret = b"nobody on the wire may read this" * 50
    (office.data / "secret").write_bytes(secret)
    office.server.wait("shared", "in-sync")
    office.back_up("--session-password-file", str(password))
    assert office.newest()["encrypted"]
    media = next(path for path in (office.server.home / "media").iterdir() if (path / "label").exists())
    assert not any(secret[:32] in path.read_bytes() for path in (media / "packs").iterdir())


@pytest.mark.deep
def test_a_replica_that_is_away_fails_the_job_and_is_named(office: Office) -> None:
    home = str(office.agents["branch"].home)
    before = len(office.server.json("session", "list"))
    address = spawn_agent(home).address
    stop_agent(home)
    try:
        office.back_up(expect=1)
        assert len(office.server.json("session", "list")) == before
        assert "AE0463" in office.server.text("log", "--type", "errors")
    finally:
        spawn_agent(home, address)
    office.server.wait("shared", "in-sync")
    office.back_up()
