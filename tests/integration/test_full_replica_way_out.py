"""A replica that has no room for what waits for it, but for what the master has by now."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.model.scenario import ReplicaState
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
