"""Alerts: who is told of what, and what became of each message."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.model.events import Severity


class AlertEvent(StrEnum):
    """What people can have themselves told of."""

    FINISHED = "finished"
    INCOMPLETE = "incomplete"
    CANCELED = "canceled"
    FAILED = "failed"
    CRASHED = "crashed"
    MISSED = "missed"
    STALE = "stale"
    BRAKE = "brake"
    MEDIA = "media"


TROUBLE = (
    AlertEvent.INCOMPLETE,
    AlertEvent.FAILED,
    AlertEvent.CRASHED,
    AlertEvent.MISSED,
    AlertEvent.STALE,
    AlertEvent.BRAKE,
    AlertEvent.MEDIA,
)
"""What a target is told of when nothing else is said: all that somebody has to look after."""


class AlertMethod(StrEnum):
    """How a target is told."""

    MAIL = "mail"
    COMMAND = "command"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class AlertTarget:
    """Somebody to be told. `address` is for people: it holds no password; `codes`: further message codes."""

    name: str
    method: AlertMethod
    address: str
    events: tuple[AlertEvent, ...] = TROUBLE
    codes: tuple[str, ...] = ()
    enabled: bool = True

    def wants(self, event: AlertEvent | None, code: str) -> bool:
        """Whether it is to be told of that."""
        return self.enabled and (event in self.events or code in self.codes)


class DeliveryState(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one target. `key` is the same for whatever tells of the same thing again."""

    id: int
    target: str
    key: str
    code: str
    severity: Severity
    params: dict[str, str] = field(default_factory=dict)
    job_id: int | None = None
    scenario: str = ""
    at: datetime | None = None
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    next_at: datetime | None = None
    sent_at: datetime | None = None
    error: str = ""


class Freshness(StrEnum):
    """How old what is protected is, measured by the schedule."""

    FRESH = "fresh"
    LATE = "late"
    STALE = "stale"
    NEVER = "never"
    UNSCHEDULED = "unscheduled"


@dataclass(frozen=True, slots=True)
class Protection:
    """Until when a scenario's machine is protected.

    `protected_until`: its last complete backup shows that moment; `verified_until`: the last one of which
    every session was read back. `expected_at`: when the next backup should have been made by its schedule.
    """

    scenario_id: int
    scenario: str
    machine: str
    state: Freshness
    protected_until: datetime | None = None
    verified_until: datetime | None = None
    expected_at: datetime | None = None
    stale_at: datetime | None = None
    jobs: tuple[int, ...] = ()
