"""What replication costs while nothing changes, and how long its watches take to be set."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from app.replication.capture import Unwatched, open_source
from tests.benchmarks.bench import Bench

_MEASURED_S = 60.0
_SETTLED_S = 10.0


def idle(bench: Bench) -> None:
    """CPU of the master's and the replica's process over a minute without a change, and of all processes."""
    time.sleep(_SETTLED_S)
    before = _cpu_seconds(bench)
    time.sleep(_MEASURED_S)
    after = _cpu_seconds(bench)
    spent = {name: after[name] - before.get(name, 0.0) for name in after}
    roles = sum(seconds for name, seconds in spent.items() if "role" in name)
    note = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in sorted(spent.items()))
    bench.table.add(
        "CPU of master and replica process while nothing changes, of one core",
        [100 * roles / _MEASURED_S],
        target=1,
        unit="%",
        note=note,
    )
    bench.table.add("time to set all watches", [_arming(bench.master)], note=_directories(bench.master))


def _cpu_seconds(bench: Bench) -> dict[str, float]:
    found: dict[str, float] = {}
    tick = os.sysconf("SC_CLK_TCK")
    for pid in bench.arcxo.processes():
        if pid == os.getpid():
            continue
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        found[_name(command)] = found.get(_name(command), 0.0) + (int(fields[11]) + int(fields[12])) / tick
    return found


def _name(command: str) -> str:
    words = command.split()
    if "app.agent.role_main" in words:
        return f"{words[words.index('app.agent.role_main') + 3]} role"
    if "app.agent.main" in words:
        return "agent"
    if "server" in words:
        return "server"
    return "other"


def _arming(root: Path) -> float:
    with tempfile.TemporaryDirectory() as cookies:
        source = open_source(os.fsencode(root), os.fsencode(cookies), _Deaf())
        began = time.monotonic()
        source.start()
        took = time.monotonic() - began
        source.close()
    return took


def _directories(root: Path) -> str:
    return f"{sum(1 for _ in os.walk(root)):,} directories"


class _Deaf:
    """A listener that wants to know nothing."""

    def changed(self, path: bytes, *, content: bool, settled: bool) -> None:
        pass

    def tree_changed(self, path: bytes) -> None:
        pass

    def left(self, path: bytes) -> None:
        pass

    def moved(self, path: bytes, new_path: bytes, *, directory: bool) -> None:
        pass

    def cookie(self, name: bytes) -> None:
        pass

    def unwatched(self, directory: Unwatched) -> None:
        raise AssertionError(directory)

    def overflowed(self) -> None:
        pass

    def doubtful(self) -> None:
        pass

    def root_lost(self, cause: str) -> None:
        raise AssertionError(cause)

    def excluded(self, _path: bytes) -> bool:
        return False
