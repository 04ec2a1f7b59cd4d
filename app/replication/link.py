"""The port between a master's and a replica's engine: an ordered stream of frames, both ways."""

from __future__ import annotations

from typing import Protocol

from app.model.scenario import ReplicaSpec, Scenario
from app.replication.throttle import Throttle

FRAME_MAX_BYTES = 8 * 1024 * 1024
"""No frame is larger; a larger one received is refused and the link closed."""


class Link(Protocol):
    """One open stream between the two engines. `send` and `receive` may run in different threads."""

    def send(self, frame: bytes, *, urgent: bool = False) -> None:
        """Queue one frame; blocks while the other side does not take frames (flow control).

        An urgent one (small, a sign of life) overtakes what waits, never blocks, and may be left out when
        another urgent one still waits.

        Raises:
            ArcxoError: ER00201 when the link is lost or closed.
        """

    def receive(self, timeout_s: float) -> bytes | None:
        """The next frame, or None after `timeout_s`. Raises ArcxoError ER00201 when the link is lost."""

    def pace(self, throttle: Throttle) -> None:
        """From now on frames leave no faster than `throttle` allows, in pieces; urgent ones at once."""

    def close(self) -> None:
        """End the stream from either side and any thread; repeated calls do nothing."""


class ReplicaConnector(Protocol):
    """How a master's engine reaches a replica's engine."""

    def connect(self, scenario: Scenario, replica: ReplicaSpec, timeout_s: float) -> Link:
        """Open a stream for `scenario`. Blocks up to `timeout_s`.

        Raises:
            ArcxoError: ER00202 unreachable, AE0459 not authorised, ER00203 incompatible version.
        """
