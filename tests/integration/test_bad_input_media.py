"""Damaged objects of a media: what is damaged is told by file and session, the rest stays restorable."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.arcxo_command import Arcxo, running_home, until
from tests.support.bad_input import Pair, log_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bad-media")]


class Backed:
    """A scenario backed up twice, and where its media is. Each test damages one file of it."""

    def __init__(self, arcxo: Arcxo, pair: Pair) -> None:
        self.arcxo = arcxo
        self.pair = pair
        self.serial = pair.newest()["media_serial"]
        self.sessions = sorted(one["number"] for one in arcxo.json("session", "list"))
        self.directory = next(iter((arcxo.home / "media").iterdir()))

    def verify(self, *options: str, expect: int = 1) -> str:
        """The log of a verification that must find something."""
        job = self.arcxo.json("media", "verify", self.serial, *options, "--wait", expect=expect)
        return log_of(self.arcxo, job)

    def restore(self, session: int, path: Path, to: Path, expect: int = 0) -> str:
        return self.arcxo.text(
            "restore", "session", self.serial, str(session), "--path", str(path), "--to", str(to), "--wait",
            expect=expect,
        )  # fmt: skip


@pytest.fixture(scope="module")
def backed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backed]:
    place = tmp_path_factory.mktemp("bad-media")
    (place / "master").mkdir()
    (place / "master/early").write_bytes(os.urandom(4_000_000))
    (place / "master/stays").write_bytes(os.urandom(4_000_000))
    with running_home(place) as arcxo:
        pair = Pair(arcxo, "files", place / "master", place / "replica")
        pair.run()
        pair.back_up()
        (place / "master/late").write_bytes(os.urandom(4_000_000))
        arcxo.wait("files", "in-sync")
        pair.back_up()
        yield Backed(arcxo, pair)


@pytest.fixture
def damaged(request: pytest.FixtureRequest) -> Iterator[list[tuple[Path, bytes]]]:
    """Files put back as they were after the test."""
    kept: list[tuple[Path, bytes]] = []
    yield kept
    for path, content in kept:
        path.write_bytes(content)


def _damage(path: Path, kept: list[tuple[Path, bytes]], at: int | None = None) -> None:
    content = path.read_bytes()
    kept.append((path, content))
    at = len(content) // 2 if at is None else at
    os.chmod(path, 0o600)
    path.write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])


def _pack_of_first_session(backed: Backed) -> Path:
    packs = sorted((backed.directory / "packs").rglob("*"), key=lambda one: one.stat().st_mtime_ns)
    return next(pack for pack in packs if pack.is_file() and pack.stat().st_size > 400_000)


def test_damaged_pack_is_told_by_file_and_session(
    backed: Backed, damaged: list[tuple[Path, bytes]], tmp_path: Path
) -> None:
    pack = _pack_of_first_session(backed)
    _damage(pack, damaged, at=pack.stat().st_size // 4)
    log = backed.verify("--full")
    assert pack.name in log
    hit = [name for name in ("early", "stays") if str(backed.pair.master / name) in log]
    assert len(hit) == 1, log
    # Both sessions share it; the newest as much as the first.
    assert f"sessions {', '.join(str(number) for number in backed.sessions)}" in log
    # The damaged file is not written at all, the others are restored.
    job = backed.restore(2, backed.pair.master, tmp_path / "out", expect=3)
    assert "incomplete" in job
    assert {one.name for one in (tmp_path / "out").iterdir()} == {"early", "stays", "late"} - set(hit)
    newest = max(one["id"] for one in backed.arcxo.json("job", "list"))
    log = log_of(backed.arcxo, {"id": newest})
    assert f"{backed.pair.master / hit[0]} was not restored" in log


def test_damaged_session_header_spoils_no_other_session(
    backed: Backed, damaged: list[tuple[Path, bytes]], tmp_path: Path
) -> None:
    header = next(path for path in (backed.directory / "sessions").iterdir() if path.name == "000001")
    _damage(header, damaged)
    log = backed.verify()
    assert "session 1" in log.lower()
    told = backed.restore(1, backed.pair.master, tmp_path / "one", expect=1)
    assert "failed" in told
    backed.restore(2, backed.pair.master, tmp_path / "two")
    assert (tmp_path / "two/late").read_bytes() == (backed.pair.master / "late").read_bytes()
    # A backup goes on to a new number.
    job = backed.pair.back_up()
    assert job["last_result"] == "finished"


def test_damaged_list_of_packs_is_told_and_spoils_no_other_session(
    backed: Backed, damaged: list[tuple[Path, bytes]], tmp_path: Path
) -> None:
    _damage(backed.directory / "sessions/000001.refs", damaged)
    log = backed.verify()
    assert "session 1" in log.lower()
    backed.restore(2, backed.pair.master, tmp_path / "two")
    assert (tmp_path / "two/early").read_bytes() == (backed.pair.master / "early").read_bytes()


def test_damaged_label_is_told_and_nothing_is_written_to_that_media(
    backed: Backed, damaged: list[tuple[Path, bytes]], tmp_path: Path
) -> None:
    label = backed.directory / "label"
    before = sorted(os.listdir(backed.directory / "sessions"))
    _damage(label, damaged)
    backed.arcxo.text("restore", "session", backed.serial, "2", "--path", str(backed.pair.master / "late"),
                      "--to", str(tmp_path / "out"), "--wait", expect=1)  # fmt: skip
    newest = max(one["id"] for one in backed.arcxo.json("job", "list"))
    log = log_of(backed.arcxo, {"id": newest})
    assert str(label.parent) in log or backed.serial in log
    assert sorted(os.listdir(backed.directory / "sessions")) == before
    assert until(lambda: backed.arcxo.json("media", "list"), "the list of media")
