"""A session is tested by restoring it: whole or a sample, encrypted or damaged, once or by a rule."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.jobs.home import home_id
from tests.support.arcxo_command import Arcxo, running_home, until
from tests.support.bad_input import Pair
from tests.support.trees import fill

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("restore-tests")]


class Backed:
    """A scenario backed up twice: session 1 plain, 2 encrypted."""

    def __init__(self, arcxo: Arcxo, place: Path) -> None:
        self.arcxo = arcxo
        self.place = place
        self.pair = Pair(arcxo, "files", place / "master", place / "replica")
        self.pair.run()
        self.pair.back_up()
        (place / "right").write_text("pässwörd of the session\n")
        (place / "wrong").write_text("wrong\n")
        self.pair.back_up("--session-password-file", str(place / "right"))
        self.serial = self.pair.newest()["media_serial"]
        self.media = next(iter((arcxo.home / "media").iterdir()))

    def test(self, *arguments: str, expect: int = 0) -> str:
        if "--scratch" not in arguments:
            arguments = (*arguments, "--scratch", str(self.place / "tmp"))
        try:
            return self.arcxo.text(
                "session", "restore-test", self.serial, *arguments, "--wait", expect=expect
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from error

    def session(self, number: int) -> dict[str, object]:
        found: dict[str, object] = self.arcxo.json("session", "show", self.serial, str(number))
        return found

    def log(self) -> str:
        newest = max(one["id"] for one in self.arcxo.json("job", "list"))
        return str(self.arcxo.json("log", "--job", str(newest)))

    def scratch(self) -> list[str]:
        """What is left where sessions were restored to."""
        return os.listdir(self.place / "tmp")


@pytest.fixture(scope="module")
def backed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backed]:
    place = tmp_path_factory.mktemp("restore-tests")
    (place / "master").mkdir()
    (place / "tmp").mkdir()
    fill(place / "master")
    (place / "master/large").write_bytes(os.urandom(3_000_000))
    with running_home(place) as arcxo:
        yield Backed(arcxo, place)


def test_a_sample_is_another_fact_than_the_whole(backed: Backed) -> None:
    before = backed.session(1)["restore_tested_at"]
    backed.test("1", "--sample", "30")
    sampled = backed.session(1)
    assert sampled["restore_tested_at"] not in (None, before)
    assert sampled["restore_tested_percent"] == 30
    assert "30 % of the files" in backed.arcxo.text("session", "show", backed.serial, "1")
    backed.test("1")
    whole = backed.session(1)
    assert whole["restore_tested_percent"] == 100
    assert str(whole["restore_tested_at"]) > str(sampled["restore_tested_at"])
    assert "N5194" in backed.log()
    assert "restore-tested" in backed.arcxo.text("session", "list")
    assert backed.scratch() == []


def test_an_encrypted_session_needs_its_password_before_a_job_is_made(backed: Backed) -> None:
    jobs = len(backed.arcxo.json("job", "list"))
    for given in ([], ["--session-password-file", str(backed.place / "wrong")]):
        backed.test("2", *given, expect=4)
    assert len(backed.arcxo.json("job", "list")) == jobs
    backed.test("2", "--session-password-file", str(backed.place / "right"))
    assert backed.session(2)["restore_tested_percent"] == 100


def test_what_does_not_come_back_is_named_and_the_fact_is_not_recorded(backed: Backed) -> None:
    before = backed.session(1)["restore_tested_at"]
    packs = backed.media / "packs"
    large = max((one for one in packs.iterdir()), key=lambda one: one.stat().st_size)
    sound = large.read_bytes()
    # The largest packs of both sessions hold the same content, sealed or not.
    damaged = {one: one.read_bytes() for one in packs.iterdir() if one.stat().st_size > len(sound) // 2}
    try:
        for path, content in damaged.items():
            middle = len(content) // 2
            path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        backed.test("1", expect=1)
    finally:
        for path, content in damaged.items():
            path.write_bytes(content)
    log = backed.log()
    assert "E5195" in log
    assert str(backed.pair.master / "large") in log
    assert backed.session(1)["restore_tested_at"] == before
    assert backed.scratch() == []


def test_what_cannot_be_is_told_before_anything_is_restored(backed: Backed, tmp_path: Path) -> None:
    backed.test("99", expect=5)
    backed.test("1", "--sample", "0", expect=2)
    backed.test("1", "--scratch", str(tmp_path / "nowhere"), expect=1)
    assert "E5197" in backed.log()
    # A directory that others may enter, where this home's own would be.
    theirs = tmp_path / f"arcxo-restore-test-{home_id(str(backed.arcxo.home))[:12]}"
    theirs.mkdir(mode=0o755)
    backed.test("1", "--scratch", str(tmp_path), expect=1)
    assert "E5197" in backed.log()
    assert list(theirs.iterdir()) == []


def test_the_newest_sessions_are_tested_by_a_rule(backed: Backed) -> None:
    job = backed.arcxo.json(
        "session", "restore-test", backed.serial, "--sample", "10",
        "--scratch", str(backed.place / "tmp"),
        "--session-password-file", str(backed.place / "right"), "--repeat", "FREQ=DAILY",
    )["id"]  # fmt: skip
    until(lambda: backed.arcxo.json("job", "show", str(job))["last_result"] == "finished", "the test", 60)
    shown = backed.arcxo.json("job", "show", str(job))
    assert shown["status"] == "ready"
    assert shown["execution_at"] is not None
    backed.arcxo.text("job", "delete", str(job))


def test_what_a_killed_test_left_is_removed_by_the_next(backed: Backed) -> None:
    place = backed.place / f"tmp/arcxo-restore-test-{home_id(str(backed.arcxo.home))[:12]}"
    (place / "999999-00000000/inner").mkdir(parents=True)
    place.chmod(0o700)
    (place / "999999-00000000/inner/file").write_text("left")
    os.chmod(place / "999999-00000000/inner", 0)
    backed.test("1", "--sample", "20")
    assert backed.scratch() == []
