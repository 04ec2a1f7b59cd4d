"""A home with a real catalog, devices of a few kilobytes, and a queue whose backups are real."""

from __future__ import annotations

import errno
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.catalog import open_catalog
from app.catalog.api import Registration
from app.jobs.backup import BackupJobs
from app.jobs.housekeeping import Housekeeping
from app.jobs.lanes import Lanes
from app.jobs.media_jobs import MediaJobs
from app.jobs.media_utilities import MediaUtilities
from app.jobs.queue import JobQueue
from app.jobs.restore import RestoreJobs
from app.jobs.secrets import SecretStore
from app.jobs.submission import submit_backup, submit_restore
from app.media import device, reserve, writer
from app.media.store import DirectoryUpload, storage_faults
from app.model.job import (
    BackupScript,
    Destination,
    Job,
    JobKind,
    JobStatus,
    RestoreScript,
    RestoreSelection,
    Structure,
)
from app.model.media import SessionInfo
from app.services.storage import LocalStorage
from tests.support.jobs_fake_agent import MASTER, FakeAgent, FakeAgents, scenario_of
from tests.support.spanning import object_bytes


class SmallDisks:
    """Directories that hold only so many bytes each, for what the media store writes and asks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.limits: dict[str, int] = {}
        monkeypatch.setattr(writer, "PACK_TARGET_BYTES", 48 * 1024)
        monkeypatch.setattr(writer, "BLOCK_TARGET_BYTES", 16 * 1024)
        monkeypatch.setattr(reserve, "RESERVE_BYTES", 16 * 1024)
        monkeypatch.setattr(device, "NO_ROOM_BYTES", 4 * 1024)
        monkeypatch.setattr(device, "_SMALL_BYTES", 64 * 1024)
        monkeypatch.setattr("app.jobs.media_rules._MORE_BYTES", 64 * 1024)
        write, statvfs = DirectoryUpload.write, os.statvfs

        def limited_write(upload: DirectoryUpload, data: bytes | memoryview) -> None:
            free = self.free(upload._store.location)
            if free is not None and len(data) > free:
                with storage_faults(upload._store.location, "tmp"):
                    raise OSError(errno.ENOSPC, "no space left")
            write(upload, data)

        def limited_statvfs(path: Any) -> Any:
            found = statvfs(path)
            free = self.free(os.fsdecode(path))
            if free is None:
                return found
            limit = self.limits[self._disk(os.fsdecode(path)) or ""]
            blocks = {"f_frsize": 1, "f_blocks": limit, "f_bavail": max(0, free), "f_bfree": max(0, free)}
            return SimpleNamespace(**blocks, f_flag=found.f_flag)

        monkeypatch.setattr(DirectoryUpload, "write", limited_write)
        monkeypatch.setattr(os, "statvfs", limited_statvfs)

    def _disk(self, path: str) -> str | None:
        return next((disk for disk in self.limits if path == disk or path.startswith(disk + "/")), None)

    def free(self, path: str) -> int | None:
        disk = self._disk(path)
        return None if disk is None else self.limits[disk] - object_bytes(disk)


class StorageRig:
    """One home; `backup` runs a backup job to its end."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch | None) -> None:
        """Without `monkeypatch` the devices are as large as their disks."""
        self.directory = directory
        self.disks = SmallDisks(monkeypatch) if monkeypatch is not None else None
        self.home = directory / "home"
        self.home.mkdir()
        self.catalog: Any = open_catalog(str(self.home))
        self.catalog.media.put_group("GROUP0")
        self.catalog.settings.put("media_wait_seconds", "0.3")
        self.store = SecretStore(str(self.home))
        self.store.create()
        connections: Any = SimpleNamespace(
            catalog=self.catalog, secrets=self.store, home=str(self.home), is_here=lambda _host: True
        )
        self.storage = LocalStorage(connections)
        self.replicas: dict[int, Path] = {}
        self.agent = FakeAgent()
        agents = FakeAgents(self.agent)
        lanes = Lanes()
        on_media = MediaJobs(self.catalog, self.store, lanes)
        kinds: Any = {
            JobKind.BACKUP: BackupJobs(self.catalog, self.store, agents, lanes, "server"),
            JobKind.RESTORE: RestoreJobs(self.catalog, self.store, agents),
        }
        kinds |= {kind: on_media for kind in JobKind if kind.value.startswith("media_")}
        utilities = MediaUtilities(self.catalog, self.store, agents, lanes)
        kinds |= dict.fromkeys((JobKind.MEDIA_COPY, JobKind.MEDIA_SCAN), utilities)
        self.queue = JobQueue(self.catalog, "server-1", "server", kinds)
        self.reported: list[tuple[str, dict[str, object]]] = []
        self.catalog.servers.put("server-1", "server", os.getpid(), "1")
        self.add_scenario(7, "Files")

    def close(self) -> None:
        assert self.queue.cancel_all(10)
        self.catalog.close()

    def report(self, code: str, **params: object) -> None:
        self.reported.append((code, params))

    def housekeeping(self) -> Housekeeping:
        return Housekeeping(self.catalog, self.store, self.report)

    def add_scenario(self, number: int, name: str) -> Path:
        replica = self.directory / f"replica{number}"
        replica.mkdir()
        scenario = scenario_of(str(replica).encode(), number, name)
        self.agent.scenarios_by_id[number] = scenario
        self.agent.states[number] = "replicating"  # type: ignore[assignment]
        root = MASTER + b"%d" % number
        self.catalog.registrations.put(Registration(number, name, "localhost", ("localhost",), (root,)))
        self.replicas[number] = replica
        return replica

    def add_device(self, name: str, limit: int, group: str = "GROUP0") -> Path:
        path = self.directory / "devices" / name
        path.mkdir(parents=True)
        self.limit(path, limit)
        self.storage.add_device(str(path), name, group)
        return path

    def limit(self, device: Path, limit: int) -> None:
        """How much a device holds from now on."""
        assert self.disks is not None
        self.disks.limits[str(device)] = limit

    def fill(self, files: int, *, seed: int = 1, size: int = 40_000, scenario: int = 7) -> None:
        replica = self.replicas[scenario]
        shutil.rmtree(replica)
        replica.mkdir()
        for number in range(files):
            (replica / f"f{number:03}").write_bytes(random.Random(seed * 1000 + number).randbytes(size))

    def submit(self, *scenarios: int, **options: Any) -> Job:
        chosen = scenarios or (7,)
        names = tuple(self.agent.scenarios_by_id[number].name for number in chosen)
        return submit_backup(self.catalog, self.store, BackupScript(chosen, names, **options))

    def backup(self, *scenarios: int, **options: Any) -> Job:
        return self.ended(self.submit(*scenarios, **options))

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, self.codes()
            self.queue.poll()
            time.sleep(0.01)

    def ended(self, job: Job) -> Job:
        def is_over() -> bool:
            return self.catalog.jobs.show(job.id).status is JobStatus.DONE and not self.queue.active

        self.until(is_over)
        found: Job = self.catalog.jobs.show(job.id)
        return found

    def codes(self, job: Job | None = None) -> list[str]:
        return [one.code for one in reversed(self.catalog.log.list(job_id=job.id if job else None))]

    def sessions(self) -> list[SessionInfo]:
        return sorted(self.catalog.sessions.list(), key=lambda one: (one.finished_at, one.number))

    def sets(self) -> dict[str, list[tuple[int, str]]]:
        """Name → (sequence, device) of each media."""
        found: dict[str, list[tuple[int, str]]] = {}
        for one in self.catalog.media.media():
            found.setdefault(one.name, []).append((one.sequence, one.device))
        return {name: sorted(places) for name, places in found.items()}

    def restored(self, session: SessionInfo) -> dict[str, bytes]:
        """What a restore of a session brings, by name of file."""
        target = self.directory / "restored"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        script = RestoreScript(
            (RestoreSelection(session.media_serial, session.number),),
            destination=Destination.DIRECTORY,
            directory=os.fsencode(target),
            structure=Structure.NONE,
        )
        job = self.ended(submit_restore(self.catalog, self.store, script))
        assert job.last_result is not None
        assert job.last_result.value == "finished", self.codes(job)
        return {path.name: path.read_bytes() for path in target.rglob("*") if path.is_file()}

    def content(self, scenario: int = 7) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.replicas[scenario].iterdir()}
