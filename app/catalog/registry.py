"""Settings, hosts and scenario registrations."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Table, delete, insert, select, update
from sqlalchemy.dialects import postgresql

from app.catalog import dialect, rows
from app.catalog.api import Registration
from app.catalog.database import Database
from app.catalog.tables import hosts, scenarios, settings
from app.model.errors import NotFoundError, UsageError
from app.model.host import Host
from app.model.scenario import ProductType, ServerType

LOCAL_HOST = "localhost"


def put_row(connection: Any, table: Table, key: str, values: dict[str, Any]) -> None:
    """Update the row whose `key` column equals that of `values`, or insert it. In a write transaction."""
    column = table.c[key]
    if connection.dialect.name == "postgresql":
        # Another server may insert it at the same moment.
        made = postgresql.insert(table).values(values)
        connection.execute(made.on_conflict_do_update(index_elements=[column], set_=values))
        return
    if connection.execute(update(table).where(column == values[key]).values(values)).rowcount == 0:
        connection.execute(insert(table).values(values))


class SqlSettings:
    """Small values by key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str, default: str = "") -> str:
        """The value, or `default`."""
        with self._database.read() as c:
            found = c.execute(select(settings.c.value).where(settings.c.key == key)).scalar_one_or_none()
        return default if found is None else str(found)

    def put(self, key: str, value: str) -> None:
        """Set a value."""
        with self._database.write() as c:
            put_row(c, settings, "key", {"key": key, "value": value})

    def remove(self, key: str) -> None:
        """Remove a value; no error when there is none."""
        with self._database.write() as c:
            c.execute(delete(settings).where(settings.c.key == key))

    def all(self) -> dict[str, str]:
        """All values."""
        with self._database.read() as c:
            return {row.key: row.value for row in c.execute(select(settings))}


class SqlHosts:
    """Known hosts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> Sequence[Host]:
        """`localhost` first, then by name."""
        with self._database.read() as c:
            found = [_host(row) for row in c.execute(select(hosts).order_by(hosts.c.name))]
        local = [host for host in found if host.name == LOCAL_HOST] or [Host(LOCAL_HOST, "")]
        return local + [host for host in found if host.name != LOCAL_HOST]

    def show(self, name: str) -> Host:
        """A host by name. Raises NotFoundError E6012."""
        for host in self.list():
            if host.name == name:
                return host
        raise NotFoundError("E6012", name=name)

    def put(self, host: Host) -> None:
        """Insert or replace."""
        values = {
            "name": host.name,
            "address": host.address,
            "user_name": host.user,
            "fingerprint": host.fingerprint,
        }
        with self._database.write() as c:
            put_row(c, hosts, "name", values)

    def remove(self, name: str) -> None:
        """Forget a host. Raises NotFoundError E6012."""
        with self._database.write() as c:
            if c.execute(delete(hosts).where(hosts.c.name == name)).rowcount == 0:
                raise NotFoundError("E6012", name=name)


class SqlRegistrations:
    """Registered scenarios."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> Sequence[Registration]:
        """By name."""
        with self._database.read() as c:
            return [_registration(row) for row in c.execute(select(scenarios).order_by(scenarios.c.name))]

    def show(self, name: str) -> Registration:
        """By name, else by id as text. Raises NotFoundError E6011."""
        found = self.list()
        for registration in found:
            if registration.name == name:
                return registration
        for registration in found:
            if str(registration.id) == name:
                return registration
        raise NotFoundError("E6011", name=name)

    def put(self, registration: Registration) -> None:
        """Insert, or replace the one of that id. Raises UsageError E6005."""
        at = dialect.maybe_us(registration.registered_at)
        values = {
            "id": registration.id,
            "name": registration.name,
            "master": registration.master,
            "replicas": json.dumps(list(registration.replicas)),
            "roots": json.dumps([rows.encode_bytes(root) for root in registration.roots]),
            "server_type": registration.server_type.value,
            "product": registration.product.value,
            "registered_at": time.time_ns() // 1000 if at is None else at,
        }
        with self._database.write() as c:
            same = select(scenarios.c.id).where(
                scenarios.c.name == registration.name, scenarios.c.id != registration.id
            )
            other = c.execute(same).scalar_one_or_none()
            if other is not None:
                raise UsageError("E6005", name=registration.name, id=other)
            put_row(c, scenarios, "id", values)

    def remove(self, scenario_id: int) -> None:
        """Forget a registration. Raises NotFoundError E6011."""
        with self._database.write() as c:
            if c.execute(delete(scenarios).where(scenarios.c.id == scenario_id)).rowcount == 0:
                raise NotFoundError("E6011", name=scenario_id)


def _host(row: Row[Any]) -> Host:
    return Host(row.name, row.address, row.user_name, row.fingerprint)


def _registration(row: Row[Any]) -> Registration:
    return Registration(
        id=row.id,
        name=row.name,
        master=row.master,
        replicas=tuple(json.loads(row.replicas)),
        roots=tuple(rows.decode_bytes(root) for root in json.loads(row.roots)),
        server_type=ServerType(row.server_type),
        product=ProductType(row.product),
        registered_at=dialect.from_us(row.registered_at),
    )
