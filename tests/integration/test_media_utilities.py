"""The media utilities through the command line, the server, and the agent that compares."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.arcxo_command import Arcxo, running_home
from tests.support.bad_input import Pair, log_of
from tests.support.trees import assert_identical

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("media-utilities")]


class Backed:
    """A scenario with a session; another device in a group of its own."""

    def __init__(self, arcxo: Arcxo, place: Path) -> None:
        self.arcxo = arcxo
        self.place = place
        self.pair = Pair(arcxo, "files", place / "master", place / "replica")
        self.pair.run()
        self.pair.back_up("--verify", "compare")
        self.serial = self.pair.newest()["media_serial"]
        self.number = str(self.pair.newest()["number"])
        self.media = next(iter((arcxo.home / "media").iterdir()))


@pytest.fixture(scope="module")
def backed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backed]:
    place = tmp_path_factory.mktemp("utilities")
    (place / "master/sub").mkdir(parents=True)
    (place / "master/small").write_bytes(os.urandom(20_000))
    (place / "master/sub/note").write_text("a note")
    with running_home(place) as arcxo:
        yield Backed(arcxo, place)


def test_a_session_is_compared_with_the_replica_and_with_a_directory(backed: Backed, tmp_path: Path) -> None:
    arcxo, serial, number = backed.arcxo, backed.serial, backed.number
    same = arcxo.json("media", "compare", serial, number, "--wait")
    assert same["last_result"] == "finished", log_of(arcxo, same)
    assert same["files"] == 4
    shutil.copytree(backed.pair.master, tmp_path / "copy")
    (tmp_path / "copy/sub/note").write_text("another")
    other = arcxo.json("media", "compare", serial, number, "--with", str(tmp_path / "copy"),
                       "--contents-only", "--wait", expect=3)  # fmt: skip
    assert other["last_result"] == "incomplete"
    assert f"{backed.pair.master}/sub/note differs: size" in log_of(arcxo, other)
    arcxo.text("media", "compare", serial, "77", "--wait", expect=1)


def test_scan_lists_at_once_and_as_a_job(backed: Backed) -> None:
    arcxo = backed.arcxo
    listed = arcxo.json("media", "scan", str(backed.media), "--list")
    assert (int(backed.number), backed.serial) in [(one["number"], one["media_serial"]) for one in listed]
    job = arcxo.json("media", "scan", backed.serial, "--contents", "--wait")
    assert job["last_result"] == "finished", log_of(arcxo, job)
    assert f"Session {backed.number}: files on localhost" in log_of(arcxo, job)
    arcxo.text("media", "scan", "no such media", expect=5)


def test_a_copy_is_restored_where_the_original_is_away_and_pruned_names_come_back(
    backed: Backed, tmp_path: Path
) -> None:
    arcxo, serial, number = backed.arcxo, backed.serial, backed.number
    vault = backed.place / "vault"
    vault.mkdir()
    arcxo.text("device", "add", str(vault), "--name", "vault", "--group", "VAULT")
    arcxo.text("session", "copy", serial, number, "--wait", expect=2)
    job = arcxo.json("session", "copy", serial, number, "--group", "VAULT", "--name", "vaulted", "--wait")
    assert job["last_result"] == "finished", log_of(arcxo, job)
    (copy,) = [one for one in arcxo.json("session", "list") if one["origin_serial"] == serial]
    assert (copy["media_name"], copy["origin_number"]) == ("vaulted", int(number))
    shown = arcxo.json("session", "show", copy["media_serial"], str(copy["number"]))
    assert shown["verified_at"] is not None
    assert (shown["sequence"], shown["directories"] > 0, shown["reduction"] > 0) == (1, True, True)
    away = backed.place / "away"
    shutil.move(backed.media, away)
    try:
        arcxo.text("restore", "session", serial, number, "--to", str(tmp_path / "out"), "--wait")
        assert_identical(backed.pair.master, tmp_path / "out")
    finally:
        shutil.move(away, backed.media)

    backed.pair.back_up()
    arcxo.text("media", "prune", serial, expect=2)
    pruned = arcxo.json("media", "prune", serial, "--session", number, "--wait")
    assert pruned["last_result"] == "finished", log_of(arcxo, pruned)
    assert not arcxo.json("session", "show", serial, number)["detail"]
    arcxo.text("restore", "session", serial, number, "--to", str(tmp_path / "whole"), "--wait")
    assert_identical(backed.pair.master, tmp_path / "whole")
    merged = arcxo.json("media", "merge", serial, "--wait")
    assert merged["last_result"] == "finished", log_of(arcxo, merged)
    assert arcxo.json("session", "show", serial, number)["detail"]
