"""What can be asked of alerts and of protection. See `app.services.api` for the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.model.alert import TROUBLE, AlertEvent, AlertTarget, Delivery, Protection


@dataclass(frozen=True, slots=True)
class AlertRequest:
    """A target to add, or to replace. Exactly one of `mail`, `command` and `url` says how it is told.

    `mail` goes through `smtp_host`. `url`: any address the notification library Apprise knows.
    """

    name: str
    mail: str = ""
    smtp_host: str = "localhost"
    smtp_port: int = 0
    smtp_user: str = ""
    smtp_password: str = field(default="", repr=False)
    smtp_security: str = "starttls"
    sender: str = ""
    command: tuple[str, ...] = ()
    url: str = field(default="", repr=False)
    events: tuple[AlertEvent, ...] = TROUBLE
    codes: tuple[str, ...] = ()


class AlertService(Protocol):
    """Who is told of what, what became of it, and what is protected until when."""

    def targets(self) -> Sequence[AlertTarget]: ...
    def add(self, request: AlertRequest) -> AlertTarget:
        """UsageError E5801 address, E5802 command, E5807 not exactly one way, E5808 codes."""
        ...

    def remove(self, name: str) -> None: ...
    def test(self, name: str) -> None:
        """Send a test now; blocks. Raises ArcxoError E5803, E5804 with what was refused."""
        ...

    def deliveries(self, *, limit: int = 200) -> Sequence[Delivery]: ...
    def protections(self) -> Sequence[Protection]:
        """Every registered scenario, and each directory of a repeating job (number 0); the worst first."""
        ...

    def check(self) -> Sequence[Protection]:
        """As `protections`; what is late enters the activity log, and alerts are delivered, by the caller.

        For when no server does it: a timer of the system calls it.
        """
        ...
