"""Two whole servers write to one media, remove sessions of it and collect at once; one of them is killed."""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.arcxo_command import Arcxo
from tests.support.trees import assert_identical

pytestmark = [pytest.mark.deep, pytest.mark.timeout(3600), pytest.mark.xdist_group("two-servers")]

GROUP = ("--group", "SHARED")


class Server:
    """One home with the shared device; what it was told is on the media, by session number."""

    def __init__(self, directory: Path, shared: Path, seed: int) -> None:
        self.directory = directory
        self.chooser = random.Random(seed)
        self.arcxo = Arcxo(directory / "home", processes=True)
        directory.mkdir()
        self.arcxo.text("init", "--password-stdin", given="caroot\n")
        self.arcxo.text("group", "add", "SHARED")
        self.arcxo.text("device", "add", str(shared), "--name", "shared", *GROUP)
        self.source = directory / "source"
        self.source.mkdir()
        self.held: dict[int, Path] = {}
        self.error: BaseException | None = None

    def serial(self) -> str:
        (one,) = [one for one in self.arcxo.json("media", "list") if one["group"] == "SHARED"]
        return str(one["serial"])

    def change(self) -> None:
        for _ in range(6):
            content = bytes([self.chooser.randrange(8)]) * self.chooser.choice((3_000, 80_000, 700_000))
            (self.source / f"f{self.chooser.randrange(15)}").write_bytes(content)

    def mine(self) -> dict[int, dict[str, Any]]:
        return {
            one["number"]: one
            for one in self.arcxo.json("session", "list")
            if str(self.source) in one["entity"]
        }

    def turn(self) -> None:
        """A backup, and now and then something old goes."""
        self.change()
        kept = self.directory / f"kept{time.monotonic_ns()}"
        shutil.copytree(self.source, kept)
        before = set(self.mine())
        self.arcxo.text("backup", "--source", f"localhost:{self.source}", *GROUP, "--wait")
        (number,) = set(self.mine()) - before
        self.held[number] = kept
        if len(self.held) > 3:
            gone = self.chooser.choice(sorted(self.held)[:-1])
            del self.held[gone]
            self.arcxo.text("session", "remove", self.serial(), str(gone), "--yes", "--wait")

    def work(self, until: float) -> None:
        try:
            while time.monotonic() < until:
                self.turn()
        except BaseException as error:
            self.error = error


def test_two_servers_that_write_remove_and_collect_at_once_lose_nothing(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    seconds = float(os.environ.get("ARCXO_SECONDS") or 60)
    servers = [Server(tmp_path / name, shared, seed) for seed, name in enumerate(("one", "two"))]
    try:
        for server in servers:
            server.arcxo.start()
        servers[0].arcxo.text("media", "format", "shared", "M", "--yes", "--wait")
        servers[1].arcxo.text("device", "offline", "shared")
        servers[1].arcxo.text("device", "online", "shared")
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=server.work, args=(until,)) for server in servers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for server in servers:
            if server.error is not None:
                raise server.error
        # One dies in the middle of a backup; the other goes on without it.
        one, two = servers
        one.change()
        one.arcxo.text("backup", "--source", f"localhost:{one.source}", *GROUP)
        for pid in one.arcxo.processes():
            one.arcxo.kill(pid)
        two.turn()
        one.arcxo.start()
        one.turn()
        for server in servers:
            report = server.arcxo.text("media", "verify", server.serial(), "--full", "--wait")
            assert "finished" in report
            present = set(server.mine())
            assert set(server.held) <= present
            for number, kept in server.held.items():
                out = server.directory / "out"
                server.arcxo.text(
                    "restore", "session", server.serial(), str(number), "--to", str(out), "--wait"
                )
                assert_identical(kept, out)
                shutil.rmtree(out)
        assert len(servers[0].held) >= 2
    finally:
        for server in servers:
            server.arcxo.stop()
