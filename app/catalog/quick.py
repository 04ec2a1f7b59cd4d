"""Which scenarios are registered, read without SQLAlchemy.

Importing that takes longer than all the rest of a plain command. Nothing is written here, and whatever is
unusual (another form, damage, a lock, no file) is left to the catalog itself, which explains it.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sqlite3
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.catalog.api import Registration
from app.catalog.form import FILE, LEFT_OUT, NEWEST
from app.model.scenario import ProductType, ServerType

_BUSY_WAIT_S = 1.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEFT_OUT = re.compile(re.escape(LEFT_OUT).replace(re.escape("{id}"), "([0-9]+)"))


@dataclass(frozen=True, slots=True)
class Registered:
    """What is registered, by name, and what is left out on purpose."""

    registrations: tuple[Registration, ...]
    left_out: frozenset[int]

    def find(self, name: str) -> Registration | None:
        """By name, else by id as text."""
        by_name = (item for item in self.registrations if item.name == name)
        by_id = (item for item in self.registrations if str(item.id) == name)
        return next(by_name, None) or next(by_id, None)


def read_registered(home: str) -> Registered | None:
    """What the catalog of `home` says; None when it has to be asked itself. Blocks for a small read."""
    path = urllib.parse.quote(os.path.join(home, FILE))
    try:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_BUSY_WAIT_S)
    except sqlite3.Error:
        return None
    try:
        form = database.execute("SELECT version_num FROM alembic_version").fetchone()
        if form is None or form[0] != NEWEST:
            return None
        rows = database.execute(
            "SELECT id, name, master, replicas, roots, server_type, product, registered_at"
            " FROM scenarios ORDER BY name"
        ).fetchall()
        settings = database.execute("SELECT key, value FROM settings").fetchall()
        return Registered(tuple(_registration(*row) for row in rows), left_out_of(settings))
    except (sqlite3.Error, ValueError, TypeError):
        return None
    finally:
        database.close()


def left_out_of(settings: Iterable[tuple[str, str]]) -> frozenset[int]:
    """The scenarios that settings keep out of this home."""
    return frozenset(
        int(found[1]) for key, value in settings if value and (found := _LEFT_OUT.fullmatch(key))
    )


def _registration(
    number: int,
    name: str,
    master: str,
    replicas: str,
    roots: str,
    server_type: str,
    product: str,
    registered_at: int,
) -> Registration:
    return Registration(
        id=number,
        name=name,
        master=master,
        replicas=tuple(json.loads(replicas)),
        roots=tuple(base64.b64decode(root) for root in json.loads(roots)),
        server_type=ServerType(server_type),
        product=ProductType(product),
        registered_at=_EPOCH + timedelta(microseconds=registered_at),
    )
