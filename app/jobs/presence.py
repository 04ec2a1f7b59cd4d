"""What a server of several says of itself: which media directories it sees, and how its agent is reached."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable

from app.agent.client import connect_local
from app.agent.home import AgentHome, AgentInfo
from app.catalog.api import Catalog
from app.jobs.affinity import DEVICE, HOST, lives
from app.jobs.home import OWNER
from app.media.device import look_at_device
from app.model.errors import ArcxoError
from app.model.host import Host

_LOG = logging.getLogger(__name__)
_LOOK_EVERY_S = 5.0
_DUTY_LEASE_S = 30.0
_WATCH = "watch"
_LOOKS = 2


class Presence:
    """One thread from `start` to `close`: looking at a directory may hang, and a heartbeat may not.

    `report(code, **params)` adds a line to the activity log. `name` is this server's host name.
    """

    def __init__(
        self, home: str, catalog: Catalog, server_id: str, name: str, report: Callable[..., None]
    ) -> None:
        self._home = home
        self._catalog = catalog
        self._server_id = server_id
        self._name = name
        self._report = report
        self._stopping = threading.Event()
        self._seen: frozenset[str] = frozenset()
        self._told: tuple[str, ...] = ()
        self._silent: dict[str, int] = {}
        self._known_as: AgentInfo | None = None
        self._duty_until = 0.0
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def start(self) -> None:
        """Look once, then again and again beside the caller."""
        self._step(self.look)
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        """End after the look under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What goes with the heartbeat."""
        return (f"{HOST}{self._name}", *sorted(f"{DEVICE}{name}" for name in self._seen))

    def on_duty(self) -> bool:
        """Whether what one server does for all is this one's: the reader of it is not asked twice."""
        return time.monotonic() < self._duty_until

    def look(self) -> None:
        """Look at the devices, the agent and the other servers, and say what has changed."""
        devices = self._catalog.media.devices()
        states = {one: look_at_device(one.name, one.path, one.identity) for one in devices if one.online}
        self._seen = frozenset(one.name for one, state in states.items() if state.readable)
        unseen = tuple(f"{one.name} ({one.path})" for one in states if one.name not in self._seen)
        if unseen and unseen != self._told:
            self._report("W5785", name=self._name, devices=", ".join(unseen))
        self._told = unseen
        self._introduce()
        began = time.monotonic()
        if self._catalog.servers.takes_duty(self._server_id, _WATCH, _DUTY_LEASE_S):
            # Shorter than the lease: a clock that runs slower must not make two of one.
            self._duty_until = began + _DUTY_LEASE_S * 0.8
            self._watch_others()

    def _introduce(self) -> None:
        """Let the others know how this server's agent is reached, whenever it is another one."""
        info = AgentHome(self._home).running()
        if info is None or info == self._known_as:
            return
        agent = connect_local(self._home)
        try:
            agent.set_name(self._name)
        finally:
            agent.close()
        self._catalog.hosts.put(
            Host(self._name, _reachable(self._home, info.address), OWNER, info.fingerprint)
        )
        self._known_as = info

    def _watch_others(self) -> None:
        for one in self._catalog.servers.list():
            if one.pid == 0 or lives(one):
                self._silent.pop(one.id, None)
            else:
                # Twice in a row: when the database was away, nobody's signs of life came through.
                self._silent[one.id] = self._silent.get(one.id, 0) + 1
                if self._silent[one.id] == _LOOKS:
                    self._report("W5788", name=one.name, seconds=round(one.silent_s))

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_S):
            self._step(self.look)

    def _step(self, work: Callable[[], None]) -> None:
        try:
            work()
        except ArcxoError as error:
            _LOG.info("looking around stopped for now: %s", error)
        except Exception:  # noqa: BLE001 - a bug ends this look, not the server
            _LOG.exception("unexpected failure in looking around")


def _reachable(home: str, address: str) -> str:
    """How other machines reach an agent: by this machine's name where it listens everywhere."""
    listens = AgentHome(home).listen.rpartition(":")[0]
    if listens in ("0.0.0.0", "[::]"):  # noqa: S104 - what is listened at, not a bind
        return f"{socket.getfqdn()}:{address.rpartition(':')[2]}"
    return address
