"""A link in memory, with the master's end played by the test."""

from __future__ import annotations

import queue
import threading

from app.model.errors import ArcxoError
from app.replication.frame_codec import decode_frame, encode_frame
from app.replication.frames import Frame, Pong
from app.replication.throttle import UNLIMITED, Throttle


class MemoryLink:
    """One end; `pair()` makes both. None in a queue means closed."""

    def __init__(self, incoming: queue.Queue[bytes | None], outgoing: queue.Queue[bytes | None]) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._closed = False
        self._gone = threading.Event()
        self._stalled = False
        self._throttle = UNLIMITED
        self._sent = 0
        self.hold_after: int | None = None
        """What is sent after so many bytes waits until the link is closed."""

    def send(self, frame: bytes, *, urgent: bool = False) -> None:
        for start in () if urgent else range(0, len(frame), self._throttle.piece_bytes()):
            size = min(len(frame) - start, self._throttle.piece_bytes())
            self._gone.wait(self._throttle.reserve(size))
        self._sent += len(frame)
        if self.hold_after is not None and self._sent > self.hold_after and not urgent:
            self._gone.wait()
        if self._closed:
            raise ArcxoError("ER00201", host="peer")
        if not self._stalled:
            self._outgoing.put(frame)

    def stall(self) -> None:
        """Nothing that is sent from now on arrives; the link stays open."""
        self._stalled = True

    def pace(self, throttle: Throttle) -> None:
        self._throttle = throttle

    def receive(self, timeout_s: float) -> bytes | None:
        if self._closed:
            raise ArcxoError("ER00201", host="peer")
        try:
            frame = self._incoming.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if frame is None:
            self._incoming.put(None)
            raise ArcxoError("ER00201", host="peer")
        return frame

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._gone.set()
            self._outgoing.put(None)
            self._incoming.put(None)

    def tell(self, frame: Frame) -> None:
        self.send(encode_frame(frame))

    def hear(self, kind: type[Frame], timeout_s: float = 20.0) -> Frame:
        """The next frame, which is of `kind` (pongs aside)."""
        data = self.receive(timeout_s)
        assert data is not None, "nothing came"
        frame = decode_frame(data)
        if isinstance(frame, Pong) and kind is not Pong:
            return self.hear(kind, timeout_s)
        assert isinstance(frame, kind), frame
        return frame


def pair() -> tuple[MemoryLink, MemoryLink]:
    one: queue.Queue[bytes | None] = queue.Queue()
    other: queue.Queue[bytes | None] = queue.Queue()
    return MemoryLink(one, other), MemoryLink(other, one)
