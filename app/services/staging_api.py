"""What can be asked of staging. See `app.services.api` for the rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from app.model.staging import StagingPlan, StagingPolicy


class StagingService(Protocol):
    """Groups that backups are written to first, and what copies their sessions on."""

    def plans(self) -> Sequence[StagingPlan]:
        """Each staging group with its policy, what it holds, and what is due now. Blocks on its devices."""
        ...

    def put(self, policy: StagingPolicy) -> None:
        """Make a group a staging group, or give it another policy. UsageError E5116, E5760."""
        ...

    def remove(self, group: str) -> None:
        """The group is no staging group any more; what is in it stays. UsageError E5761."""
        ...

    def run(self) -> int:
        """Submit at once what is due; the server does it by itself every minute. Returns how many jobs."""
        ...
