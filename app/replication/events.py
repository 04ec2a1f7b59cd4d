"""The events of this host's engines: durable, numbered, written by several processes."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from app.model.events import EventRecord, Severity

EVENTS_KEPT = 200_000
_TRIM_EVERY = 1_000
_BUSY_TIMEOUT_S = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    code TEXT NOT NULL,
    severity TEXT NOT NULL,
    at TEXT NOT NULL,
    scenario_id INTEGER,
    scenario_name TEXT NOT NULL,
    params TEXT NOT NULL
) STRICT
"""


class EventStore:
    """A SQLite file (WAL) of events. Usable from any thread; each call blocks for one small transaction."""

    def __init__(self, path: str, host: str) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._database = sqlite3.connect(
            path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(_SCHEMA)

    def append(
        self,
        code: str,
        severity: Severity,
        *,
        scenario_id: int | None = None,
        scenario_name: str = "",
        **params: object,
    ) -> EventRecord:
        """Add one event and return it with its number. `params` fill the catalogue's template of `code`."""
        at = datetime.now(UTC)
        texts = {key: str(value) for key, value in params.items()}
        with self._lock:
            cursor = self._database.execute(
                "INSERT INTO event (code, severity, at, scenario_id, scenario_name, params)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (code, severity.value, at.isoformat(), scenario_id, scenario_name, json.dumps(texts)),
            )
            sequence = cursor.lastrowid or 0
            if sequence % _TRIM_EVERY == 0:
                self._database.execute("DELETE FROM event WHERE sequence <= ?", (sequence - EVENTS_KEPT,))
        return EventRecord(sequence, code, severity, at, self._host, scenario_id, scenario_name, texts)

    def newer_than(self, sequence: int, limit: int = 1000) -> Sequence[EventRecord]:
        """Up to `limit` events after `sequence`, oldest first."""
        with self._lock:
            rows = self._database.execute(
                "SELECT sequence, code, severity, at, scenario_id, scenario_name, params FROM event"
                " WHERE sequence > ? ORDER BY sequence LIMIT ?",
                (sequence, limit),
            ).fetchall()
        return [
            EventRecord(
                number,
                code,
                Severity(severity),
                datetime.fromisoformat(at),
                self._host,
                scenario,
                name,
                json.loads(params),
            )
            for number, code, severity, at, scenario, name, params in rows
        ]

    def close(self) -> None:
        """Close the file; repeated calls do nothing."""
        with self._lock:
            self._database.close()
