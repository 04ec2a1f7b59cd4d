"""The server of this home and its engines, a line for each: whether it runs, and what it is at. Qt-free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.model.job import Job, JobStatus
from app.model.media import Device
from app.services.api import ServerState
from app.ui import formats

RUNS, STOPPED = "Running", "Stopped"
_WORDS = (
    (JobStatus.ACTIVE, "active"),
    (JobStatus.READY, "ready"),
    (JobStatus.HOLD, "on hold"),
    (JobStatus.DONE, "done"),
)


@dataclass(frozen=True, slots=True)
class EngineLine:
    """`text` stands below; `bad`: it is wrong, and the text says how."""

    name: str
    state: str
    text: str = ""
    bad: bool = False


def engine_lines(
    server: ServerState,
    jobs: Sequence[Job],
    devices: Sequence[Device],
    now: datetime,
    silent_since: datetime | None = None,
) -> list[EngineLine]:
    """Job engine, media engine, database engine and agent, after the server itself.

    `silent_since`: the last answer of the catalog, when it gives none any more.
    """
    return [
        _server(server, now),
        _job_engine(server, jobs),
        _media(devices),
        _database(silent_since),
        _agent(server),
    ]


def _server(server: ServerState, now: datetime) -> EngineLine:
    if not server.running:
        return EngineLine(server.name, STOPPED, "Jobs wait: start it at the top left", bad=True)
    since = f" since {formats.moment(server.started_at, now)}" if server.started_at else ""
    return EngineLine(server.name, f"{RUNS}{since}")


def _job_engine(server: ServerState, jobs: Sequence[Job]) -> EngineLine:
    counts = Counter(job.status for job in jobs if job.parent_id is None)
    text = ", ".join(f"{formats.count(counts[status])} {word}" for status, word in _WORDS if counts[status])
    return EngineLine("Job engine", RUNS if server.running else STOPPED, text or "No job in the queue")


def _media(devices: Sequence[Device]) -> EngineLine:
    away = [device for device in devices if not device.online]
    if not devices:
        return EngineLine("Media engine", "No device", "Backups need one: Devices and media", bad=True)
    if away:
        names = ", ".join(device.name for device in away[:3]) + (" …" if len(away) > 3 else "")
        said = f"{len(devices) - len(away)} of {formats.counted(len(devices), 'device')}"
        return EngineLine("Media engine", said, f"Offline: {names}", bad=True)
    return EngineLine("Media engine", f"{formats.counted(len(devices), 'device')} online")


def _database(silent_since: datetime | None) -> EngineLine:
    if silent_since is None:
        return EngineLine("Database engine", "Answers")
    text = f"Last answer {formats.clock(silent_since)}; what is shown is from then"
    return EngineLine("Database engine", "No answer", text, bad=True)


def _agent(server: ServerState) -> EngineLine:
    if server.agent_running:
        return EngineLine("Agent", RUNS)
    text = "Scenarios of this machine do not replicate" if server.running else "It starts with the server"
    return EngineLine("Agent", STOPPED, text, bad=True)
