"""Run the benchmarks: synchronisation, latency, backup and restore, each beside its peer.

    python -m tests.benchmarks [--files 60000] [--megabytes 1400] [--changes 500] [--place DIR] [--json FILE]

Ratios are what counts: absolute times swing with the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.data import copy_files
from tests.support.arcxo_command import Arcxo, running_home
from tests.support.trees import assert_identical


class Table:
    """Rows of (work, ours, peer, peer's time)."""

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []

    def add(
        self, work: str, ours: float, peer: str = "", theirs: float | None = None, note: str = ""
    ) -> None:
        ratio = round(ours / theirs, 2) if theirs else None
        row = {"work": work, "ours_s": round(ours, 3), "peer": peer, "peer_s": theirs and round(theirs, 3)}
        self.rows.append({**row, "ratio": ratio, "note": note})
        beside = f"  {peer} {theirs:.2f} s  ratio {ratio}" if theirs else ""
        print(f"{work:48} {ours:8.2f} s{beside}  {note}", flush=True)


def timed(action: Callable[[], object]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


def run(*command: str | Path, **environment: str) -> None:
    subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, env={**os.environ, **environment}
    )


def synchronisation(table: Table, arcxo: Arcxo, place: Path) -> None:
    master, replica = place / "master", place / "replica"
    rsync = timed(lambda: run("rsync", "-a", f"{master}/", f"{place / 'rsync'}/"))
    again = timed(lambda: run("rsync", "-a", f"{master}/", f"{place / 'rsync'}/"))
    shutil.rmtree(place / "rsync")
    arcxo.text(
        "scenario", "create", "bench", "--master", "localhost", "--replica", "localhost",
        "--root", f"{master}={replica}",
    )  # fmt: skip

    def synchronise() -> None:
        arcxo.text("scenario", "run", "bench")
        arcxo.wait("bench", "in-sync", 600)

    table.add("initial synchronisation", timed(synchronise), "rsync -a", rsync)
    assert_identical(master, replica)
    arcxo.text("scenario", "stop", "bench")
    table.add(
        "synchronisation with nothing to do", timed(synchronise), "rsync -a", again, "incl. two commands"
    )


def latency(table: Table, place: Path, changes: int) -> None:
    """From the close of a written file on the master to its name and content on the replica."""
    delays = []
    for number in range(changes):
        name = f"latency-{number % 50}"
        content = f"{number} {time.monotonic_ns()}".encode()
        (place / "master" / name).write_bytes(content)
        written = time.monotonic()
        target = place / "replica" / name
        while True:
            try:
                if target.read_bytes() == content:
                    break
            except OSError:
                pass
            assert time.monotonic() - written < 30, f"{name} did not arrive"
            time.sleep(0.0005)
        delays.append((time.monotonic() - written) * 1000)
        time.sleep(0.02)
    delays.sort()
    p99 = delays[int(len(delays) * 0.99) - 1]
    note = f"p50 {statistics.median(delays):.1f} ms, p99 {p99:.1f} ms, worst {delays[-1]:.1f} ms of {changes}"
    table.add("one change seen on the replica (p50)", statistics.median(delays) / 1000, note=note)


def storm(table: Table, arcxo: Arcxo, place: Path, files: int) -> None:
    master = place / "master/storm"
    master.mkdir()
    started = time.monotonic()
    for number in range(files):
        directory = master / str(number // 1000)
        if number % 1000 == 0:
            directory.mkdir()
        (directory / f"{number}").write_bytes(b"%d" % number)
    created = time.monotonic() - started
    settled = timed(lambda: arcxo.wait("bench", "in-sync", 300))
    assert_identical(place / "master", place / "replica")
    table.add(f"storm of {files:,} files: after the last one", settled, note=f"created in {created:.1f} s")


def backups(table: Table, arcxo: Arcxo, place: Path) -> None:
    password = place / "password"
    password.write_text("benchmark")
    restic = {"RESTIC_PASSWORD": "benchmark", "RESTIC_REPOSITORY": str(place / "restic")}
    run("restic", "init", **restic)
    master, replica = place / "master", place / "replica"

    def back_up() -> None:
        job = arcxo.json(
            "backup", "--scenario", "bench", "--session-password-file", str(password), "--wait", timeout_s=900
        )
        assert job["last_result"] == "finished", job

    first = timed(lambda: run("restic", "backup", "--compression", "auto", replica, **restic))
    table.add("first backup, compressed, encrypted", timed(back_up), "restic", first, "whole command")
    for name in ("one", "two"):
        (master / f"changed-{name}").write_text(name)
    arcxo.wait("bench", "in-sync")
    second = timed(lambda: run("restic", "backup", replica, **restic))
    table.add("backup again, 2 files changed", timed(back_up), "restic", second, "whole command")

    session = max(arcxo.json("session", "list"), key=lambda item: item["number"])
    target = place / "restored"
    target.mkdir()

    def restore() -> None:
        arcxo.text(
            "restore", "session", session["media_serial"], str(session["number"]), "--path", str(master),
            "--to", str(target), "--session-password-file", str(password), "--wait", timeout_s=900,
        )  # fmt: skip

    theirs = timed(
        lambda: run("restic", "restore", "latest", "--target", place / "restic-restored", **restic)
    )
    shutil.rmtree(place / "restic-restored")
    table.add("restore everything, every file checked", timed(restore), "restic", theirs, "whole command")
    assert_identical(master, target)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=60_000)
    parser.add_argument("--megabytes", type=int, default=1_400)
    parser.add_argument("--changes", type=int, default=500)
    parser.add_argument("--storm", type=int, default=20_000)
    parser.add_argument("--source", type=Path, default=Path("/usr"))
    parser.add_argument("--place", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory(prefix="arcxo-bench.", dir=given.place) as name:
        place = Path(name)
        files, size = copy_files(given.source, place / "master", given.files, given.megabytes << 20, 2 << 20)
        print(f"{files:,} files, {size / 1e6:,.0f} MB from {given.source}", flush=True)
        with running_home(place) as arcxo:
            synchronisation(table, arcxo, place)
            latency(table, place, given.changes)
            storm(table, arcxo, place, given.storm)
            backups(table, arcxo, place)
            arcxo.text("scenario", "stop", "bench")
    if given.json:
        given.json.write_text(json.dumps(table.rows, indent=2))


if __name__ == "__main__":
    main()
