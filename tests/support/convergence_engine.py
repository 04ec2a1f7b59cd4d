"""One engine in a process of its own, to be killed: `python -m tests.support.convergence_engine ROLE …`.

Commands come as JSON lines on standard input, one answer each on standard output; the stream between the
two engines is a socket in the file system.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
from typing import Any

from app.model.errors import ArcxoError
from app.model.scenario import NewScenario, ReplicaSpec, Root, Scenario, ScenarioProperties, SyncMethod
from app.replication.events import EventStore
from app.replication.master.engine import MasterEngine
from app.replication.replica.engine import ReplicaEngine
from app.replication.throttle import Throttle
from tests.support.hesitation import HESITATE, hesitate
from tests.support.inotify_queue import QUEUE_EVENTS, queue_of


class SocketLink:
    """A `Link` over a connected socket: frames with their length before them."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._buffer = bytearray()
        self._closed = False

    def pace(self, throttle: Throttle) -> None:
        pass

    def send(self, frame: bytes, *, urgent: bool = False) -> None:
        if not self._sending.acquire(blocking=not urgent):
            return
        try:
            try:
                self._connection.sendall(struct.pack("<I", len(frame)) + frame)
            except OSError as error:
                raise ArcxoError("ER00201", host="peer") from error
        finally:
            self._sending.release()

    def receive(self, timeout_s: float) -> bytes | None:
        while True:
            if len(self._buffer) >= 4:
                (length,) = struct.unpack_from("<I", self._buffer)
                if len(self._buffer) >= 4 + length:
                    frame = bytes(self._buffer[4 : 4 + length])
                    del self._buffer[: 4 + length]
                    return frame
            try:
                if not select.select([self._connection], [], [], timeout_s)[0]:
                    return None
                data = self._connection.recv(1 << 20)
            except (OSError, ValueError) as error:
                raise ArcxoError("ER00201", host="peer") from error
            if not data:
                raise ArcxoError("ER00201", host="peer")
            self._buffer += data

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)


class Connector:
    """Connects the master's engine to the replica's socket; `cut` closes what is open."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._links: list[SocketLink] = []

    def connect(self, _scenario: Scenario, replica: ReplicaSpec, timeout_s: float) -> SocketLink:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout_s)
        try:
            connection.connect(self._address)
        except OSError as error:
            connection.close()
            raise ArcxoError("ER00202", host=replica.host, reason=str(error)) from error
        connection.settimeout(None)
        link = SocketLink(connection)
        self._links.append(link)
        return link

    def cut(self) -> None:
        for link in self._links:
            link.close()
        self._links.clear()


class MasterRole:
    """Commands of the master's engine."""

    def __init__(self, home: str, address: str) -> None:
        events = EventStore(home + "/engine/events.sqlite3", "localhost")
        self._connector = Connector(address)
        self._engine = MasterEngine(
            home + "/engine", "localhost", self._connector, events, (os.fsencode(home),)
        )
        self._engine.start()

    def create(self, masters: list[str], replicas: list[str], properties: dict[str, Any]) -> int:
        if "sync" in properties:
            properties["sync"] = SyncMethod(properties["sync"])
        scenario = NewScenario(
            "files",
            "localhost",
            (ReplicaSpec("localhost", tuple(os.fsencode(path) for path in replicas)),),
            tuple(Root(os.fsencode(path)) for path in masters),
            properties=ScenarioProperties(spool_min_free_mb=0, brake_percent=0, **properties),
        )
        return self._engine.create(scenario).id

    def run(self, number: int) -> None:
        self._engine.run(number)

    def stop(self, number: int) -> None:
        self._engine.stop(number)

    def suspend(self, number: int) -> None:
        self._engine.suspend(number)

    def resume(self, number: int) -> None:
        self._engine.resume(number)

    def synchronize(self, number: int) -> None:
        self._engine.synchronize(number)

    def bookmark(self, number: int, text: str) -> str:
        return self._engine.bookmark(number, text).id

    def barrier(self, number: int, timeout_s: float) -> None:
        self._engine.barrier(number, timeout_s)

    def state(self, number: int) -> list[str]:
        status = self._engine.status(number)
        return [status.state.value, status.reason, *(r.state.value for r in status.replicas)]

    def problems(self, number: int) -> list[str]:
        return [str(problem) for problem in self._engine.status(number).problems]

    def cut(self) -> None:
        self._connector.cut()

    def queue(self, events: int) -> None:
        queue_of(events)

    def close(self) -> None:
        self._engine.close()


class ReplicaRole:
    """Commands of the replica's engine; every connection is served by a thread."""

    def __init__(self, home: str, address: str) -> None:
        events = EventStore(home + "/engine/events.sqlite3", "localhost")
        self._engine = ReplicaEngine(home + "/engine", "localhost", events)
        self._engine.start()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address)
        self._listener.listen()
        self._served: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, name="accept", daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), name="replica-stream")
            self._served.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            self._engine.serve(SocketLink(connection))
        finally:
            connection.close()

    def points(self, number: int) -> list[list[str]]:
        return [[point.id, point.text] for point in self._engine.rewind_points(number, limit=100_000)]

    def position(self, number: int) -> list[object]:
        with self._engine.freeze(number) as frozen:
            return [frozen.incarnation, frozen.change]

    def changed_since(self, number: int, incarnation: str, change: int) -> list[list[object]] | None:
        found = self._engine.changed_since(number, incarnation, change)
        return None if found is None else [[root, path.hex(), kind] for root, path, kind in found]

    def rewind(self, number: int, point: str) -> list[str]:
        return [f"{action}: {count}" for action, count in self._engine.rewind(number, point).counts.items()]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._engine.close()
        for thread in self._served:
            thread.join(20)


def _trace(path: str) -> None:
    """Write what capture tells and what is recorded to a file, to see why something did not converge."""
    import time

    from app.replication.master.outlet import Outlet
    from app.replication.master.root_listener import RootListener
    from app.replication.replica import steps
    from app.replication.replica.carrier import Carrier
    from app.replication.replica.replica_store import ReplicaStore

    # Line-buffered, so that a kill loses nothing.
    file = open(path, "a", buffering=1)  # noqa: SIM115 - open as long as the process

    def wrap(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            root = getattr(self, "_number", "")
            what = f"{args} {kwargs or ''}"
            file.write(f"{time.time():.4f} {os.getpid()} {name} {root} {what[:600]}\n")
            return original(self, *args, **kwargs)

        setattr(owner, name, call)

    for name in ("changed", "tree_changed", "left", "moved", "unwatched", "overflowed", "root_lost"):
        wrap(RootListener, name)
    wrap(Outlet, "put")
    wrap(Carrier, "carry")
    wrap(ReplicaStore, "commit")
    wrap(ReplicaStore, "roll_back")
    for function in ("do_move", "do_replace", "do_metadata", "do_blocks", "undo", "set_time"):
        wrap(steps, function)


def main() -> None:
    queue_of(int(os.environ[QUEUE_EVENTS]))
    if os.environ.get(HESITATE):
        hesitate(float(os.environ[HESITATE]))
    if os.environ.get("ARCXO_TRACE"):
        _trace(os.environ["ARCXO_TRACE"])
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    role_class = {"master": MasterRole, "replica": ReplicaRole}[sys.argv[1]]
    os.umask(0o022)
    role = role_class(sys.argv[2], sys.argv[3])
    print(json.dumps({"result": "ready"}), flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            answer: dict[str, Any] = {"result": getattr(role, name)(*arguments)}
        except ArcxoError as error:
            answer = {"error": error.code, "text": f"{error} {error.params}"}
        if name == "close":
            alive = [t.name for t in threading.enumerate() if t is not threading.current_thread()]
            answer["result"] = [name for name in alive if name != "accept"]
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
