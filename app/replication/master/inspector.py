"""The master's end of a link that only looks at a replica."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from app.model.entry import order_key
from app.model.errors import ArcxoError
from app.model.scenario import ReplicaSpec, Scenario
from app.replication.frame_codec import decode_frame, encode_frame
from app.replication.frames import (
    PROTOCOL_VERSION,
    Fault,
    Frame,
    Ping,
    Pong,
    Refused,
    Welcome,
)
from app.replication.inspect_frames import INSPECTED_MOST, Inquiry, Inspected, InspectRequest
from app.replication.link import Link, ReplicaConnector
from app.replication.master.late import late
from app.replication.sync_frames import BlockHashes, HashedPart, HashItem, HashRequest, ListedEntry

CONNECT_TIMEOUT_S = 10.0
LISTED_AT_ONCE = 2_000
_POLL_S = 1.0
_PING_EVERY_S = 10.0
_PINGS_A_TIMEOUT = 4


class Inspector:
    """One link; for one thread. Every call blocks and raises ArcxoError when the link ends or `stopped`."""

    def __init__(
        self, scenario: Scenario, spec: ReplicaSpec, link: Link, stopped: Callable[[], bool]
    ) -> None:
        self._scenario = scenario
        self._spec = spec
        self._link = link
        self._stopped = stopped
        self._timeout_s = scenario.properties.timeout_seconds
        self._ping_every_s = min(_PING_EVERY_S, self._timeout_s / _PINGS_A_TIMEOUT)
        self._number = 0
        self.drifted: set[bytes] = set()
        """Of the paths looked at last: those that somebody else is known to have changed there."""
        self._send(Inquiry(PROTOCOL_VERSION, scenario.id, spec.host))
        welcome = self._next()
        if not isinstance(welcome, Welcome):
            raise ArcxoError("ER00301", cause="an inquiry that is not answered")

    def close(self) -> None:
        """End the link."""
        self._link.close()

    def listing(self, root: int, after: bytes | None = None) -> Iterator[ListedEntry]:
        """What follows `after` (None: all, the root first), in the order of `order_key`, part by part."""
        # One part at a time: other requests may come while a part is looked at.
        while True:
            self._send(InspectRequest(root, after is None, after or b"", LISTED_AT_ONCE))
            answer = self._inspected(root)
            yield from answer.entries
            if not answer.more or not answer.entries:
                return
            after = answer.entries[-1].path

    def look(self, root: int, paths: Sequence[bytes]) -> list[ListedEntry]:
        """Those of `paths` that are there now, in order; `drifted` tells which others changed."""
        found: list[ListedEntry] = []
        self.drifted = set()
        ordered = sorted(paths, key=order_key)
        for start in range(0, len(ordered), INSPECTED_MOST):
            part = tuple(ordered[start : start + INSPECTED_MOST])
            self._send(InspectRequest(root, False, b"", INSPECTED_MOST, part))
            answer = self._inspected(root)
            found += answer.entries
            self.drifted.update(answer.drifted)
        return found

    def hashes(self, root: int, items: Sequence[HashItem]) -> tuple[HashedPart, ...]:
        """The hashes of these ranges, in their order."""
        self._number += 1
        self._send(HashRequest(self._number, root, tuple(items)))
        answer = self._next()
        if (
            not isinstance(answer, BlockHashes)
            or answer.number != self._number
            or len(answer.parts) != len(items)
        ):
            raise ArcxoError("ER00301", cause="hashes that were not asked for")
        return answer.parts

    def _inspected(self, root: int) -> Inspected:
        answer = self._next()
        if not isinstance(answer, Inspected) or answer.root != root:
            raise ArcxoError("ER00301", cause="a listing that was not asked for")
        return answer

    def _send(self, frame: Frame) -> None:
        self._link.send(encode_frame(frame))

    def _next(self) -> Frame:
        heard = pinged = time.monotonic()
        while True:
            if self._stopped():
                raise ArcxoError("ER00201", host=self._spec.host, reason="stopped")
            data = self._link.receive(min(_POLL_S, self._ping_every_s))
            now = time.monotonic()
            if data is None:
                if now - heard > self._timeout_s:
                    raise late(self._scenario, self._spec.host, "its part of a comparison")
                if now - pinged > self._ping_every_s:
                    pinged = now
                    self._send(Ping(1))
                continue
            heard = now
            frame = decode_frame(data)
            if isinstance(frame, Pong):
                continue
            if isinstance(frame, Refused | Fault):
                error = ArcxoError(frame.code)
                error.params.update(frame.params)
                raise error
            return frame


def open_inspector(
    scenario: Scenario, spec: ReplicaSpec, connector: ReplicaConnector, stopped: Callable[[], bool]
) -> Inspector:
    """A link to look at a replica. Raises ArcxoError as `ReplicaConnector.connect`, or the refusal."""
    timeout_s = min(CONNECT_TIMEOUT_S, scenario.properties.timeout_seconds)
    link = connector.connect(scenario, spec, timeout_s)
    try:
        return Inspector(scenario, spec, link, stopped)
    except BaseException:
        link.close()
        raise
