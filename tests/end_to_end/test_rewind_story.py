"""Rewinding by command on real processes: points by path and time, plans, replicating back, a kill."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.arcxo_command import ARCXO, Arcxo, running_home, until
from tests.support.trees import picture as whole_picture

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rewind")]


def picture(directory: Path) -> dict[bytes, tuple[object, ...]]:
    """What is there but for what the product keeps in it."""
    return {path: entry for path, entry in whole_picture(directory).items() if b".arcxo-" not in path}


@pytest.fixture
def arcxo(tmp_path: Path) -> Iterator[Arcxo]:
    master = tmp_path / "master"
    for number in range(400):
        (master / f"d{number % 20}").mkdir(parents=True, exist_ok=True)
        (master / f"d{number % 20}/f{number}").write_bytes(b"%d\n" % number * 200)
    with running_home(tmp_path) as made:
        made.text(
            "scenario", "create", "files", "--master", "localhost", "--replica", "localhost",
            "--root", f"{master}={tmp_path / 'replica'}", "--brake", "off",
        )  # fmt: skip
        made.text("scenario", "run", "files")
        made.wait("files", "in-sync", 120)
        yield made


def test_rewind_by_command(arcxo: Arcxo, tmp_path: Path) -> None:
    master, replica = tmp_path / "master", tmp_path / "replica"
    arcxo.text("scenario", "bookmark", "files", "good")
    good = picture(master)
    shutil.rmtree(master / "d3")
    (master / "d4/f4").write_text("damaged")
    (master / "added").write_text("added")
    arcxo.wait("files", "in-sync", 60)

    points = arcxo.json(
        "scenario", "rewind-points", "files", "--path", str(master / "d4"), "--kind", "operation"
    )
    assert {point["path"] for point in points} >= {str(master / "d4/f4")}
    assert all(point["path"].startswith(str(master / "d4")) for point in points)
    page = arcxo.json("scenario", "rewind-points", "files", "--limit", "3")
    behind = arcxo.json("scenario", "rewind-points", "files", "--limit", "3", "--after", page[-1]["id"])
    assert not {point["id"] for point in page} & {point["id"] for point in behind}
    late = arcxo.json("scenario", "rewind-points", "files", "--since", "2100-01-01T00:00:00Z")
    assert late == []

    refused = arcxo.text("scenario", "rewind", "files", "--to", "good", expect=6)
    assert "E1130" in refused
    arcxo.text("scenario", "stop", "files")
    damaged = picture(master)
    before = [point["id"] for point in points if point["path"] == str(master / "d4/f4")][-1]
    one = arcxo.json(
        "scenario", "rewind", "files", "--to", f"before:{before}", "--path", str(master / "d4/f4"), "--plan"
    )
    assert [item["path"] for item in one["items"]] == [str(master / "d4/f4")]

    plan = arcxo.json("scenario", "rewind", "files", "--to", "good", "--replicate-back", "--plan")
    assert picture(master) == damaged == picture(replica)
    assert plan["master"]["counts"] == plan["counts"]
    done = arcxo.json("scenario", "rewind", "files", "--to", "good", "--replicate-back")
    assert picture(master) == picture(replica) == good
    assert done["master"]["counts"] == plan["master"]["counts"]
    kept = Path(done["master"]["kept_in"][0])
    assert (kept / "added").read_text() == "added"
    assert (kept / "d4/f4").read_text() == "damaged"
    arcxo.text("scenario", "run", "files")
    arcxo.wait("files", "in-sync", 60)
    status = arcxo.json("scenario", "show", "files")
    assert status["replicas"][0]["synchronized_bytes"] == 0
    assert picture(master) == picture(replica) == good


@pytest.mark.deep
def test_an_agent_killed_while_rewinding_leaves_one_state_or_the_other(arcxo: Arcxo, tmp_path: Path) -> None:
    master, replica = tmp_path / "master", tmp_path / "replica"
    arcxo.text("scenario", "bookmark", "files", "good")
    good = picture(master)
    for number in range(3000):
        (master / f"d{number % 20}/g{number}").write_bytes(b"x" * 100)
    arcxo.wait("files", "in-sync", 120)
    arcxo.text("scenario", "stop", "files")
    full = picture(replica)
    rewinding = subprocess.Popen(
        [*ARCXO, "--home", str(arcxo.home), "scenario", "rewind", "files", "--to", "good"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    until(
        lambda: (
            rewinding.poll() is not None or len(os.listdir(replica / "d1")) < len(os.listdir(master / "d1"))
        ),
        "the rewind to be half-way",
    )
    roles = arcxo.processes("role_main")
    arcxo.kill(next(pid for pid, command in roles.items() if " replica " in command))
    rewinding.communicate(timeout=120)
    until(
        lambda: "good" in arcxo.text("scenario", "rewind-points", "files", "--kind", "bookmark"), "the agent"
    )
    assert picture(replica) in (good, full)
    arcxo.text("scenario", "rewind", "files", "--to", "good")
    assert picture(replica) == good
