"""Which of several servers a job is for: one that sees its media, and whose own agent it is about.

Each server says what it can do ("host:NAME", "device:NAME") with its heartbeat. A job is taken by a server
that suits it best among those which live; where none suits, any takes it, and fails with the reason.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from app.catalog.api import Catalog, ServerRecord
from app.model.errors import ArcxoError
from app.model.job import BackupScript, Job, RestoreScript
from app.model.server import SILENT_S

HOST = "host:"
DEVICE = "device:"
_HOLDS_S = 1.0


@dataclass(frozen=True, slots=True)
class Needs:
    """What a job works with: agents of hosts, and devices: one of them (`any_device`) or all."""

    hosts: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    any_device: bool = False


class Affinity:
    """Asked by one server's queue."""

    def __init__(self, catalog: Catalog, server_id: str) -> None:
        self._catalog = catalog
        self._server_id = server_id
        self._read_at = float("-inf")
        self._servers: tuple[ServerRecord, ...] = ()

    def able(self, job: Job) -> bool:
        """Whether this server is one that suits a job best. Blocks on the catalog."""
        servers = self._living()
        if all(one.id == self._server_id for one in servers):
            return True
        needs = needs_of(self._catalog, job)
        own = next((suits(needs, one) for one in servers if one.id == self._server_id), (0, 0))
        return all(suits(needs, one) <= own for one in servers)

    def _living(self) -> tuple[ServerRecord, ...]:
        now = time.monotonic()
        if now - self._read_at > _HOLDS_S:
            self._servers = tuple(one for one in self._catalog.servers.list() if lives(one))
            self._read_at = now
        return self._servers


def lives(server: ServerRecord) -> bool:
    """Whether a server gave a sign of life lately."""
    return server.pid > 0 and server.silent_s <= SILENT_S


def suits(needs: Needs, server: ServerRecord) -> tuple[int, int]:
    """How well a server suits a job, to be compared: first its media, then its agents."""
    devices = needs.devices & _named(server, DEVICE)
    seen = min(len(devices), 1) if needs.any_device else len(devices)
    return seen, len(needs.hosts & _named(server, HOST))


def reason(needs: Needs, server: ServerRecord) -> str:
    """Why a server suits a job, in words; "" when it has nothing that the job needs."""
    devices, hosts = sorted(needs.devices & _named(server, DEVICE)), needs.hosts & _named(server, HOST)
    parts = [f"it sees {', '.join(devices)}"] if devices else []
    parts += [f"it is the host {', '.join(sorted(hosts))}"] if hosts else []
    return " and ".join(parts)


def needs_of(catalog: Catalog, job: Job) -> Needs:
    """What a job works with, as far as the catalog knows."""
    try:
        return _needs(catalog, job)
    except ArcxoError:
        return Needs()  # something is gone: whoever runs it says what


def _needs(catalog: Catalog, job: Job) -> Needs:
    script = job.script
    if isinstance(script, BackupScript):
        registered = [catalog.registrations.show(str(number)) for number in script.scenario_ids]
        hosts = {one.host for one in script.sources}
        for one in registered:
            hosts |= {one.master, script.replica} if script.replica else {one.master, *one.replicas}
        of_group = (one.name for one in catalog.media.devices() if one.group == script.device_group)
        return Needs(frozenset(hosts), frozenset(of_group), any_device=True)
    if isinstance(script, RestoreScript):
        return Needs(
            frozenset({script.host}), _devices_of(catalog, {s.media_serial for s in script.selections})
        )
    if isinstance(script, dict):
        if script.get("device"):
            return Needs(devices=frozenset({script["device"]}))
        if script.get("media"):
            return Needs(devices=_devices_of(catalog, {script["media"]}))
    return Needs()


def _devices_of(catalog: Catalog, serials: Iterable[str]) -> frozenset[str]:
    return frozenset(catalog.media.show_media(serial).device for serial in serials) - {""}


def _named(server: ServerRecord, kind: str) -> frozenset[str]:
    return frozenset(one.removeprefix(kind) for one in server.capabilities if one.startswith(kind))
