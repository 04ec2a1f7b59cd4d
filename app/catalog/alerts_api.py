"""What alerts ask of the catalog; see `app.catalog.api` for the rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from app.model.alert import AlertTarget, Delivery
from app.model.events import ActivityRecord


class Alerts(Protocol):
    """Targets, and the messages to them."""

    def targets(self) -> Sequence[AlertTarget]: ...
    def put_target(self, target: AlertTarget, sealed: bytes) -> None:
        """Insert or replace by name. `sealed`: what is needed to reach it."""
        ...

    def sealed(self, name: str) -> bytes:
        """Raises NotFoundError E6030."""
        ...

    def remove_target(self, name: str) -> None:
        """Forget a target, and what waits for it. Raises NotFoundError E6030."""
        ...

    def lines_after(self, position: int, limit: int = 500) -> Sequence[ActivityRecord]:
        """Lines of the activity log, oldest first."""
        ...

    def last_line(self) -> int:
        """The position of the newest line of the activity log."""
        ...

    def queue(self, deliveries: Sequence[Delivery], *, position: int) -> int:
        """Queue messages but for those whose key the target had before, and note how far the log was read.

        In one transaction: nothing is told twice and nothing left out. Returns how many are new.
        """
        ...

    def position(self) -> int | None:
        """How far the log was read; None = not at all."""
        ...

    def take_due(self, *, lease_seconds: float) -> Delivery | None:
        """The due message that waits longest; nobody else takes it for the lease. Counts an attempt."""
        ...

    def record(
        self, delivery: Delivery, *, sent: bool, error: str = "", retry_in_s: float | None = None
    ) -> None:
        """What became of an attempt; without `retry_in_s` one that was not sent has failed for good."""
        ...

    def deliveries(self, *, limit: int = 200) -> Sequence[Delivery]:
        """Newest first."""
        ...

    def prune(self, older_than: datetime) -> int:
        """Forget messages that are done with."""
        ...
