"""What goes with a scenario: its replicas' rewind logs and kept edits, unless they are to be kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.arcxo_command import Arcxo, running_home, until
from tests.support.bad_input import Pair

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("deleting")]


@pytest.fixture(scope="module")
def arcxo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arcxo]:
    with running_home(tmp_path_factory.mktemp("deleting")) as made:
        yield made


def _scenario(arcxo: Arcxo, base: Path, name: str) -> tuple[Pair, int]:
    master = base / "master"
    master.mkdir()
    (master / "file").write_bytes(b"first")
    pair = Pair(arcxo, name, master, base / "replica")
    arcxo.text("scenario", "set", name, "drift=revert")
    pair.run()
    (master / "file").write_bytes(os.urandom(200_000))
    arcxo.wait(name, "in-sync")
    assert pair.back_up()["last_result"] == "finished"
    (pair.replica / "file").write_bytes(b"edited on the replica")
    until(lambda: arcxo.json("scenario", "drift", name)[0]["kept"], "the edit to be kept")
    # In sync is about what was written on the master: putting back may follow it.
    until(lambda: (pair.replica / "file").stat().st_size == 200_000, "the edit to be put back")
    pair.in_sync()
    return pair, int(pair.status()["scenario"]["id"])


def _left(arcxo: Arcxo, number: int) -> list[Path]:
    """What is there of a scenario on this host."""
    engine = arcxo.home / "engine"
    return [path for path in engine.glob(f"*/{number}*") if path.exists()]


def test_nothing_is_left_of_a_deleted_scenario_but_its_directories(arcxo: Arcxo, tmp_path: Path) -> None:
    pair, number = _scenario(arcxo, tmp_path, "all")
    assert {"replica", "side", "master"} <= {path.parent.name for path in _left(arcxo, number)}
    # While it runs it is not deleted, and nothing of it goes.
    assert "ER00118" in arcxo.text("scenario", "delete", "all", "--yes", expect=6)
    assert (arcxo.home / f"engine/replica/{number}/undo").is_dir()
    pair.stop()
    told = arcxo.text("scenario", "delete", "all", expect=2)
    assert "E1102" in told
    deleted = arcxo.json("scenario", "delete", "all", "--yes")
    assert deleted["left_behind"] == []
    assert _left(arcxo, number) == []
    assert (pair.replica / "file").read_bytes() == (pair.master / "file").read_bytes()
    assert arcxo.json("scenario", "leftovers")["found"] == []


def test_what_is_to_be_kept_stays_until_it_is_removed(arcxo: Arcxo, tmp_path: Path) -> None:
    pair, number = _scenario(arcxo, tmp_path, "kept")
    told = arcxo.text("scenario", "leftovers", "--remove", str(number), "--yes", expect=6)
    assert "E1180" in told
    pair.stop()
    told = arcxo.text("scenario", "delete", "kept", "--keep-rewind", "--yes")
    assert f"--remove {number}" in told
    (left,) = arcxo.json("scenario", "leftovers")["found"]
    assert (left["scenario_id"], left["scenario"], left["kept_edits"]) == (number, "kept", 1)
    assert left["rewind_bytes"] > 0
    assert left["kept_bytes"] == len(b"edited on the replica")
    # A new scenario may have the same directory: the old rewind log is of no use to it.
    arcxo.text("scenario", "leftovers", "--remove", str(number), "--yes")
    assert arcxo.json("scenario", "leftovers")["found"] == []
    assert _left(arcxo, number) == []
