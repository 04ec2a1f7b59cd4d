"""Alert targets, and the messages to them, queued together with how far the activity log was read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from app.catalog import dialect
from app.catalog.database import Database
from app.catalog.log import record_of
from app.catalog.tables import activity, alert_deliveries, alert_targets, settings
from app.model.alert import AlertEvent, AlertMethod, AlertTarget, Delivery, DeliveryState
from app.model.errors import NotFoundError
from app.model.events import ActivityRecord, Severity

_POSITION = "alerts.position"


class SqlAlerts:
    """See `app.catalog.alerts_api.Alerts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def targets(self) -> Sequence[AlertTarget]:
        """By name."""
        with self._database.read() as c:
            found = c.execute(select(alert_targets).order_by(alert_targets.c.name)).all()
        return [
            AlertTarget(
                name=row.name,
                method=AlertMethod(row.method),
                address=row.address,
                events=tuple(AlertEvent(one) for one in json.loads(row.events)),
                codes=tuple(json.loads(row.codes)),
                enabled=row.enabled,
            )
            for row in found
        ]

    def put_target(self, target: AlertTarget, sealed: bytes) -> None:
        """Insert or replace by name."""
        values = {
            "name": target.name,
            "method": target.method.value,
            "address": target.address,
            "events": json.dumps([event.value for event in target.events]),
            "codes": json.dumps(list(target.codes)),
            "enabled": target.enabled,
            "sealed": sealed,
        }
        with self._database.write() as c:
            c.execute(delete(alert_targets).where(alert_targets.c.name == target.name))
            c.execute(insert(alert_targets).values(values))

    def sealed(self, name: str) -> bytes:
        """Raises NotFoundError E6030."""
        with self._database.read() as c:
            statement = select(alert_targets.c.sealed).where(alert_targets.c.name == name)
            row = c.execute(statement).one_or_none()
        if row is None:
            raise NotFoundError("E6030", target=name)
        return bytes(row.sealed or b"")

    def remove_target(self, name: str) -> None:
        """Raises NotFoundError E6030."""
        with self._database.write() as c:
            if not c.execute(delete(alert_targets).where(alert_targets.c.name == name)).rowcount:
                raise NotFoundError("E6030", target=name)
            waiting = alert_deliveries.c.state == DeliveryState.WAITING.value
            c.execute(delete(alert_deliveries).where(waiting, alert_deliveries.c.target == name))

    def lines_after(self, position: int, limit: int = 500) -> Sequence[ActivityRecord]:
        """Oldest first."""
        statement = select(activity).where(activity.c.id > position).order_by(activity.c.id).limit(limit)
        with self._database.read() as c:
            return [record_of(row) for row in c.execute(statement)]

    def last_line(self) -> int:
        """0 for an empty log."""
        with self._database.read() as c:
            return int(c.execute(select(func.max(activity.c.id))).scalar() or 0)

    def position(self) -> int | None:
        """None = the log was never read."""
        with self._database.read() as c:
            found = c.execute(select(settings.c.value).where(settings.c.key == _POSITION)).scalar()
        return None if found is None else int(found)

    def queue(self, deliveries: Sequence[Delivery], *, position: int) -> int:
        """Returns how many are new."""
        added = 0
        with self._database.write() as c:
            now = dialect.now_us(c)
            for one in deliveries:
                known = select(alert_deliveries.c.id).where(
                    alert_deliveries.c.target == one.target, alert_deliveries.c.key == one.key
                )
                if c.execute(known).first() is not None:
                    continue
                values = {
                    "target": one.target,
                    "key": one.key,
                    "code": one.code,
                    "severity": one.severity.value,
                    "params": json.dumps(one.params),
                    "job_id": one.job_id,
                    "scenario": one.scenario,
                    "at": now if one.at is None else dialect.to_us(one.at),
                    "state": DeliveryState.WAITING.value,
                    "next_at": now,
                }
                c.execute(insert(alert_deliveries).values(values))
                added += 1
            c.execute(delete(settings).where(settings.c.key == _POSITION))
            c.execute(insert(settings).values(key=_POSITION, value=str(position)))
        return added

    def take_due(self, *, lease_seconds: float) -> Delivery | None:
        """None when nothing is due; that takes no lock."""
        with self._database.read() as c:
            if c.execute(_due(dialect.now_us(c))).first() is None:
                return None
        with self._database.write() as c:
            now = dialect.now_us(c)
            row = c.execute(_due(now).with_for_update(skip_locked=True)).first()
            if row is None:
                return None
            values = {"attempts": row.attempts + 1, "next_at": now + int(lease_seconds * 1_000_000)}
            c.execute(update(alert_deliveries).where(alert_deliveries.c.id == row.id).values(values))
            taken = c.execute(select(alert_deliveries).where(alert_deliveries.c.id == row.id)).one()
        return _delivery(taken)

    def record(
        self, delivery: Delivery, *, sent: bool, error: str = "", retry_in_s: float | None = None
    ) -> None:
        """What became of an attempt."""
        with self._database.write() as c:
            now = dialect.now_us(c)
            values: dict[str, Any] = {"error": error}
            if sent:
                values |= {"state": DeliveryState.SENT.value, "sent_at": now, "next_at": None}
            elif retry_in_s is None:
                values |= {"state": DeliveryState.FAILED.value, "next_at": None}
            else:
                values["next_at"] = now + int(retry_in_s * 1_000_000)
            c.execute(update(alert_deliveries).where(alert_deliveries.c.id == delivery.id).values(values))

    def deliveries(self, *, limit: int = 200) -> Sequence[Delivery]:
        """Newest first."""
        statement = select(alert_deliveries).order_by(alert_deliveries.c.id.desc()).limit(limit)
        with self._database.read() as c:
            return [_delivery(row) for row in c.execute(statement)]

    def prune(self, older_than: datetime) -> int:
        """Those that wait stay."""
        done = alert_deliveries.c.state != DeliveryState.WAITING.value
        old = alert_deliveries.c.at < dialect.to_us(older_than)
        with self._database.write() as c:
            return int(c.execute(delete(alert_deliveries).where(done, old)).rowcount)


def _due(now: int) -> Any:
    waiting = alert_deliveries.c.state == DeliveryState.WAITING.value
    return (
        select(alert_deliveries.c.id, alert_deliveries.c.attempts)
        .where(waiting, alert_deliveries.c.next_at <= now)
        .order_by(alert_deliveries.c.next_at, alert_deliveries.c.id)
        .limit(1)
    )


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        target=row.target,
        key=row.key,
        code=row.code,
        severity=Severity(row.severity),
        params=json.loads(row.params),
        job_id=row.job_id,
        scenario=row.scenario,
        at=dialect.from_us(row.at),
        state=DeliveryState(row.state),
        attempts=row.attempts,
        next_at=dialect.maybe_time(row.next_at),
        sent_at=dialect.maybe_time(row.sent_at),
        error=row.error,
    )
