"""How much of a frame leaves at once on a stream without a limit: what the link takes in a moment.

A frame is sent in pieces so that an urgent one need not wait for all of it. Each piece costs both sides a
message of the call, with copies of its own; where even a whole frame is gone in a moment, cutting it up is
cost without use.
"""

from __future__ import annotations

from collections import deque

from app.replication.link import FRAME_MAX_BYTES
from app.replication.throttle import PIECE_MOST_BYTES

_MOMENT_S = 0.05
_LOOKED_AT = 4
_TELLS_BYTES = PIECE_MOST_BYTES // 2
"""Of a smaller piece the time says more about the call than about the link."""


class PieceSizes:
    """Learns from the pieces that left. For the thread that sends.

    The slowest of the last few counts: buffers on the way take some at once on any link.
    """

    def __init__(self) -> None:
        self._rates = deque([0.0] * _LOOKED_AT, maxlen=_LOOKED_AT)

    @property
    def most(self) -> int:
        """Bytes of the next piece, `PIECE_MOST_BYTES` at least."""
        return int(max(PIECE_MOST_BYTES, min(FRAME_MAX_BYTES, min(self._rates) * _MOMENT_S)))

    def left(self, size: int, seconds: float) -> None:
        """The link took a piece of `size` bytes, and then asked for more after `seconds`."""
        if size >= _TELLS_BYTES:
            self._rates.append(size / max(seconds, 1e-6))
