"""The stream between master and replica on top of a bidirectional call: bounded queues both ways.

A full queue blocks whoever fills it, and so, through the call's own flow control, the sender at the far end.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import grpc

from app.agent.generated import agent_pb2 as pb
from app.model.errors import ArcxoError
from app.replication.link import FRAME_MAX_BYTES

QUEUE_FRAMES = 256
QUEUE_BYTES = 2 * FRAME_MAX_BYTES


class _FrameQueue:
    """Frames in order, bounded in number and bytes."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.frames: deque[bytes] = deque()
        self.size_bytes = 0
        self.ended = False

    def put(self, frame: bytes) -> bool:
        """Wait for room and add; False when the queue has ended."""
        with self.changed:
            while not self.ended and (len(self.frames) >= QUEUE_FRAMES or self._too_big(frame)):
                self.changed.wait()
            if self.ended:
                return False
            self.frames.append(frame)
            self.size_bytes += len(frame)
            self.changed.notify_all()
            return True

    def take(self, timeout_s: float | None) -> bytes | None:
        """The next frame, None after the time; raises EOFError when ended and empty."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self.changed:
            while not self.frames:
                if self.ended:
                    raise EOFError
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return None
                self.changed.wait(left)
            frame = self.frames.popleft()
            self.size_bytes -= len(frame)
            self.changed.notify_all()
            return frame

    def end(self) -> None:
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def _too_big(self, frame: bytes) -> bool:
        return bool(self.frames) and self.size_bytes + len(frame) > QUEUE_BYTES


class StreamLink:
    """A `Link` (see `app.replication.link`). `host` is what its errors call the other side.

    `on_end` is called once when the call has ended, from the thread that reads.
    """

    def __init__(self, host: str, on_end: Callable[[], None] | None = None) -> None:
        self._host = host
        self._on_end = on_end
        self._outgoing = _FrameQueue()
        self._incoming = _FrameQueue()
        self._reason = "closed"

    def send(self, frame: bytes) -> None:
        """Queue one frame; blocks while the other side takes none."""
        if len(frame) > FRAME_MAX_BYTES:
            raise ArcxoError("ER00201", host=self._host, reason=f"frame of {len(frame)} bytes")
        if not self._outgoing.put(frame):
            raise ArcxoError("ER00201", host=self._host, reason=self._reason)

    def receive(self, timeout_s: float) -> bytes | None:
        """The next frame, or None after the time."""
        try:
            return self._incoming.take(timeout_s)
        except EOFError:
            raise ArcxoError("ER00201", host=self._host, reason=self._reason) from None

    def close(self) -> None:
        """End the stream; what was sent before still goes out when the other side takes it soon."""
        self._outgoing.end()
        self._incoming.end()

    def lost(self, reason: str = "lost") -> None:
        """The other side is gone: frames that came are still received, none go out."""
        self._reason = reason
        self.close()

    def outgoing(self) -> Iterator[pb.Frame]:
        """The frames to be sent, until the link ends. For the call's sending thread."""
        while True:
            try:
                frame = self._outgoing.take(None)
            except EOFError:
                return
            yield pb.Frame(data=frame)

    def read_from(self, frames: Iterable[Any]) -> None:
        """Take what arrives until the call ends. For a thread of the link's own."""
        reason = "ended by the other side"
        try:
            for frame in frames:
                if len(frame.data) > FRAME_MAX_BYTES:
                    reason = f"frame of {len(frame.data)} bytes"
                    break
                # After a close the rest is read and dropped, so that the far end sees an orderly end.
                self._incoming.put(frame.data)
        except grpc.RpcError as error:
            known: Any = error
            reason = str(known.details() or known.code()) if hasattr(known, "details") else "lost"
        except Exception as error:  # noqa: BLE001  # a server's request iterator raises bare ones when lost
            reason = str(error) or "lost"
        self.lost(reason)
        if self._on_end is not None:
            self._on_end()


def start_reading(link: StreamLink, frames: Iterable[Any], name: str) -> None:
    """Read the call in a thread."""
    threading.Thread(target=link.read_from, args=(frames,), name=name, daemon=True).start()
