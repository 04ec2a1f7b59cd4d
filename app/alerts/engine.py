"""Alerts: each line of the activity log that somebody wants to know of becomes a message, and is delivered.

What is to be told is queued in the transaction that notes how far the log was read, under a key: nothing is
left out, nothing told twice. A delivery that fails is tried again, ever more seldom, for a day; each is
recorded.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from app.alerts import sending
from app.alerts.matching import event_of, key_of
from app.catalog.api import Catalog
from app.messages import render
from app.model.alert import AlertTarget, Delivery
from app.model.errors import ArcxoError, NotFoundError
from app.model.events import ActivityRecord, Severity

_LOG = logging.getLogger(__name__)
PURPOSE = "alert target"
_POLL_S = 2.0
_LEASE_S = 120.0
_PAGE = 500
_AT_ONCE = 100
_RETRY_S = (30.0, 120.0, 600.0, 1800.0, 3600.0)
_MOST_ATTEMPTS = 26
_KEPT_DAYS = 90
_JOB_NAME = "job_name"


class Sealed(Protocol):
    """Opens what is sealed with the installation key."""

    def open(self, sealed: bytes, purpose: str = "") -> bytes:
        """The plain value."""
        ...


class AlertEngine:
    """One thread from `start` to `close`; `collect` and `deliver` may be called without it.

    `watch` is called in each round before the log is read: it may add lines to it. Both are done only while
    `on_duty`: one of several servers does it for all. What is queued any of them delivers.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: Sealed,
        server: str,
        watch: Callable[[], None] = lambda: None,
        on_duty: Callable[[], bool] = lambda: True,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._server = server
        self._watch = watch
        self._on_duty = on_duty
        self._pruned_at = datetime.min.replace(tzinfo=UTC)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        """End after the message under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def collect(self) -> int:
        """Queue a message for each new line that a target wants; returns how many are new."""
        alerts = self._catalog.alerts
        position = alerts.position()
        if position is None:
            # What was before anybody could be told is not told now.
            alerts.queue([], position=alerts.last_line())
            return 0
        added = 0
        while not self._stopping.is_set():
            lines = alerts.lines_after(position, _PAGE)
            if not lines:
                break
            targets = alerts.targets()
            wanted = [
                self._delivery(target, line) for line in lines for target in targets if _wants(target, line)
            ]
            position = lines[-1].id
            added += alerts.queue(wanted, position=position)
        return added

    def deliver(self) -> int:
        """Deliver what is due; returns how many messages reached their targets."""
        sent = 0
        for _ in range(_AT_ONCE):
            if self._stopping.is_set():
                break
            found = self._catalog.alerts.take_due(lease_seconds=_LEASE_S)
            if found is None:
                break
            sent += self._deliver(found)
        return sent

    def _delivery(self, target: AlertTarget, line: ActivityRecord) -> Delivery:
        return Delivery(
            id=0,
            target=target.name,
            key=key_of(line),
            code=line.code,
            severity=line.severity,
            params={**line.params, _JOB_NAME: self._job_name(line)},
            job_id=line.job_id,
            scenario=line.scenario,
            at=line.at,
        )

    def _job_name(self, line: ActivityRecord) -> str:
        """The name that people gave the job; by the time of delivery it may be gone."""
        if line.job_id is None:
            return ""
        try:
            return self._catalog.jobs.show(line.job_id).name
        except NotFoundError:
            return ""

    def _deliver(self, one: Delivery) -> bool:
        alerts = self._catalog.alerts
        target = next((each for each in alerts.targets() if each.name == one.target), None)
        try:
            if target is None:
                raise NotFoundError("E6030", target=one.target)
            address = self._store.open(alerts.sealed(one.target), PURPOSE).decode()
            sending.send(target.method, address, message_of(one, self._server))
        except ArcxoError as error:
            text = render(error.code, error.params).text
            again = target is not None and one.attempts < _MOST_ATTEMPTS
            pause = _RETRY_S[min(one.attempts, len(_RETRY_S)) - 1] if again else None
            alerts.record(one, sent=False, error=text, retry_in_s=pause)
            _LOG.info("alert %d to %s, attempt %d: %s", one.id, one.target, one.attempts, text)
            if pause is None or one.attempts == 1:
                code = "W5805" if pause is not None else "E5806"
                self._tell(code, target=one.target, details=text, attempts=one.attempts)
            return False
        alerts.record(one, sent=True)
        return True

    def _tell(self, code: str, **params: Any) -> None:
        severity = Severity.WARNING if code.startswith("W") else Severity.ERROR
        self._catalog.log.append(code, severity, server=self._server, **params)

    def _run(self) -> None:
        while not self._stopping.is_set():
            own = (self._watch, self.collect, self._prune) if self._on_duty() else ()
            for work in (*own, self.deliver):
                try:
                    work()
                except ArcxoError as error:
                    _LOG.info("alerts stopped for now: %s", error)
                except Exception:  # noqa: BLE001 - a bug ends this round, not the alerts
                    _LOG.exception("unexpected failure in alerts")
            self._stopping.wait(_POLL_S)

    def _prune(self) -> None:
        now = datetime.now(UTC)
        if now - self._pruned_at > timedelta(hours=6):
            self._catalog.alerts.prune(now - timedelta(days=_KEPT_DAYS))
            self._pruned_at = now


def message_of(one: Delivery, server: str) -> sending.Message:
    """The text of a message: what happened, where, and what to do."""
    found = render(one.code, one.params)
    job = f", job {one.job_id}" if one.job_id else ""
    subject = f"{one.scenario}: " if one.scenario else ""
    at = one.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if one.at else ""
    lines = [f"{one.code}: {found.text}", found.reason, found.action, f"{at}, server {server}{job}"]
    name = one.params.get(_JOB_NAME) or one.params.get("name", "")
    title = (
        f"Arcxo: {subject}{found.text}" if not name or name in found.text else f"Arcxo: {name}: {found.text}"
    )
    fields: dict[str, object] = {
        "code": one.code,
        "severity": one.severity.value,
        "server": server,
        "job": one.job_id or "",
        "job_name": name,
        "scenario": one.scenario,
        "at": one.at.isoformat() if one.at else "",
        "key": one.key,
    }
    urgent = one.severity in (Severity.ERROR, Severity.CRITICAL)
    return sending.Message(title[:200], "\n".join(line for line in lines if line), fields, urgent)


def _wants(target: AlertTarget, line: ActivityRecord) -> bool:
    # What alerts say of themselves is told to nobody: that would never end.
    return line.code not in ("W5805", "E5806") and target.wants(event_of(line), line.code)
