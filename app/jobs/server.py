"""The server process of a home: queue, schedules, and the supervision of this machine's agent.

Killed at any moment it leaves nothing that a person must clear: its locks die with it, the next server marks
its jobs Crashed and publishes the sessions that were on media but not yet in the catalog.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import app
from app.agent.trimming import trim_now_and_then
from app.alerts.engine import AlertEngine
from app.alerts.watchdog import Watchdog
from app.catalog import open_catalog
from app.catalog.api import Catalog
from app.collecting import collect_seldom
from app.jobs.affinity import Affinity
from app.jobs.backup import BackupJobs
from app.jobs.home import home_id
from app.jobs.home_record import HomeRecorder
from app.jobs.hosts import Agents, KnownHosts, server_name
from app.jobs.housekeeping import Housekeeping
from app.jobs.kept_agents import KeptAgents
from app.jobs.lanes import Lanes
from app.jobs.media_jobs import MediaJobs
from app.jobs.media_utilities import MediaUtilities
from app.jobs.presence import Presence
from app.jobs.process import ServerLock, ServerRecord, process_start, publish, withdraw
from app.jobs.queue import JobQueue
from app.jobs.restore import RestoreJobs
from app.jobs.restore_testing import RestoreTests
from app.jobs.restore_undo import RestoreUndoJobs
from app.jobs.runner import JobKindRunner
from app.jobs.secrets import SecretStore
from app.jobs.supervisor import AgentSupervisor
from app.messages import load, render
from app.model.errors import ArcxoError, BusyError
from app.model.events import Severity
from app.model.job import JobKind

_LOG = logging.getLogger(__name__)
_POLL_S = 0.25
_HEARTBEAT_S = 5.0
_AGENT_READY_S = 30.0
_JOBS_END_S = 30.0
_AGENT_END_S = 20.0
_TROUBLE_S = 1.0
_PATIENCE_S = 20.0
_AWAY = "E6040"
_ENDS = (signal.SIGTERM, signal.SIGINT)
_LOG_BYTES = 5 * 2**20
_LOG_FILES = 4


def serve(home: str) -> int:
    """Be the server of `home` until SIGTERM or SIGINT. Call from the main thread.

    Raises:
        BusyError: E5103 when a server of this home runs already.
        ArcxoError: the catalog can't be opened.
    """
    lock = ServerLock(home)
    try:
        withdraw(home)
        _log_to(home)
        trim_now_and_then()
        catalog = open_patiently(home)
        if catalog is None:
            return 0
        server = Server(home, catalog=catalog)
        collect_seldom()
        for number in _ENDS:
            signal.signal(number, server.on_signal)
        try:
            server.run()
        finally:
            server.close()
    finally:
        withdraw(home)
        lock.release()
    return 0


def open_patiently(home: str) -> Catalog | None:
    """The catalog of a home, waited for while its database does not answer; None when told to end meanwhile.

    Call from the main thread. Why it waits goes to stderr, once. Raises as `open_catalog` for the rest.
    """
    ended = threading.Event()
    before = [(number, signal.signal(number, lambda *_: ended.set())) for number in _ENDS]
    told = False
    try:
        while not ended.is_set():
            try:
                return open_catalog(home)
            except BusyError as error:
                if error.code != _AWAY:
                    raise
                if not told:
                    message = render(error.code, error.params)
                    sys.stderr.write(f"{error.code}: {message.line}\n{message.action}\n")
                    sys.stderr.flush()
                    _LOG.info("the server waits: %s", error)
                    told = True
            ended.wait(_TROUBLE_S)
        return None
    finally:
        for number, handler in before:
            signal.signal(number, handler)


class Server:
    """The parts of a server process. The holder of the home's server lock makes one."""

    def __init__(self, home: str, agents: Agents | None = None, catalog: Catalog | None = None) -> None:
        self._home = home
        self._name = server_name(home)
        self._id = home_id(home)
        self._started_at = datetime.now(UTC)
        self._stopping = threading.Event()
        self._catalog: Catalog = catalog or open_catalog(home)
        self._catalog.be_patient(_PATIENCE_S)
        self._store = SecretStore(home)
        self._supervisor = AgentSupervisor(home, self._report_agent) if agents is None else None
        kinds = _kinds(
            self._catalog, self._store, agents or KnownHosts(home, self._catalog), self._name, home
        )
        self._presence: Presence | None = None
        able = None
        if self._catalog.shared:
            self._presence = Presence(home, self._catalog, self._id, self._name, self._report)
            able = Affinity(self._catalog, self._id).able
        self._queue = JobQueue(self._catalog, self._id, self._name, kinds, able)
        self._housekeeping = Housekeeping(self._catalog, self._store, self._report, self._on_duty)
        known = agents or KnownHosts(home, self._catalog)
        self._watched = KeptAgents(lambda host: known.agent_of(host, None))
        watchdog = Watchdog(self._catalog, self._name, self._watched.lend)
        self._alerts = AlertEngine(self._catalog, self._store, self._name, watchdog.look, self._on_duty)
        self._beat_at = 0.0
        self._away_since: float | None = None
        self._away_reason = ""

    def run(self) -> None:
        """Work until `stop`."""
        _LOG.info("server %s of %s starts, pid %d", self._name, self._home, os.getpid())
        self._catalog.servers.put(self._id, self._name, os.getpid(), app.__version__)
        self._queue.mark_crashed(self._id)
        if self._supervisor is not None:
            ready = self._supervisor.start(_AGENT_READY_S)
            _LOG.info(
                "agent %s: %s",
                "adopted" if self._supervisor.adopted else "started",
                "ready" if ready else "not ready yet",
            )
        if self._presence is not None:
            self._presence.start()
            self._beat()
        self._housekeeping.start()
        self._alerts.start()
        publish(
            self._home,
            ServerRecord(
                pid=os.getpid(),
                process_start=process_start(os.getpid()) or 0,
                name=self._name,
                started_at=self._started_at.isoformat(),
                version=app.__version__,
            ),
        )
        while not self._stopping.is_set():
            self._step()
            self._stopping.wait(_POLL_S)

    def stop(self) -> None:
        """End soon. Any thread."""
        self._stopping.set()
        self._catalog.hurry()

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        """End because of a signal."""
        _LOG.info("signal %d: the server ends", number)
        self.stop()

    def close(self) -> None:
        """End the running jobs (Canceled, with what they kept) and the agent, and let go of the catalog."""
        self._stopping.set()
        if self._presence is not None:
            self._presence.close(_JOBS_END_S)
        self._queue.cancel_all(_JOBS_END_S)
        if self._supervisor is not None:
            self._supervisor.close(stop_agent_too=True, timeout_s=_AGENT_END_S)
        self._housekeeping.close(_JOBS_END_S)
        self._alerts.close(_JOBS_END_S)
        self._watched.close()
        try:
            self._catalog.servers.remove(self._id)
        except ArcxoError as error:
            _LOG.info("server not taken off the catalog: %s", error)
        self._catalog.close()
        _LOG.info("server ended")

    def _step(self) -> None:
        try:
            if time.monotonic() - self._beat_at > _HEARTBEAT_S:
                self._beat()
            # Jobs wait for the recovery: a backup builds on the newest session, and that may be one of those.
            self._queue.poll(claim=self._housekeeping.recovered.is_set())
        except ArcxoError as error:
            _LOG.info("the catalog did not answer: %s", error)
            if self._away_since is None:
                self._away_since = self._beat_at
                self._away_reason = str(error.params.get("error", error))
            self._stopping.wait(_TROUBLE_S)
        except Exception:  # noqa: BLE001 - a bug ends this step, not the server
            # One bad row must not end the server: the others' jobs go on.
            _LOG.exception("unexpected failure in the queue")
            self._stopping.wait(_TROUBLE_S)

    def _beat(self) -> None:
        capabilities = None if self._presence is None else self._presence.capabilities
        self._catalog.servers.heartbeat(self._id, capabilities)
        self._beat_at = time.monotonic()
        if self._away_since is not None and self._catalog.shared:
            seconds = round(self._beat_at - self._away_since)
            self._report("W5787", file=self._catalog.name, seconds=seconds, details=self._away_reason)
        self._away_since = None

    def _on_duty(self) -> bool:
        """Whether what one server does for all is this one's."""
        return self._presence is None or self._presence.on_duty()

    def _report_agent(self, code: str, params: dict[str, str]) -> None:
        try:
            self._report(code, **params)
        except ArcxoError as error:
            _LOG.info("%s not logged: %s", code, error)

    def _report(self, code: str, **params: object) -> None:
        message = load().get(code)
        rest: dict[str, Any] = {
            key: value for key, value in params.items() if key not in ("session", "scenario")
        }
        job = params.get("job")
        self._catalog.log.append(
            code,
            message.severity if message is not None else Severity.ERROR,
            server=self._name,
            job_id=int(str(job)) if job else None,
            session=int(str(params["session"])) if "session" in params else None,
            scenario=str(params.get("scenario", "")),
            **rest,
        )


def _kinds(
    catalog: Catalog, store: SecretStore, agents: Agents, name: str, home: str
) -> Mapping[JobKind, JobKindRunner]:
    lanes = Lanes(name if catalog.shared else "")
    on_media = MediaJobs(catalog, store, lanes)
    recorder = HomeRecorder(home, catalog, store)
    utilities = MediaUtilities(catalog, store, agents, lanes, recorder)
    return {
        JobKind.BACKUP: BackupJobs(catalog, store, agents, lanes, name, recorder),
        JobKind.RESTORE: RestoreJobs(catalog, store, agents),
        JobKind.RESTORE_UNDO: RestoreUndoJobs(catalog, store, agents),
        JobKind.MEDIA_FORMAT: on_media,
        JobKind.MEDIA_ERASE: on_media,
        JobKind.MEDIA_VERIFY: on_media,
        JobKind.MEDIA_MERGE: on_media,
        JobKind.MEDIA_PURGE: on_media,
        JobKind.MEDIA_RENAME: on_media,
        JobKind.MEDIA_RETIRE: on_media,
        JobKind.MEDIA_SCAN: utilities,
        JobKind.MEDIA_COMPARE: utilities,
        JobKind.MEDIA_COPY: utilities,
        JobKind.MEDIA_PRUNE: utilities,
        JobKind.RESTORE_TEST: RestoreTests(catalog, store, agents, home),
    }


def _log_to(home: str) -> None:
    logs = os.path.join(home, "logs")
    os.makedirs(logs, mode=0o700, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(
        os.path.join(logs, "server.log"), maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
