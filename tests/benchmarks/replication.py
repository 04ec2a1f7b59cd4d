"""Synchronisation beside rsync, the latency of one change, a storm of changes."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.bench import SCENARIO, Bench, has, run, timed, timed_as_it_is
from tests.benchmarks.memory import MemoryPeak
from tests.support.trees import assert_identical

_GAP_S = 0.02
_POLL_S = 0.0005
_PATIENCE_S = 60.0
_LSYNCD_CHANGES = 15


def synchronisation(bench: Bench) -> None:
    """The first one, and one with nothing to do, by the services as the command line uses them.

    Ours ends when the replica is durable. rsync does not wait for that, so the first copy is compared twice:
    with rsync as it is, and with rsync and a `sync` after it, which promise the same.
    """
    arcxo, copy = bench.arcxo, bench.place / "rsync"
    first_rsync = timed(lambda: run("rsync", "-a", f"{bench.master}/", f"{copy}/"))
    durable_rsync = first_rsync + timed_as_it_is(lambda: run("sync", "-f", copy))
    arcxo.text(
        "scenario", "create", SCENARIO, "--master", "localhost", "--replica", "localhost",
        "--root", f"{bench.master}={bench.replica}",
    )  # fmt: skip
    services = bench.services()

    def synchronise() -> None:
        services.scenarios.run(SCENARIO)
        services.scenarios.wait(SCENARIO, "in-sync", 900)

    try:
        with MemoryPeak(arcxo) as peak:
            first = timed(synchronise)
        bench.table.add("initial synchronisation", [first], "rsync -a", [first_rsync], target=0.8)
        bench.table.add("the same", [first], "rsync -a, durable by sync", [durable_rsync], target=0.8)
        assert_identical(bench.master, bench.replica)
        ours, theirs = [], []
        for _ in range(bench.rounds):
            theirs.append(timed(lambda: run("rsync", "-a", f"{bench.master}/", f"{copy}/")))
            services.scenarios.stop(SCENARIO)
            ours.append(timed(synchronise))
        bench.table.add("synchronisation with nothing to do", ours, "rsync -a", theirs, target=1.0)
    finally:
        services.close()
    _memory(bench, "synchronisation", peak)


def latency(bench: Bench) -> None:
    """From the close of a written file on the master to its name and content on the replica."""
    delays = _delays(bench.master, bench.replica, bench.changes)
    p50, p99 = statistics.median(delays), delays[max(0, int(len(delays) * 0.99) - 1)]
    note = f"of {len(delays)} changes; worst {delays[-1]:.1f} ms"
    bench.table.add("one change seen on the replica, p50", [p50], target=20, unit="ms", note=note)
    bench.table.add("one change seen on the replica, p99", [p99], target=100, unit="ms", note=note)


def latency_of_lsyncd(bench: Bench) -> None:
    """The same with lsyncd at its quickest (delay 1 s), over a small tree of its own."""
    if not has("lsyncd"):
        return
    source, target = bench.place / "lsyncd-source", bench.place / "lsyncd-target"
    for directory in (source, target):
        directory.mkdir()
    settings = bench.place / "lsyncd.lua"
    settings.write_text(
        f'settings {{ nodaemon = true }}\nsync {{ default.rsync, source = "{source}", '
        f'target = "{target}", delay = 1 }}\n'
    )
    daemon = subprocess.Popen(["lsyncd", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(2)  # its own first synchronisation; it says nothing when that is over
        delays = _delays(source, target, _LSYNCD_CHANGES)
    finally:
        daemon.terminate()
        daemon.wait()
    note = f"delay 1 s, the least it takes; of {len(delays)} changes"
    bench.table.add("the same with lsyncd, p50", [statistics.median(delays)], unit="ms", note=note)


def _delays(source: Path, target: Path, changes: int) -> list[float]:
    """Milliseconds, sorted."""
    delays = []
    for number in range(changes):
        name = f"latency-{number % 50}"
        content = f"{number} {time.monotonic_ns()}".encode()
        (source / name).write_bytes(content)
        written = time.monotonic()
        _until(_holds(target / name, content), name)
        delays.append((time.monotonic() - written) * 1000)
        time.sleep(_GAP_S)
    return sorted(delays)


def _holds(path: Path, content: bytes) -> Callable[[], bool]:
    def look() -> bool:
        try:
            return path.read_bytes() == content
        except OSError:
            return False

    return look


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not arrive"
        time.sleep(_POLL_S)


def storm(bench: Bench) -> None:
    """Many small files at 5,000 a second, or as quickly as this machine makes them."""
    directory = bench.master / "storm"
    directory.mkdir()
    services = bench.services()
    began = time.monotonic()
    for number in range(bench.storm):
        below = directory / str(number // 1000)
        if number % 1000 == 0:
            below.mkdir()
        (below / f"{number}").write_bytes(b"%d" % number)
        ahead = number / 5000 - (time.monotonic() - began)
        if ahead > 0.01:
            time.sleep(ahead)
    created = time.monotonic() - began
    started = time.monotonic()
    try:
        services.scenarios.wait(SCENARIO, "in-sync", 600)
    finally:
        services.close()
    settled = time.monotonic() - started
    assert_identical(bench.master, bench.replica)
    rate = bench.storm / created
    bench.table.add(
        f"storm of {bench.storm:,} files: identical after the last one",
        [settled],
        target=3,
        note=f"created in {created:.1f} s, {rate:,.0f} a second",
    )


def listing(bench: Bench) -> None:
    """The start of a command and its answer."""
    times = [timed(lambda: bench.arcxo.text("scenario", "list")) for _ in range(max(3, bench.rounds))]
    bench.table.add("`scenario list`, the whole command", times, target=0.5)


def _memory(bench: Bench, work: str, peak: MemoryPeak) -> None:
    bench.table.add(
        f"peak memory of all processes, {work}",
        [peak.proportional_mb],
        unit="MB",
        target=600,
        note=peak.note,
    )
