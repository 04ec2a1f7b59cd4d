"""A replica that has no room for what waits for it, but for what the master has by now."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.model.scenario import ReplicaState
from app.replication.master import connection
from tests.support.replication_pair import Pair, until
from tests.support.volumes import mounted_tmpfs

pytestmark = [pytest.mark.needs_root]


def test_a_synchronisation_compares_instead_of_sending_what_there_is_no_room_for(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    with mounted_tmpfs(pair.replica, "8m"):
        try:
            (pair.master / "small").write_text("small")
            pair.run()
            pair.settle()
            (pair.master / "large").write_bytes(os.urandom(16 << 20))
            (pair.master / "small").write_text("later")
            until(
                lambda: pair.engine.status(pair.id).replicas[0].state is ReplicaState.PROBLEM, 20, "full disk"
            )
            (pair.master / "large").unlink()
            pair.engine.synchronize(pair.id)
            until(lambda: (pair.replica / "small").read_text() == "later", 20, "the way out")
            pair.settle()
            assert not (pair.replica / "large").exists()
        finally:
            pair.close()


def _without_room(pair: Pair) -> None:
    """Run it, of a file that has no room there."""
    (pair.master / "large").write_bytes(os.urandom(16 << 20))
    pair.create()
    pair.engine.run(pair.id)
    until(lambda: pair.engine.status(pair.id).replicas[0].state is ReplicaState.PROBLEM, 20, "full disk")


def test_synchronisations_that_find_no_room_are_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BACK_OFF_MOST_S", 0.05)
    monkeypatch.setattr(connection, "FRUITLESS_MOST_S", 0.05)
    pair = Pair(tmp_path)
    with mounted_tmpfs(pair.replica, "8m"):
        try:
            _without_room(pair)
            until(lambda: len(pair.connector.links) >= 5, 20, "several tries")
            codes = pair.codes()
            assert [codes.count(code) for code in ("IR00119", "ER00204", "SR00202")] == [1, 1, 0]
            (pair.master / "large").write_text("small")
            pair.wait()
            pair.assert_equal()
            until(lambda: "SR00207" in pair.codes(), 10, "that it is over")
            assert pair.codes().count("SR00202") == 1
        finally:
            pair.close()


@pytest.mark.parametrize("ask", ["synchronize", "resume"])
def test_people_who_made_room_need_not_wait_for_the_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    monkeypatch.setattr(connection, "BACK_OFF_FIRST_S", 600.0)
    pair = Pair(tmp_path)
    with mounted_tmpfs(pair.replica, "8m"):
        try:
            _without_room(pair)
            (pair.master / "large").write_text("small")
            getattr(pair.engine, ask)(pair.id)
            pair.wait()
            pair.assert_equal()
        finally:
            pair.close()
