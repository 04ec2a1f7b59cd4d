"""The agent's control process: composition, start and end."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import grpc

from app.agent.accounts import Accounts
from app.agent.admission import Admission
from app.agent.calls import Calls
from app.agent.channel import CONTROL_CONNECTIONS, server_credentials, server_options
from app.agent.children import Spawner
from app.agent.gate import Gate
from app.agent.generated import agent_pb2_grpc
from app.agent.handlers import ControlHandlers
from app.agent.home import AgentHome, AgentInfo, dialable, next_port
from app.agent.home_key import keep_key_with
from app.agent.host import HostEngines
from app.agent.logs import log_and_rotate
from app.agent.names import Names
from app.agent.notable import CertificateWatch, LoginWatch
from app.agent.open_files import allow_many_open_files
from app.agent.peer_handlers import PeerHandlers
from app.agent.peers import Peers
from app.agent.role_process import RoleProcess
from app.agent.sessions import Sessions
from app.agent.tls import load_or_make_identity
from app.model.errors import ArcxoError
from app.model.events import Severity
from app.replication.events import EventStore
from app.replication.notices.notifier import Notifier
from app.replication.notices.os_log import OsLog
from app.replication.scripts.running import Scripts

generated: Any = agent_pb2_grpc

HOST_NAME = "localhost"
_QUICK_THREADS = 16
# Those that wait for a thread included: what strangers can pile up in memory is bounded.
_CALLS_AT_ONCE = 4_096
_GRACE_S = 2.0
_SAY_AGAIN_S = 2.0
_log = logging.getLogger("arcxo.agent")


class HostProcess:
    """The agent of a home, from taking its lock to letting it go."""

    def __init__(self, home: AgentHome, listen: str) -> None:
        self._home = home
        self._listen = listen
        self._asked_to_end = threading.Event()
        self._started_at = datetime.now(UTC)

    def run(self, ready: Callable[[AgentInfo], None] | None) -> int:
        """Run until SIGTERM or SIGINT. Raises what `app.agent.run.run_agent` says."""
        lock_fd = self._home.acquire()
        allow_many_open_files()
        log_and_rotate(self._home.log_path)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._asked_to_end.set())
        try:
            self._serve(lock_fd, ready)
        except Exception:
            _log.exception("the agent ends because of an error")
            raise
        finally:
            self._home.release()
        return 0

    def _serve(self, lock_fd: int, ready: Callable[[AgentInfo], None] | None) -> None:
        identity = load_or_make_identity(self._home)
        events = EventStore(os.path.join(self._home.engine, "events.sqlite3"), HOST_NAME, repair=True)
        spawner = Spawner(lock_fd, self._home.log_path)
        notifier = Notifier(self._home.engine, events, Scripts(self._home.path), OsLog())
        serving = threading.Event()

        def publish() -> None:
            if serving.is_set():
                info = AgentInfo(
                    pid=os.getpid(),
                    address=dialable(control_address),
                    data_address=dialable(engines.data_address),
                    fingerprint=identity.fingerprint,
                    started_at=self._started_at.isoformat(),
                )
                published.append(info)
                try:
                    self._home.publish(info)
                except OSError as error:
                    # A full disk: what is said of the last life holds but for the data port, said later.
                    _log.warning("how to reach the agent could not be said: %s", error)
                    unsaid.set()
                else:
                    unsaid.clear()

        def died(role: str) -> Callable[[str], None]:
            def tell(reason: str) -> None:
                events.append("AW1001", Severity.WARNING, role=role, reason=reason)

            return tell

        def replica_ready(data_address: Any) -> None:
            engines.data_address = str(data_address)
            # The next life of the process listens where this one did: masters find it again.
            replica.arguments = (self._home.path, engines.data_address)
            publish()

        published: list[AgentInfo] = []
        unsaid = threading.Event()
        data_listen = next_port(self._listen)
        replica = RoleProcess(
            "replica",
            (self._home.path, data_listen),
            spawner,
            on_ready=replica_ready,
            on_death=died("replica"),
        )
        master = RoleProcess(
            "master", (self._home.path, ""), spawner, on_ready=lambda _: None, on_death=died("master")
        )
        admission = Admission(self._home, identity.certificate)
        engines = HostEngines(
            self._home.id, identity.fingerprint, events, spawner, master, replica, self._home.path, admission
        )
        peers = Peers(self._home)
        between = PeerHandlers(engines, admission, Names(self._home), peers)
        sessions = Sessions(
            Accounts(self._home),
            self._home.owner_token,
            proved=partial(keep_key_with, self._home.path),
            refused=LoginWatch(events.append).refused,
        )
        certificate = CertificateWatch(identity.certificate, events.append)
        calls = Calls(sessions)
        pool = ThreadPoolExecutor(_QUICK_THREADS, thread_name_prefix="quick-call")
        gate = Gate(calls)
        server = grpc.server(
            pool,
            options=server_options(CONTROL_CONNECTIONS),
            interceptors=[gate],
            maximum_concurrent_rpcs=_CALLS_AT_ONCE,
        )
        handlers = ControlHandlers(calls, sessions, engines, between, peers)
        generated.add_AgentControlServicer_to_server(handlers, server)
        control_address = listen_on(
            server, self._listen, server_credentials(identity.key, identity.certificate)
        )
        try:
            # What the last life left half-done goes first: then no stream can be using it.
            replica.start()
            replica.call("release_abandoned")
            engines.restores.tend()
            engines.sources.release_abandoned()
            server.start()
            serving.set()
            publish()
            notifier.start()
            # It may look at all its roots before it answers; calls to it wait for that, others need not.
            master.start(wait=False)
            _log.info("ready at %s", control_address)
            if ready is not None:
                ready(published[-1])
            while not self._asked_to_end.wait(_SAY_AGAIN_S):
                if unsaid.is_set():
                    publish()
                engines.sources.tend()
                certificate.look()
            _log.info("asked to end")
        finally:
            server.stop(_GRACE_S).wait()
            gate.close()
            calls.close()
            # The master first: it lets the replica take what it has sent.
            master.stop()
            replica.stop()
            notifier.close()
            engines.close()
            spawner.close()
            events.close()


def listen_on(server: grpc.Server, address: str, credentials: grpc.ServerCredentials) -> str:
    """Bind; returns HOST:PORT as bound. Raises ArcxoError AE1004."""
    try:
        port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise ArcxoError("AE1004", address=address, reason=error) from error
    if port == 0:
        raise ArcxoError("AE1004", address=address, reason="the address cannot be bound")
    return f"{address.rpartition(':')[0]}:{port}"
