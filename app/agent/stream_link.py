"""The stream between master and replica on top of a bidirectional call: bounded queues both ways.

A full queue blocks whoever fills it, and so, through the call's own flow control, the sender at the far end.
Frames travel in pieces, so that urgent ones and the limit of bandwidth need not wait for a large one.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import grpc

from app.agent.piece_sizes import PieceSizes
from app.agent.pieces import LAST, MORE, WHOLE, Piece
from app.model.errors import ArcxoError
from app.replication.link import FRAME_MAX_BYTES, FrameParts
from app.replication.throttle import UNLIMITED, Throttle

QUEUE_FRAMES = 256
QUEUE_BYTES = 2 * FRAME_MAX_BYTES
URGENT_FRAMES = 4
PIECES_MAX = FRAME_MAX_BYTES // 64
_LIMITED_QUEUE_S = 2.0


class _FrameQueue:
    """Frames in order, bounded in number and bytes."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.frames: deque[bytes | memoryview | FrameParts] = deque()
        self.urgent: deque[bytes] = deque()
        self.size_bytes = 0
        self.most_bytes = QUEUE_BYTES
        self.ended = False

    def put(self, frame: bytes | memoryview | FrameParts) -> bool:
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

    def take(self, timeout_s: float | None) -> bytes | memoryview | FrameParts | None:
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

    def put_urgent(self, frame: bytes) -> bool:
        """Add ahead of all others, or leave it out when several wait; False when the queue has ended."""
        with self.changed:
            if self.ended:
                return False
            if len(self.urgent) < URGENT_FRAMES:
                self.urgent.append(frame)
                self.changed.notify_all()
            return True

    def take_first(self) -> tuple[bytes | memoryview | FrameParts, bool]:
        """The next frame, urgent ones first, and whether it is one; raises EOFError when ended and empty."""
        with self.changed:
            self.changed.wait_for(lambda: self.urgent or self.frames or self.ended)
            if self.urgent:
                return self.urgent.popleft(), True
            if not self.frames:
                raise EOFError
            frame = self.frames.popleft()
            self.size_bytes -= len(frame)
            self.changed.notify_all()
            return frame, False

    def take_urgent(self, timeout_s: float) -> bytes | None:
        """An urgent frame that is there within the time; raises EOFError when ended meanwhile."""
        with self.changed:
            if timeout_s > 0:
                self.changed.wait_for(lambda: self.urgent or self.ended, timeout_s)
                if self.ended:
                    raise EOFError
            return self.urgent.popleft() if self.urgent else None

    def end(self) -> None:
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def _too_big(self, frame: bytes | memoryview | FrameParts) -> bool:
        return bool(self.frames) and self.size_bytes + len(frame) > self.most_bytes


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
        self._throttle = UNLIMITED
        self._sizes = PieceSizes()

    def send(self, frame: bytes, *, urgent: bool = False) -> None:
        """Queue one frame; blocks while the other side takes none, unless it is urgent."""
        if not urgent:
            self._send(frame)
        elif not self._outgoing.put_urgent(frame):
            raise ArcxoError("ER00201", host=self._host, reason=self._reason)

    def send_parts(self, frame: FrameParts) -> None:
        """See `PartsLink`."""
        self._send(frame)

    def _send(self, frame: bytes | FrameParts) -> None:
        if len(frame) > FRAME_MAX_BYTES:
            raise ArcxoError("ER00201", host=self._host, reason=f"frame of {len(frame)} bytes")
        rate = self._throttle.bytes_per_second
        # What waits for the limit is not on its way: whoever sends must not count it as such for long.
        self._outgoing.most_bytes = min(QUEUE_BYTES, int(rate * _LIMITED_QUEUE_S)) if rate else QUEUE_BYTES
        if not self._outgoing.put(frame):
            raise ArcxoError("ER00201", host=self._host, reason=self._reason)

    def receive(self, timeout_s: float) -> bytes | memoryview | None:
        """The next frame, or None after the time."""
        try:
            frame = self._incoming.take(timeout_s)
            return frame.joined() if isinstance(frame, FrameParts) else frame
        except EOFError:
            raise ArcxoError("ER00201", host=self._host, reason=self._reason) from None

    def pace(self, throttle: Throttle) -> None:
        """From now on frames leave no faster than `throttle` allows; urgent ones are counted only."""
        self._throttle = throttle

    def close(self) -> None:
        """End the stream; what was sent before still goes out when the other side takes it soon.

        While the limit of bandwidth holds it back, it does not.
        """
        self._outgoing.end()
        self._incoming.end()

    def lost(self, reason: str = "lost") -> None:
        """The other side is gone: frames that came are still received, none go out."""
        self._reason = reason
        self.close()

    def outgoing(self) -> Iterator[Piece]:
        """The frames to be sent, in pieces, until the link ends. For the call's sending thread."""
        try:
            while True:
                frame, urgent = self._outgoing.take_first()
                if urgent and isinstance(frame, bytes):
                    self._throttle.reserve(len(frame))
                    yield Piece(frame)
                else:
                    yield from self._pieces(frame if isinstance(frame, FrameParts) else FrameParts((frame,)))
        except EOFError:
            return

    def _pieces(self, frame: FrameParts) -> Iterator[Piece]:
        offset = 0
        while True:
            limited = self._throttle.bytes_per_second
            piece = tuple(frame.take(self._throttle.piece_bytes() if limited else self._sizes.most))
            size = sum(map(len, piece))
            yield from self._meanwhile(self._throttle.reserve(size))
            end = offset + size
            data = piece[0] if len(piece) == 1 else piece or b""
            whole = end >= len(frame)
            began = time.monotonic()
            yield Piece(data, (LAST if offset else WHOLE) if whole else MORE)
            self._sizes.left(size, time.monotonic() - began)
            if whole:
                return
            offset = end

    def _meanwhile(self, wait_s: float) -> Iterator[Piece]:
        """Urgent frames, until it is time. Raises EOFError when the link ends while it waits."""
        until = time.monotonic() + wait_s
        while (frame := self._outgoing.take_urgent(until - time.monotonic() if wait_s else 0)) is not None:
            self._throttle.reserve(len(frame))
            yield Piece(frame)

    def read_from(self, frames: Iterable[Any]) -> None:
        """Take what arrives until the call ends. For a thread of the link's own."""
        reason = "ended by the other side"
        pieces: list[bytes | memoryview] = []
        size = 0
        try:
            for frame in frames:
                if frame.part != WHOLE:
                    size += len(frame.data)
                    pieces.append(frame.data)
                if max(size, len(frame.data)) > FRAME_MAX_BYTES:
                    reason = f"frame of {max(size, len(frame.data))} bytes"
                    break
                if frame.part > LAST or len(pieces) > PIECES_MAX:
                    reason = "a frame in pieces that do not fit"
                    break
                # After a close the rest is read and dropped, so that the far end sees an orderly end.
                if frame.part == WHOLE:
                    # A view of the message that came: copied, each byte would be read and written once more.
                    self._incoming.put(frame.data)
                elif frame.part == LAST:
                    self._incoming.put(b"".join(pieces))
                    pieces, size = [], 0
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
