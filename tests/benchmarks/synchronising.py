"""Synchronisation by blocks of one large file, and of a million small files: bytes, memory, idle time."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from app.model.scenario import NewScenario, ReplicaSpec, Root, ScenarioProperties, SyncMethod
from app.services.api import Services
from tests.benchmarks.bench import Bench, run, timed
from tests.benchmarks.memory import MemoryPeak

_BLOCK = 65_536
_PART = 16 << 20
_FILES_PER_DIRECTORY = 100
_IDLE_S = 60.0
_REST_S = 60.0


def blocks(bench: Bench) -> None:
    """A large file of which one block in a hundred changed while the scenario was stopped."""
    place = bench.place / "blocks"
    path = place / "master/big"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        for _ in range(bench.big_bytes // _PART):
            file.write(os.urandom(_PART))
    services = bench.services()
    try:
        _create(services, "blocks", place, SyncMethod.BLOCK)
        _synchronise(services, "blocks")
        services.scenarios.stop("blocks")
        run("cp", "-p", path, place / "copy")
        count = bench.big_bytes // _BLOCK
        with path.open("r+b") as file:
            for block in random.Random(1).sample(range(count), count // 100):
                file.seek(block * _BLOCK + 1000)
                file.write(os.urandom(100))
        seconds = timed(lambda: _synchronise(services, "blocks"))
        sent = services.scenarios.show("blocks").replicas[0].sent_bytes
        theirs = timed(lambda: run("rsync", "-a", "--inplace", "--no-whole-file", path, place / "copy"))
        services.scenarios.stop("blocks")
    finally:
        services.close()
    note = f"a file of {bench.big_bytes >> 20:,} MiB, 1 % of its blocks changed"
    bench.table.add("synchronisation by blocks", [seconds], "rsync -a", [theirs], note=note)
    share = sent / bench.big_bytes * 100
    bench.table.add("bytes sent for it, of those it has", [share], target=1.5, unit="%", note=note)


def million(bench: Bench) -> None:
    """Very many small files: how long, how much memory, and the processor when nothing happens."""
    place = bench.place / "million"
    for number in range(bench.many // _FILES_PER_DIRECTORY):
        directory = place / "master" / f"{number // 100:04}" / f"{number:06}"
        directory.mkdir(parents=True)
        for name in range(_FILES_PER_DIRECTORY):
            (directory / f"file-{name:03}.txt").write_bytes(b"%d/%d\n" % (number, name))
    work = f"{bench.many:,} small files"
    services = bench.services()
    try:
        _create(services, "million", place, SyncMethod.FILE)
        with MemoryPeak(bench.arcxo) as peak:
            first = timed(lambda: _synchronise(services, "million"))
        bench.table.add(f"{work}: initial synchronisation", [first])
        bench.table.add(f"{work}: peak memory", [peak.proportional_mb], target=600, unit="MB", note=peak.note)
        time.sleep(_REST_S)
        before = _processor_s(bench)
        time.sleep(_IDLE_S)
        idle = (_processor_s(bench) - before) / _IDLE_S * 100
        bench.table.add(f"{work}: all processes when idle", [idle], target=1, unit="% of a core")
        services.scenarios.stop("million")
        bench.table.add(f"{work}: nothing to do", [timed(lambda: _synchronise(services, "million"))])
        services.scenarios.stop("million")
    finally:
        services.close()


def _create(services: Services, name: str, place: Path, method: SyncMethod) -> None:
    services.scenarios.create(
        NewScenario(
            name,
            "localhost",
            (ReplicaSpec("localhost", (os.fsencode(place / "replica"),)),),
            (Root(os.fsencode(place / "master")),),
            properties=ScenarioProperties(sync=method),
        )
    )


def _synchronise(services: Services, name: str) -> None:
    services.scenarios.run(name)
    services.scenarios.wait(name, "in-sync", 3600)


def _processor_s(bench: Bench) -> float:
    ticks = 0
    for pid in bench.arcxo.processes():
        if pid != os.getpid():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
