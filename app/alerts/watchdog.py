"""The watchdog: what is no longer protected, what is due and does not run, what the safety brake holds.

It runs beside the scheduler and asks nothing of it; `arcxo protection check` runs it without any server. Each
finding is one line of the activity log, however many look; what it told is noted with it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from app.agent.api import Agent
from app.alerts.freshness import protections
from app.catalog.api import Catalog
from app.model.alert import Freshness, Protection
from app.model.errors import ArcxoError
from app.model.events import Severity
from app.model.job import JobStatus

_LOG = logging.getLogger(__name__)
_OVERDUE = timedelta(minutes=15)
_FRESHNESS_EVERY_S = 60.0
_SETTLES_S = 20.0
_BRAKES_EVERY_S = 10.0
BRAKED = "CR00101"
_COLUMNS = ("server", "job_id", "parent_job_id", "session", "scenario", "severity", "code")
_CODES = {Freshness.LATE: ("W5820", Severity.WARNING), Freshness.STALE: ("E5821", Severity.ERROR)}


class Watchdog:
    """Looks when asked, each thing as often as is good for it. `agent_of` connects to a host's agent."""

    def __init__(self, catalog: Catalog, server: str, agent_of: Callable[[str], Agent] | None = None) -> None:
        self._catalog = catalog
        self._server = server
        self._agent_of = agent_of
        # What was due while no server ran is begun first, and told by the queue.
        self._freshness_at = time.monotonic() - _FRESHNESS_EVERY_S + _SETTLES_S
        self._brakes_at = float("-inf")

    def look(self) -> None:
        """Look at what is due to be looked at."""
        now = time.monotonic()
        if now - self._freshness_at >= _FRESHNESS_EVERY_S:
            self._freshness_at = now
            self.check(datetime.now(UTC))
        if self._agent_of is not None and now - self._brakes_at >= _BRAKES_EVERY_S:
            self._brakes_at = now
            self.check_brakes()

    def check(self, now: datetime) -> list[Protection]:
        """Tell of what is late, and of jobs that are overdue; returns what is protected until when."""
        found = protections(self._catalog, now)
        for one in found:
            if one.state in _CODES:
                self._tell_late(one)
        for job in self._catalog.jobs.list(include_done=False):
            due = job.execution_at
            if job.status is JobStatus.READY and due is not None and now - due > _OVERDUE:
                told = _text(due)
                self._once(
                    f"watchdog.job.{job.id}",
                    told,
                    "W5822",
                    Severity.WARNING,
                    job=job.id,
                    name=job.name,
                    due=told,
                )
        return found

    def check_brakes(self) -> None:
        """Put each new stop of the safety brake, of any master that answers, into the activity log."""
        for host in {one.master for one in self._catalog.registrations.list()}:
            try:
                self._check_brake(host)
            except ArcxoError as error:
                _LOG.debug("no events of %s: %s", host, error)

    def _check_brake(self, host: str) -> None:
        assert self._agent_of is not None
        agent = self._agent_of(host)
        try:
            key = f"watchdog.events.{host}"
            told = self._catalog.settings.get(key, "")
            if not told:
                last = agent.events(-1, 1)
                self._catalog.settings.put(key, str(last[-1].sequence if last else 0))
                return
            position = int(told)
            for event in agent.events(position, 1000):
                position = max(position, event.sequence)
                if event.code != BRAKED:
                    continue
                params: dict[str, Any] = {
                    name: text for name, text in event.params.items() if name not in _COLUMNS
                }
                params["alert_key"] = f"event {host} {event.sequence}"
                self._catalog.log.append(
                    event.code, Severity.ERROR, server=self._server, scenario=event.scenario_name, **params
                )
            if position != int(told):
                self._catalog.settings.put(key, str(position))
        finally:
            agent.close()

    def _tell_late(self, one: Protection) -> None:
        code, severity = _CODES[one.state]
        until = _text(one.protected_until) if one.protected_until else "-"
        expected = _text(one.expected_at) if one.expected_at else "-"
        self._once(
            f"watchdog.scenario.{one.scenario_id or one.scenario}",
            f"{one.state.value} {until}",
            code,
            severity,
            scenario=one.scenario,
            machine=one.machine,
            until=until,
            expected=expected,
        )

    def _once(self, key: str, finding: str, code: str, severity: Severity, **params: Any) -> None:
        """Add a line, unless this was told. Of two who look at once both may; the key of the alert is one."""
        if self._catalog.settings.get(key, "") == finding:
            return
        job = params.get("job")
        job_id = int(str(job)) if job is not None else None
        self._catalog.log.append(
            code,
            severity,
            server=self._server,
            job_id=job_id,
            alert_key=f"{key} {finding}",
            **params,
        )
        self._catalog.settings.put(key, finding)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
