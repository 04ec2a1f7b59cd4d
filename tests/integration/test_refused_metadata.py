"""What a replica has, but for metadata that its file system or its rights refuse: said alike everywhere."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.replication.master import audit, troubles
from tests.support.capabilities import missing
from tests.support.replication_pair import Pair, until

pytestmark = [pytest.mark.needs_root]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """Whose replica lies on a file system without extended attributes."""
    pair = Pair(tmp_path)
    made = subprocess.run(
        ["mount", "-t", "ramfs", "none", str(pair.replica)], check=False, capture_output=True
    )
    try:
        if made.returncode:
            missing("ramfs, which has no extended attributes")
        yield pair
    finally:
        pair.close()
        subprocess.run(["umount", "-l", str(pair.replica)], check=False, capture_output=True)


def attribute(path: Path) -> None:
    try:
        os.setxattr(path, "user.a", b"1")
    except OSError:
        missing("extended attributes on the master's file system")


def problems(pair: Pair) -> list[tuple[str, str]]:
    found = pair.engine.status(pair.id).problems
    return [(Path(os.fsdecode(one.path)).name, one.code) for one in found]


def differences(pair: Pair) -> list[tuple[bytes, str]]:
    report = pair.engine.difference(pair.id, "localhost")
    items = pair.engine.report(pair.id, report.id).items
    return [(os.path.basename(item.path), item.change.value) for item in items if not item.in_flight]


def change(pair: Pair) -> int:
    return pair.replica_engine._replica(pair.id).applier.store.index.position.change


def test_synchronisation_state_difference_and_audit_agree(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_AGAIN_S", 0.05)
    (pair.master / "tagged").write_text("content")
    attribute(pair.master / "tagged")
    (pair.master / "plain").write_text("plain")
    pair.run(audit_minutes=1)
    pair.settle()
    assert problems(pair) == [("tagged", "WR00236")]
    assert (pair.replica / "tagged").read_text() == "content"
    assert differences(pair) == [(b"tagged", "metadata")]
    pair.engine.audit_now(pair.id)
    until(lambda: "IR00454" in pair.codes(), 20, "an audit")
    assert "ER00450" not in pair.codes()
    pair.engine.synchronize(pair.id)
    until(lambda: pair.codes().count("SR00202") == 2, 10, "the synchronisation")
    pair.settle()
    assert problems(pair) == [("tagged", "WR00236")]
    assert pair.engine.status(pair.id).replicas[0].in_sync_at is None
    os.removexattr(pair.master / "tagged", "user.a")
    pair.settle()
    assert problems(pair) == []
    pair.assert_equal()
    assert differences(pair) == []


def tagged(pair: Pair, size: int = 1) -> None:
    """Replicating, with a file of which the attribute was refused."""
    pair.run()
    (pair.master / "tagged").write_bytes(os.urandom(size))
    attribute(pair.master / "tagged")
    until(lambda: problems(pair) == [("tagged", "WR00236")], 10, "the problem")


def test_trying_again_is_no_operation_to_rewind_over(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(troubles, "AGAIN_FIRST_S", 0.05)
    monkeypatch.setattr(troubles, "AGAIN_MOST_S", 0.05)
    tagged(pair)
    pair.settle()
    before, recorded = change(pair), pair.engine.status(pair.id).captured_operations
    until(lambda: pair.engine.status(pair.id).captured_operations > recorded + 1, 10, "further tries")
    assert change(pair) == before
    assert pair.codes().count("WR00236") == 1


def test_a_change_of_it_is_sent_like_any_other(pair: Pair) -> None:
    tagged(pair, 1 << 20)
    inode = (pair.replica / "tagged").stat().st_ino
    (pair.master / "tagged").chmod(0o604)
    until(lambda: (pair.replica / "tagged").stat().st_mode & 0o777 == 0o604, 10, "the new permissions")
    assert (pair.replica / "tagged").stat().st_ino == inode
    assert problems(pair) == [("tagged", "WR00236")]


def test_it_goes_where_the_file_goes(pair: Pair) -> None:
    tagged(pair)
    (pair.master / "tagged").rename(pair.master / "moved")
    until(lambda: problems(pair) == [("moved", "WR00236")], 10, "the problem at the new path")
    (pair.master / "moved").unlink()
    until(lambda: problems(pair) == [], 10, "the problem to go with the file")


def test_it_is_known_after_both_ends_began_anew(pair: Pair) -> None:
    pair.run()
    (pair.master / "tagged").write_text("1")
    attribute(pair.master / "tagged")
    until(lambda: problems(pair), 10, "the problem")
    pair.restart_master()
    until(lambda: problems(pair) == [("tagged", "WR00236")], 10, "the problem to be told of again")


def test_of_a_directory_it_says_nothing_of_what_is_in_it(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_AGAIN_S", 0.05)
    (pair.master / "folder").mkdir()
    attribute(pair.master / "folder")
    (pair.master / "folder/file").write_text("right")
    pair.run(audit_minutes=1)
    pair.settle()
    assert problems(pair) == [("folder", "WR00236")]
    place = pair.replica / "folder/file"
    status = place.stat()
    place.write_text("wrong")
    os.utime(place, ns=(status.st_mtime_ns, status.st_mtime_ns))
    pair.engine.audit_now(pair.id)
    until(lambda: "SR00452" in pair.codes(), 20, "an audit to mend it")
    assert place.read_text() == "right"
    told = [event.params["path"] for event in pair.events.newer_than(0) if event.code == "ER00450"]
    assert told == [str(pair.master / "folder/file")]


def test_it_is_set_once_that_is_possible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(troubles, "AGAIN_FIRST_S", 0.1)
    monkeypatch.setattr(troubles, "AGAIN_MOST_S", 0.1)
    pair = Pair(tmp_path)
    place = pair.replica / "file"
    try:
        (pair.master / "file").write_text("1")
        pair.run()
        if subprocess.run(["chattr", "+i", str(place)], check=False, capture_output=True).returncode:
            missing("a file system with chattr +i")
        (pair.master / "file").chmod(0o600)
        until(lambda: problems(pair) == [("file", "WR00236")], 10, "the problem")
        subprocess.run(["chattr", "-i", str(place)], check=True)
        until(lambda: problems(pair) == [], 10, "the problem to be over")
        assert "IR00234" in pair.codes()
        pair.assert_equal()
    finally:
        subprocess.run(["chattr", "-i", str(place)], check=False, capture_output=True)
        pair.close()
