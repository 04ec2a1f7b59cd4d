"""A pair whose replica's answers, or whose master's frames, pass through the test's hands."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.model.scenario import ReplicaSpec, Scenario
from app.replication.frame_codec import decode_frame, encode_frame
from app.replication.frames import Frame
from app.replication.throttle import Throttle
from tests.support.replica_link import MemoryLink
from tests.support.replication_pair import MemoryConnector, Pair

Answer = Frame | bytes
Alter = Callable[[Frame], Sequence[Answer]]


class TamperedLink:
    """The master's end. `alter` turns each answer into what arrives: frames, or bytes as they are."""

    def __init__(self, link: MemoryLink, connector: TamperingConnector) -> None:
        self._link = link
        self._connector = connector
        self._waiting: list[bytes] = []

    def send(self, frame: bytes, *, urgent: bool = False) -> None:
        self._connector.sent.append(frame)
        self._link.send(frame, urgent=urgent)

    def receive(self, timeout_s: float) -> bytes | None:
        if not self._waiting:
            data = self._link.receive(timeout_s)
            if data is None:
                return None
            self._connector.received.append(data)
            alter = self._connector.alter
            if alter is None:
                return data
            altered = alter(decode_frame(data))
            self._waiting = [one if isinstance(one, bytes) else encode_frame(one) for one in altered]
            if not self._waiting:
                return None
        return self._waiting.pop(0)

    def pace(self, throttle: Throttle) -> None:
        self._link.pace(throttle)

    def close(self) -> None:
        self._link.close()


class TamperingConnector(MemoryConnector):
    """Also keeps all frames of both directions."""

    alter: Alter | None = None

    def connect(self, scenario: Scenario, replica: ReplicaSpec, timeout_s: float) -> TamperedLink:  # type: ignore[override]  # a link all the same
        self.sent: list[bytes] = getattr(self, "sent", [])
        self.received: list[bytes] = getattr(self, "received", [])
        return TamperedLink(super().connect(scenario, replica, timeout_s), self)


class TamperedPair(Pair):
    """See the module; `connector.alter`."""

    connector: TamperingConnector

    def open_engine(self):  # type: ignore[no-untyped-def]  # as in `Pair`
        if not isinstance(self.connector, TamperingConnector):
            self.connector = TamperingConnector(lambda: self.replica_engine)
        return super().open_engine()
