"""Sessions are removed by command: the plan first, then exactly that; everything else stays restorable."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.arcxo_command import Arcxo, running_home
from tests.support.bad_input import Pair, log_of
from tests.support.trees import assert_identical

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("purge-media")]


class Backed:
    """A scenario backed up three times; a large file is new in the second session only."""

    def __init__(self, arcxo: Arcxo, place: Path) -> None:
        self.arcxo = arcxo
        self.pair = Pair(arcxo, "files", place / "master", place / "replica")
        self.pair.run()
        self.pair.back_up()
        self.serial = self.pair.newest()["media_serial"]
        self.media = next(iter((arcxo.home / "media").iterdir()))

    def back_up_thrice(self) -> list[int]:
        """Numbers of three new sessions; only the second has a large file."""
        known = set(self.numbers())
        self.pair.back_up()
        (self.pair.master / "large").write_bytes(os.urandom(3_000_000))
        self.arcxo.wait("files", "in-sync")
        self.pair.back_up()
        (self.pair.master / "large").unlink()
        self.arcxo.wait("files", "in-sync")
        self.pair.back_up()
        return sorted(set(self.numbers()) - known)

    def object_bytes(self) -> int:
        return sum(
            path.stat().st_size
            for folder in ("packs", "index", "sessions")
            for path in (self.media / folder).iterdir()
            if not path.name.endswith(".removed")
        )

    def numbers(self) -> list[int]:
        return sorted(one["number"] for one in self.arcxo.json("session", "list"))


@pytest.fixture(scope="module")
def backed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backed]:
    place = tmp_path_factory.mktemp("purge-media")
    (place / "master").mkdir()
    (place / "master/small").write_bytes(os.urandom(20_000))
    with running_home(place) as arcxo:
        yield Backed(arcxo, place)


def test_a_session_is_removed_after_its_plan(backed: Backed, tmp_path: Path) -> None:
    arcxo, serial = backed.arcxo, backed.serial
    first, second, third = backed.back_up_thrice()
    middle, kept = str(second), [number for number in backed.numbers() if number != second]
    before = backed.object_bytes()
    plan = arcxo.json("session", "remove", serial, middle, "--plan")
    assert plan["sessions"] == [second]
    assert plan["frees_bytes"] > 3_000_000
    told = arcxo.text("session", "remove", serial, middle, expect=2)
    assert f"{plan['frees_bytes']:,} bytes" in told
    assert "E1102" in told
    assert backed.object_bytes() == before
    job = arcxo.json("session", "remove", serial, middle, "--yes", "--wait")
    assert job["last_result"] == "finished", log_of(arcxo, job)
    assert before - backed.object_bytes() == plan["frees_bytes"]
    assert backed.numbers() == kept
    large = str(backed.pair.master / "large")
    assert arcxo.json("query", "large") == []
    arcxo.text(
        "restore", "session", serial, middle, "--path", large, "--to", str(tmp_path), "--wait", expect=5
    )
    for number in (str(first), str(third)):
        out = tmp_path / number
        arcxo.text("restore", "session", serial, number, "--path", str(backed.pair.master),
                   "--to", str(out), "--wait")  # fmt: skip
        assert (out / "small").read_bytes() == (backed.pair.master / "small").read_bytes()
    arcxo.json("media", "verify", serial, "--full", "--wait")
    # A session that is gone is told as such, and so is one that never was.
    arcxo.text("session", "remove", serial, middle, "--yes", expect=5)
    arcxo.text("session", "remove", serial, "99", "--plan", expect=5)


def test_old_sessions_are_purged_but_the_newest_of_a_volume_stays(backed: Backed, tmp_path: Path) -> None:
    arcxo, serial = backed.arcxo, backed.serial
    backed.back_up_thrice()
    arcxo.text("media", "purge", serial, "--before", "2100-01-01", expect=2)
    plan = arcxo.json("media", "purge", serial, "--before", "2100-01-01", "--plan")
    newest = max(backed.numbers())
    assert newest not in plan["sessions"]
    job = arcxo.json("media", "purge", serial, "--before", "2100-01-01", "--yes", "--wait")
    assert job["last_result"] == "finished", log_of(arcxo, job)
    assert backed.numbers() == [newest]
    backed.pair.restore(tmp_path / "out")
    assert_identical(backed.pair.master, tmp_path / "out")
    # Nothing more to do is no error, and the next backup builds on what is left.
    assert arcxo.json("media", "purge", serial, "--plan")["frees_bytes"] == 0
    assert backed.pair.back_up()["last_result"] == "finished"
