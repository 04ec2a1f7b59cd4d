"""A home whose media hold sessions of directories, and a queue that runs media jobs in this process."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app import bootstrap
from app.agent.api import CompareOrder
from app.backup.api import archive
from app.backup.comparing import CompareTask, compare
from app.catalog import open_catalog
from app.jobs.credentials import JobSecrets
from app.jobs.home import home_id
from app.jobs.lanes import Lanes
from app.jobs.media_choice import online_media
from app.jobs.media_jobs import MediaJobs
from app.jobs.media_utilities import MediaUtilities
from app.jobs.queue import JobQueue
from app.jobs.secrets import SecretStore
from app.jobs.submission import MEDIA_KINDS, submit_media
from app.media import api as media
from app.media.api import KeyInfo
from app.messages import render
from app.model.entry import EntryKind
from app.model.job import Job, JobKind
from app.model.media import Device
from tests.support.media_samples import MASTER, archive_task

Contents = dict[bytes, tuple[int, int]]
"""Path → (size, time) of every file of a session."""


_UTILITIES = (JobKind.MEDIA_SCAN, JobKind.MEDIA_COMPARE, JobKind.MEDIA_COPY, JobKind.MEDIA_PRUNE)


class LocalAgents:
    """Every host's agent is one of this process, which compares; it knows one scenario."""

    def __init__(self) -> None:
        self.scenario_there: Any = None

    def agent_of(self, host: str, credentials: Any) -> LocalAgents:
        return self

    def close(self) -> None: ...

    def scenario(self, scenario_id: int) -> Any:
        return self.scenario_there

    def compare_session(self, order: CompareOrder) -> Iterator[Any]:
        events: list[Any] = []
        task = CompareTask(
            order.media_path,
            order.session,
            order.targets,
            order.paths,
            order.data_key,
            order.metadata,
            order.job_id,
        )
        compare(task, events.append, lambda: False)
        yield from events


class MediaSite:
    """`new`: make the home; else it is that of a process which ended: what that left is marked crashed."""

    def __init__(self, place: Path, agents: Any = None, *, new: bool = True) -> None:
        self.place = place
        self.home = str(place / "home")
        self.source = place / "source"
        if new:
            bootstrap.init_home(self.home, caroot_password="secret", media_name="first")
            self.source.mkdir()
        self.catalog = open_catalog(self.home)
        self.store = SecretStore(self.home)
        self.catalog.servers.put(home_id(self.home), "server", 1, "0")
        self.lanes = Lanes()
        jobs = MediaJobs(self.catalog, self.store, self.lanes)
        utilities = MediaUtilities(self.catalog, self.store, agents or LocalAgents(), self.lanes)
        kinds: Any = dict.fromkeys(MEDIA_KINDS, jobs)
        kinds |= dict.fromkeys(_UTILITIES, utilities)
        self.queue = JobQueue(self.catalog, home_id(self.home), "server", kinds)
        if not new:
            self.queue.mark_crashed(home_id(self.home))
        first = online_media(self.catalog)[-1]
        self.path, self.serial = first.path, first.label.serial

    def close(self) -> None:
        assert self.queue.cancel_all(10)
        self.catalog.close()

    def device(self, name: str, group: str = "GROUP0") -> Path:
        """Another device."""
        path = self.place / name
        path.mkdir()
        self.catalog.media.put_device(Device(name, str(path), group))
        return path

    def write(self, files: Mapping[str, bytes | str]) -> None:
        """Make the source hold exactly these files, by relative path."""
        for name in os.listdir(self.source):
            path = self.source / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name, content in files.items():
            path = self.source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def back_up(self, *, key: KeyInfo | None = None, path: str = "", **more: Any) -> int:
        """Write a session of the source to a media, and nothing to the catalog."""
        task = archive_task(path or self.path, self.source, key=key, **more)
        return archive(task, lambda _: None, lambda: False).session

    def history(self, seed: int, count: int, *, key: KeyInfo | None = None) -> list[int]:
        """Sessions of trees that follow each other: names come, change, go and become something else."""
        chance = random.Random(seed)
        state: dict[str, str] = {"always": "here"}
        numbers: list[int] = []
        for number in range(count):
            for place in range(14):
                roll = chance.random()
                name = f"d{place % 3}/e{place % 2}/f{place}"
                if roll < 0.3:
                    state[name] = f"{number} {place}"
                elif roll < 0.5:
                    state.pop(name, None)
            if chance.random() < 0.4 and not any(name.startswith("d1/") for name in state):
                state["d1"] = f"a file {number}"
            elif any(name.startswith("d1/") for name in state):
                state.pop("d1", None)
            if "d1" in state:
                state = {name: text for name, text in state.items() if not name.startswith("d1/")}
            self.write(state)
            numbers.append(self.back_up(key=key))
        return numbers

    def submit(self, kind: JobKind, parameters: dict[str, str], *passwords: str) -> Job:
        secrets = JobSecrets(session_passwords=tuple(("", 0, one) for one in passwords))
        return submit_media(self.catalog, kind, parameters, store=self.store, secrets=secrets)

    def run(self, kind: JobKind, parameters: dict[str, str], *passwords: str) -> Job:
        return self.ended(self.submit(kind, parameters, *passwords))

    def merge(self, media_name: str = "", *passwords: str) -> Job:
        return self.run(JobKind.MEDIA_MERGE, {"media": media_name or self.serial}, *passwords)

    def ended(self, job: Job) -> Job:
        deadline = time.monotonic() + 30
        while self.catalog.jobs.show(job.id).last_result is None or self.queue.active:
            assert time.monotonic() < deadline, self.lines(job)
            self.queue.poll()
            time.sleep(0.01)
        return self.catalog.jobs.show(job.id)

    def codes(self, job: Job) -> list[str]:
        """The job's lines of the activity log, oldest first."""
        return [one.code for one in reversed(self.catalog.log.list(job_id=job.id))]

    def lines(self, job: Job) -> list[str]:
        records = self.catalog.log.list(job_id=job.id)
        return [render(one.code, one.params).line for one in reversed(records)]

    def in_catalog(self, number: int, serial: str = "", path: bytes = b"/") -> Contents:
        """What the catalog knows of a session, found by browsing from the top."""
        found: Contents = {}
        for entry in self.catalog.browsing.browse_session(serial or self.serial, number, path, limit=5000):
            if entry.kind is EntryKind.DIRECTORY:
                found |= self.in_catalog(number, serial, entry.path)
            else:
                found[entry.path] = (entry.size_bytes, entry.modified_ns)
        return found

    def on_media(self, number: int, path: str = "", data_key: bytes | None = None) -> Contents:
        """The same, read from the media."""
        return {
            entry.path: (entry.metadata.size_bytes, entry.metadata.modified_ns)
            for entry in media.session_entries(path or self.path, number, data_key)
            if entry.metadata.kind is not EntryKind.DIRECTORY and entry.path.startswith(MASTER)
        }
