"""Backup and restore beside restic, borg and cp."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.bench import PASSWORD, SCENARIO, Bench, Graveyard, has, run, timed
from tests.benchmarks.memory import MemoryPeak
from tests.support.trees import assert_identical

_NICE = ("nice", "-n", "10")
_FEW_CHANGES = 1000


class Peers:
    """Repositories of restic and borg, encrypted and compressed as they do by default.

    They run at the priority of our workers: else a machine with other work would favour them.
    """

    def __init__(self, place: Path, without: Sequence[str]) -> None:
        self._restic = {
            "RESTIC_PASSWORD": PASSWORD,
            "RESTIC_REPOSITORY": str(place / "restic"),
            "RESTIC_CACHE_DIR": str(place / "restic-cache"),
        }
        self._borg = {
            "BORG_PASSPHRASE": PASSWORD,
            "BORG_REPO": str(place / "borg"),
            "BORG_BASE_DIR": str(place / "borg-base"),
            "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
        }
        self._archives = 0
        self.borg_there = "borg" not in without and has("borg")
        run("restic", "init", **self._restic)
        if self.borg_there:
            run("borg", "init", "--encryption", "repokey-blake2", **self._borg)

    def restic(self, source: Path) -> float:
        """Seconds of a backup."""
        return timed(lambda: run(*_NICE, "restic", "backup", "--compression", "auto", source, **self._restic))

    def restic_restore(self, target: Path) -> float:
        """Seconds of restoring the newest snapshot."""
        return timed(lambda: run(*_NICE, "restic", "restore", "latest", "--target", target, **self._restic))

    def borg(self, source: Path) -> float:
        """Seconds of a backup."""
        self._archives += 1
        name = f"::{self._archives}"
        return timed(
            lambda: run(*_NICE, "borg", "create", "--compression", "zstd,3", name, source, **self._borg)
        )

    def borg_restore(self, target: Path) -> float:
        """Seconds of restoring the newest archive."""
        target.mkdir()

        def extract() -> None:
            here = os.getcwd()
            os.chdir(target)
            try:
                run(*_NICE, "borg", "extract", f"::{self._archives}", **self._borg)
            finally:
                os.chdir(here)

        return timed(extract)


def backups(bench: Bench, graveyard: Graveyard) -> None:
    """The whole tree: first, again after two changes, restored."""
    table, arcxo = bench.table, bench.arcxo
    peers = Peers(bench.place, bench.without)
    restic = peers.restic(bench.replica)
    with MemoryPeak(arcxo) as peak:
        first = bench.backup()
    borg = peers.borg(bench.replica) if peers.borg_there else 0.0
    work = "first backup, compressed, encrypted"
    table.add(work, [first], "restic", [restic], target=0.5)
    if borg:
        table.add(work, [first], "borg", [borg])
    _add_peak(bench, "first backup", peak)

    ours, restics, borgs = [], [], []
    for turn in range(bench.rounds):
        for name in ("one", "two"):
            (bench.master / f"changed-{name}").write_text(f"{name} {turn}")
        arcxo.wait(SCENARIO, "in-sync", 300)
        restics.append(peers.restic(bench.replica))
        ours.append(bench.backup())
        if peers.borg_there:
            borgs.append(peers.borg(bench.replica))
    work = "backup again, 2 files changed, by the change list"
    table.add(work, ours, "restic", restics, target=0.05)
    if borgs:
        table.add(work, ours, "borg", borgs)
    restores(bench, peers, graveyard)
    walking(bench, peers)


def restores(bench: Bench, peers: Peers, graveyard: Graveyard) -> None:
    """To an empty directory, and over a replica that has lost everything; each file is checked."""
    session = bench.newest_session()
    ours, restics, borgs, peaks = [], [], [], []
    for turn in range(bench.rounds):
        target, theirs = bench.place / f"restored-{turn}", bench.place / f"restic-restored-{turn}"
        target.mkdir()
        restics.append(peers.restic_restore(theirs))
        with MemoryPeak(bench.arcxo) as peak:
            ours.append(bench.restore(session, str(target), str(bench.master)))
        peaks.append(peak)
        if turn == 0:
            assert_identical(bench.master, target)
            if peers.borg_there:
                borgs.append(peers.borg_restore(bench.place / "borg-restored"))
        graveyard.bury(target)
        graveyard.bury(theirs)
    work = "restore to a directory, every file read back"
    bench.table.add(work, ours, "restic", restics, target=0.6, note="restic checks nothing")
    if borgs:
        bench.table.add(work, [ours[0]], "borg", borgs)
    _add_peak(bench, "restore to a directory", max(peaks, key=lambda one: one.proportional_mb))
    bench.arcxo.text("scenario", "stop", SCENARIO)
    for entry in list(bench.replica.iterdir()):
        graveyard.bury(entry)
    with MemoryPeak(bench.arcxo) as peak:
        seconds = bench.restore(session, "original-replica")
    assert_identical(bench.master, bench.replica)
    bench.table.add(
        "restore to an emptied replica, undoable, read back", [seconds], "restic", restics, target=0.6
    )
    _add_peak(bench, "restore to an emptied replica", peak)


def _add_peak(bench: Bench, work: str, peak: MemoryPeak) -> None:
    name = f"peak memory of all processes, {work}"
    bench.table.add(name, [peak.proportional_mb], unit="MB", target=600, note=peak.note)


def walking(bench: Bench, peers: Peers) -> None:
    """Without change numbers: a lost applied index makes the next backup walk and compare."""
    ours, restics = [], []
    for turn in range(bench.rounds):
        bench.arcxo.text("scenario", "stop", SCENARIO)
        bench.arcxo.stop()
        for found in bench.arcxo.home.glob("engine/replica/*/applied.sqlite3*"):
            found.unlink()
        bench.arcxo.start()
        bench.arcxo.text("scenario", "run", SCENARIO, "--replace-restored", timeout_s=300)
        bench.arcxo.wait(SCENARIO, "in-sync", 600)
        for name in ("one", "two"):
            (bench.master / f"changed-{name}").write_text(f"walked {name} {turn}")
        bench.arcxo.wait(SCENARIO, "in-sync", 300)
        restics.append(peers.restic(bench.replica))
        ours.append(bench.backup())
    bench.table.add("backup again, 2 files changed, by walking", ours, "restic", restics, target=0.5)


def one_big_file(bench: Bench, graveyard: Graveyard) -> None:
    """One file that nothing can compress."""
    root, replica = bench.place / "big", bench.place / "big-replica"
    root.mkdir()
    with open(root / "random", "wb") as file:
        file.writelines(os.urandom(1 << 24) for _ in range(bench.big_bytes >> 24))
    bench.arcxo.text(
        "scenario", "create", "big", "--master", "localhost", "--replica", "localhost",
        "--root", f"{root}={replica}",
    )  # fmt: skip

    def synchronise() -> None:
        bench.arcxo.text("scenario", "run", "big")
        bench.arcxo.wait("big", "in-sync", 600)

    size = f"{bench.big_bytes / (1 << 30):.2g} GiB"
    whole = timed(synchronise)
    copied = timed(lambda: run("rsync", "-a", f"{root}/", f"{bench.place / 'big-rsync'}/"))
    bench.table.add(f"one file of {size}: initial synchronisation", [whole], "rsync -a", [copied])
    graveyard.bury(bench.place / "big-rsync")
    peers = Peers(graveyard.room("big-peers"), bench.without)
    restic = peers.restic(replica)
    seconds = bench.backup("big")
    borg = peers.borg(replica) if peers.borg_there else 0.0
    copy = timed(lambda: run(*_NICE, "cp", replica / "random", bench.place / "big-copy"))
    (bench.place / "big-copy").unlink()
    work = f"one file of {size}, incompressible: backup"
    bench.table.add(work, [seconds], "restic", [restic], target=0.6)
    if borg:
        bench.table.add(work, [seconds], "borg", [borg])
    bench.table.add(work, [seconds], "cp", [copy])
    bench.arcxo.text("scenario", "stop", "big")


def million(bench: Bench) -> None:
    """Very many small files: first backup, one with few changes, a walk, one folder restored, memory.

    Beside `tests.benchmarks.synchronising.million`, whose tree and scenario it uses.
    """
    work, table = f"{bench.many:,} small files", bench.table
    services = bench.services()
    try:
        services.scenarios.run("million")
        services.scenarios.wait("million", "in-sync", 3600)
        with MemoryPeak(bench.arcxo) as peak:
            first = bench.backup("million")
        table.add(f"{work}: first backup", [first])
        name = f"{work}: first backup, peak memory"
        table.add(name, [peak.proportional_mb], target=600, unit="MB", note=peak.note)
        folders = sorted((bench.place / "million" / "master").glob("*/*"))
        for number in range(_FEW_CHANGES):
            folder = folders[number * 7 % len(folders)]
            (folder / f"file-{number % 100:03}.txt").write_text(f"changed {number}")
        services.scenarios.wait("million", "in-sync", 3600)
        with MemoryPeak(bench.arcxo) as peak:
            again = bench.backup("million")
        walk = bench.job_seconds(
            "backup", "--scenario", "million", "--session-password-file", str(bench.password_file),
            "--verify", "audit",
        )  # fmt: skip
        table.add(f"{work}: backup again, {_FEW_CHANGES:,} changed", [again], "a walk", [walk], target=0.05)
        name = f"{work}: backup again, peak memory"
        table.add(name, [peak.proportional_mb], target=600, unit="MB", note=peak.note)
        target = bench.place / "million-restored"
        target.mkdir()
        seconds = bench.restore(bench.newest_session(), str(target), str(folders[0]))
        table.add(f"{work}: restore of one folder", [seconds])
        services.scenarios.stop("million")
    finally:
        services.close()
