"""The known hosts and which of them are this machine, read once a second for all who ask about them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from app.catalog.api import Catalog
    from app.model.host import Host

_HOLDS_S = 1.0
Stamp = tuple[int, int, int]


class _Known(NamedTuple):
    until: float
    stamp: Stamp | None
    hosts: dict[str, Host]
    own: frozenset[str]


class HostNames:
    """Usable from any thread. `stamp` tells one agent of the home from another, None when there is none."""

    def __init__(self, home: str, catalog: Callable[[], Catalog], stamp: Callable[[], Stamp | None]) -> None:
        self._home = home
        self._catalog = catalog
        self._stamp = stamp
        self._guard = threading.Lock()
        self._known: _Known | None = None

    def is_own(self, name: str) -> bool:
        """Whether other hosts know the agent of this home by that name."""
        return name in self._read().own

    def show(self, name: str) -> Host:
        """A known host. Raises NotFoundError E6012."""
        return self._read().hosts.get(name) or self._catalog().hosts.show(name)

    def forget(self) -> None:
        """Something has changed: read anew."""
        with self._guard:
            self._known = None

    def _read(self) -> _Known:
        stamp = self._stamp()
        # Of many who ask at once one reads; the others have what it found.
        with self._guard:
            known = self._known
            if known is None or known.stamp != stamp or time.monotonic() > known.until:
                self._known = known = self._found(stamp)
            return known

    def _found(self, stamp: Stamp | None) -> _Known:
        from app.agent.home import AgentHome

        hosts = {host.name: host for host in self._catalog().hosts.list()}
        running = AgentHome(self._home).running()
        own: frozenset[str] = frozenset()
        if running is not None:
            own = frozenset(name for name, host in hosts.items() if host.fingerprint == running.fingerprint)
        return _Known(time.monotonic() + _HOLDS_S, stamp, hosts, own)
