"""The activity log: codes and parameters; text is made at the edge."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select

from app import messages
from app.catalog import dialect
from app.catalog.database import Database
from app.catalog.log_search import may_hold
from app.catalog.tables import TROUBLE, activity
from app.model.events import ActivityRecord, Severity
from app.model.job_log import PACKED_CODES

_PAGE = 500
_TROUBLE = frozenset({Severity.WARNING, Severity.ERROR, Severity.CRITICAL})


class SqlActivityLog:
    """See `app.catalog.api.ActivityLog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(
        self,
        code: str,
        severity: Severity,
        *,
        server: str = "",
        job_id: int | None = None,
        parent_job_id: int | None = None,
        session: int | None = None,
        scenario: str = "",
        **params: object,
    ) -> int:
        """Add a line; returns its id, which grows."""
        # What a line is about is part of its text too.
        if scenario:
            params["scenario"] = scenario
        if session is not None:
            params["session"] = session
        with self._database.write() as c:
            values = {
                "severity": severity.value,
                "at": dialect.now_us(c),
                "server": server,
                "code": code,
                "job_id": job_id,
                "parent_job_id": parent_job_id,
                "session": session,
                "scenario": scenario,
                "params": json.dumps({key: str(value) for key, value in params.items()}),
            }
            inserted = c.execute(insert(activity).values(values))
            assert inserted.inserted_primary_key is not None
            return int(inserted.inserted_primary_key[0])

    def list(
        self,
        *,
        job_id: int | None = None,
        severities: Sequence[Severity] = (),
        newer_than: int = 0,
        older_than: int = 0,
        text: str = "",
        limit: int = 1000,
    ) -> Sequence[ActivityRecord]:
        """Newest first."""
        statement = select(activity).where(activity.c.id > newer_than).order_by(activity.c.id.desc())
        if older_than:
            statement = statement.where(activity.c.id < older_than)
        if job_id is None:
            statement = statement.where(activity.c.code.not_in(PACKED_CODES))
        else:
            statement = statement.where(or_(activity.c.job_id == job_id, activity.c.parent_job_id == job_id))
        if severities:
            statement = statement.where(activity.c.severity.in_([severity.value for severity in severities]))
            if _TROUBLE.issuperset(severities):
                statement = statement.where(TROUBLE)
        if not text:
            with self._database.read() as c:
                return [record_of(row) for row in c.execute(statement.limit(limit))]
        wanted = text.casefold()
        likely = may_hold(wanted, caseless=not self._database.shared)
        if likely is not None:
            statement = statement.where(likely)
        found: list[ActivityRecord] = []
        before: int | None = None
        while len(found) < limit:
            page = statement if before is None else statement.where(activity.c.id < before)
            with self._database.read() as c:
                records = [record_of(row) for row in c.execute(page.limit(_PAGE))]
            found += [record for record in records if wanted in _line(record).casefold()]
            if len(records) < _PAGE:
                break
            before = records[-1].id
        return found[:limit]

    def prune(self, older_than: datetime) -> int:
        """Delete lines older than a time."""
        with self._database.write() as c:
            old = activity.c.at < dialect.to_us(older_than)
            return int(c.execute(delete(activity).where(old)).rowcount)


def _line(record: ActivityRecord) -> str:
    text = f"{record.code} {messages.render(record.code, record.params).text}"
    return f"{text} {record.params.get('lines', '')}" if record.code in PACKED_CODES else text


def record_of(row: Row[Any]) -> ActivityRecord:
    """A line of the activity log from its row."""
    return ActivityRecord(
        id=row.id,
        severity=Severity(row.severity),
        at=dialect.from_us(row.at),
        server=row.server,
        code=row.code,
        job_id=row.job_id,
        parent_job_id=row.parent_job_id,
        session=row.session,
        scenario=row.scenario,
        params=json.loads(row.params),
    )
