"""The port between a master's and a replica's engine: an ordered stream of frames, both ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from app.model.scenario import ReplicaSpec, Scenario
from app.replication.throttle import Throttle

FRAME_MAX_BYTES = 8 * 1024 * 1024
"""No frame is larger; a larger one received is refused and the link closed."""


class FrameParts:
    """A frame in several pieces of memory, one after another: joined, much would be copied once more."""

    __slots__ = ("_at", "_parts", "_size", "_within")

    def __init__(self, parts: Sequence[bytes | memoryview]) -> None:
        self._parts = parts
        self._size = sum(map(len, parts))
        self._at = self._within = 0

    def __len__(self) -> int:
        return self._size

    def joined(self) -> bytes:
        """All of it."""
        return b"".join(self._parts)

    def take(self, most: int) -> Iterator[memoryview]:
        """The next `most` bytes, fewer at the end only, each of them once."""
        while most > 0 and self._at < len(self._parts):
            part = memoryview(self._parts[self._at])[self._within : self._within + most]
            most -= len(part)
            self._within += len(part)
            if self._within >= len(self._parts[self._at]):
                self._at += 1
                self._within = 0
            yield part


@runtime_checkable
class PartsLink(Protocol):
    """A `Link` that also takes a frame in parts."""

    def send_parts(self, frame: FrameParts) -> None:
        """As `Link.send`; not urgent."""


class Link(Protocol):
    """One open stream between the two engines. `send` and `receive` may run in different threads."""

    def send(self, frame: bytes, *, urgent: bool = False) -> None:
        """Queue one frame; blocks while the other side does not take frames (flow control).

        An urgent one (small, a sign of life) overtakes what waits, never blocks, and may be left out when
        another urgent one still waits.

        Raises:
            ArcxoError: ER00201 when the link is lost or closed.
        """

    def receive(self, timeout_s: float) -> bytes | memoryview | None:
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
