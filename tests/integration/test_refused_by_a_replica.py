"""What a replica cannot take is shown until it can, and is sent again when that may help."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.replication.master import audit, troubles
from tests.support.capabilities import missing
from tests.support.replication_pair import Pair, until
from tests.support.trees import picture, without_folder_times

pytestmark = [pytest.mark.needs_root]


class Refusing:
    """A replica with a directory `closed`, in which nobody may make anything until it is opened."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        (pair.master / "closed").mkdir()
        pair.run(audit_minutes=1)
        pair.settle()
        self._place = str(pair.replica / "closed")
        self.close()

    def close(self) -> None:
        if subprocess.run(["chattr", "+i", self._place], check=False, capture_output=True).returncode:
            missing("a file system with chattr +i")

    def open(self) -> None:
        subprocess.run(["chattr", "-i", self._place], check=False, capture_output=True)

    def problems(self) -> list[str]:
        status = self.pair.engine.status(self.pair.id)
        return [Path(one.params["path"]).name for one in status.problems if one.code == "WR00231"]

    def refused(self, name: str, content: str = "content") -> None:
        (self.pair.master / "closed" / name).write_text(content)
        until(lambda: name in self.problems(), 10, f"the refusal of {name}")

    def taken(self, name: str, content: str = "content") -> None:
        there = self.pair.replica / "closed" / name
        until(lambda: there.exists() and there.read_text() == content, 10, f"{name} to arrive")
        until(lambda: not self.problems(), 10, "the problem to be over")


@pytest.fixture
def refusing(tmp_path: Path) -> Iterator[Refusing]:
    pair = Pair(tmp_path)
    refusing = None
    try:
        refusing = Refusing(pair)
        yield refusing
    finally:
        if refusing is not None:
            refusing.open()
        pair.close()


def test_it_is_sent_again_by_itself_and_its_problem_goes(
    refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(troubles, "AGAIN_FIRST_S", 0.2)
    monkeypatch.setattr(troubles, "AGAIN_MOST_S", 0.2)
    refusing.refused("file")
    (refusing.pair.master / "beside").write_text("beside")
    until((refusing.pair.replica / "beside").exists, 10, "what is beside it")
    refusing.open()
    refusing.taken("file")
    until(lambda: "IR00234" in refusing.pair.codes(), 10, "the event")
    codes = refusing.pair.codes()
    assert (codes.count("WR00231"), codes.count("IR00234")) == (1, 1)


def test_the_refusal_is_known_after_both_ends_began_anew(
    refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing.refused("file")
    refusing.pair.engine.close()
    refusing.pair.engine = refusing.pair.open_engine()
    until(refusing.problems, 10, "the refusal to be told of again")
    monkeypatch.setattr(troubles, "AGAIN_FIRST_S", 0.2)
    refusing.pair.connector.cut()
    refusing.open()
    refusing.pair.restart_master()
    refusing.taken("file")


def test_a_synchronisation_tries_again(refusing: Refusing) -> None:
    refusing.refused("file")
    refusing.pair.engine.synchronize(refusing.pair.id)
    until(lambda: refusing.pair.codes().count("SR00202") == 2, 10, "the synchronisation")
    refusing.pair.settle()
    assert refusing.problems() == ["file"]
    refusing.open()
    refusing.pair.engine.synchronize(refusing.pair.id)
    refusing.taken("file")


def test_an_audit_tries_again_and_calls_it_no_error_of_ours(
    refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_AGAIN_S", 0.05)
    refusing.refused("file")
    for times in (1, 2):
        refusing.pair.engine.audit_now(refusing.pair.id)
        until(lambda times=times: refusing.pair.codes().count("IR00454") >= times, 20, "an audit")
        if times == 1:
            assert refusing.problems() == ["file"]
            refusing.open()
    refusing.taken("file")
    # Of the directory itself the time could not be set, which was told, too.
    assert "WR00236" in refusing.pair.codes()
    assert "ER00450" not in refusing.pair.codes()


def test_what_is_lacking_in_a_directory_that_moves_is_sent_to_its_new_place(refusing: Refusing) -> None:
    pair = refusing.pair
    refusing.refused("file")
    refusing.open()
    (pair.master / "closed").rename(pair.master / "open")
    until((pair.replica / "open/file").exists, 10, "the file at its new path")
    until(lambda: not refusing.problems(), 10, "the problem to be over")
    pair.assert_equal()


@pytest.mark.parametrize(
    ("source", "destination"), [("out/item", "closed/item"), ("closed/inside", "out/inside")]
)
def test_a_move_that_was_refused_is_carried_out_at_both_ends(
    refusing: Refusing, monkeypatch: pytest.MonkeyPatch, source: str, destination: str
) -> None:
    monkeypatch.setattr(troubles, "AGAIN_FIRST_S", 0.2)
    monkeypatch.setattr(troubles, "AGAIN_MOST_S", 0.2)
    pair = refusing.pair
    refusing.open()
    (pair.master / "out").mkdir()
    for path in ("out/item", "closed/inside"):
        (pair.master / path).mkdir()
        (pair.master / path / "file").write_text(path)
    pair.settle()
    refusing.close()
    (pair.master / source).rename(pair.master / destination)
    until(refusing.problems, 10, "the refusal")
    refusing.open()
    until((pair.replica / destination / "file").exists, 10, "what was moved")
    until(lambda: not (pair.replica / source).exists(), 10, "its old name to go")
    until(lambda: not refusing.problems(), 10, "the problem to be over")
    pair.settle()
    # The time of the closed directory could not be set while it was.
    ours, theirs = picture(pair.master), picture(pair.replica)
    assert without_folder_times(ours) == without_folder_times(theirs)


def test_what_is_removed_on_the_master_is_no_problem_any_more(refusing: Refusing) -> None:
    refusing.refused("file")
    (refusing.pair.master / "closed/file").unlink()
    until(lambda: not refusing.problems(), 10, "the problem to be over")
    assert "IR00234" not in refusing.pair.codes(), "nothing was taken"


def test_what_is_lacking_arrives_where_a_rename_that_crossed_it_has_taken_it(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    try:
        (pair.master / "above/lost").mkdir(parents=True)
        (pair.master / "above/lost/old").write_text("old")
        pair.run()
        pair.settle()
        pair.engine.suspend(pair.id)
        (pair.master / "above/lost/new").write_text("new")
        until(lambda: pair.engine.status(pair.id).replicas[0].waiting_operations, 10, "the file")
        before = pair.engine.status(pair.id).captured_operations
        (pair.master / "above").rename(pair.master / "elsewhere")
        until(lambda: pair.engine.status(pair.id).captured_operations > before, 10, "the rename")
        shutil.rmtree(pair.replica / "above/lost")
        pair.engine.resume(pair.id)
        # It is asked for once the replica has told of it, which no barrier waits for.
        until(lambda: _alike(pair), 20, "what was lacking")
    finally:
        pair.close()


def _alike(pair: Pair) -> bool:
    """But for times of directories: those that a removal gives are changes by others, reported and left."""
    try:
        ours, theirs = picture(pair.master), picture(pair.replica)
    except FileNotFoundError:
        return False
    return without_folder_times(ours) == without_folder_times(theirs)
