"""What every benchmark works with: a running home, a place for data, the table, timing."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.bootstrap import open_services
from app.services.api import Services
from tests.benchmarks.table import Table
from tests.support.arcxo_command import Arcxo

PASSWORD = "benchmark"
SCENARIO = "bench"


@dataclass(slots=True)
class Bench:
    """One run of the benchmarks; `rounds` is how often what can be repeated is repeated."""

    arcxo: Arcxo
    place: Path
    table: Table
    rounds: int
    changes: int
    storm: int
    big_bytes: int
    many: int
    without: tuple[str, ...] = ()

    @property
    def master(self) -> Path:
        """The root of the scenario."""
        return self.place / "master"

    @property
    def replica(self) -> Path:
        """Its replica."""
        return self.place / "replica"

    @property
    def password_file(self) -> Path:
        """A file with the session password."""
        path = self.place / "password"
        path.write_text(PASSWORD)
        return path

    def services(self) -> Services:
        """The services in this process: no start of a command is in the time they take."""
        return open_services(str(self.arcxo.home))

    def backup(self, scenario: str = SCENARIO) -> float:
        """Back up, encrypted; the job's own seconds."""
        return self.job_seconds(
            "backup", "--scenario", scenario, "--session-password-file", str(self.password_file)
        )

    def restore(self, session: Any, target: str, *paths: str) -> float:
        """Restore a session of `session list`; the job's own seconds."""
        chosen = [part for path in paths for part in ("--path", path)]
        return self.job_seconds(
            "restore", "session", session["media_serial"], str(session["number"]), *chosen,
            "--to", target, "--session-password-file", str(self.password_file),
        )  # fmt: skip

    def job_seconds(self, *command: str) -> float:
        """Submit a job, wait for it; from its start to its end."""
        job = self.arcxo.json(*command, "--wait", timeout_s=1800)
        assert job["last_result"] == "finished", job
        shown = self.arcxo.json("job", "show", str(job["id"]))
        begun, ended = (datetime.fromisoformat(shown[name]) for name in ("started_at", "finished_at"))
        return (ended - begun).total_seconds()

    def newest_session(self) -> Any:
        """The newest session, as `session list --json` has it."""
        return max(self.arcxo.json("session", "list"), key=lambda item: item["number"])


def timed(action: Callable[[], object]) -> float:
    """Seconds `action` takes, with everything written before on the disk already."""
    settle()
    return timed_as_it_is(action)


def timed_as_it_is(action: Callable[[], object]) -> float:
    """Seconds `action` takes, whatever is still to be written."""
    started = time.monotonic()
    action()
    return time.monotonic() - started


def settle() -> None:
    """Nothing of what came before is written during what comes."""
    os.sync()


def run(*command: str | Path, **environment: str) -> str:
    """Run a peer; its output."""
    done = subprocess.run(
        [str(part) for part in command],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, f"{command[0]}: exit {done.returncode}\n{done.stderr[-2000:]}"
    return done.stdout


def has(command: str) -> bool:
    """Whether a peer is installed."""
    found = shutil.which(command) is not None
    if not found:
        print(f"{command} is not installed: left out", flush=True)
    return found


class Graveyard:
    """Where trees wait to be removed until nothing is timed any more.

    Removing a large tree right before files are created distorts the times of both on ext4.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._count = 0

    def bury(self, path: Path) -> None:
        """Put a tree out of the way."""
        self._place.mkdir(exist_ok=True)
        self._count += 1
        path.rename(self._place / str(self._count))

    def room(self, name: str) -> Path:
        """A directory that goes with everything else."""
        path = self._place / name
        path.mkdir(parents=True)
        return path
