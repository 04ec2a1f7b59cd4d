"""Frames made smaller on their way, by zstd; part of the protocol, so both ends take them at any time.

A compressed frame is one zstd frame with its size and a checksum, and so begins with zstd's magic, which no
other frame does.
"""

from __future__ import annotations

import threading

import zstandard

from app.replication.codec import refuse
from app.replication.link import FRAME_MAX_BYTES, FrameParts, Link, PartsLink
from app.replication.throttle import Throttle

LEAST_BYTES = 512
_MAGIC = zstandard.FRAME_HEADER
_LEVEL = 3
_SAMPLED_FROM_BYTES = 64 * 1024
_SAMPLE_BYTES = 4 * 1024
_SAMPLES = 6
_PAYS_BELOW = 0.92
_WINDOW_MOST_BYTES = 8 * 1024 * 1024


class CompressingLink:
    """A `Link` on top of another. Compresses what it sends once `compress` is set and where that pays.

    Counts, of all frames sent but the urgent ones: `sent_bytes` as they went, `uncompressed_bytes` as they
    were.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._lock = threading.Lock()
        self._compressor = zstandard.ZstdCompressor(
            level=_LEVEL, write_checksum=True, write_content_size=True
        )
        self._sampler = zstandard.ZstdCompressor(level=1)
        self.compress = False
        self.sent_bytes = 0
        self.uncompressed_bytes = 0

    def send(self, frame: bytes, *, urgent: bool = False) -> None:
        """See `Link`."""
        if urgent:
            self._link.send(frame, urgent=True)
            return
        packed = self._packed(frame) if self.compress else frame
        self._link.send(packed)
        with self._lock:
            self.sent_bytes += len(packed)
            self.uncompressed_bytes += len(frame)

    def send_parts(self, frame: FrameParts) -> None:
        """See `PartsLink`. What may be compressed is joined for that."""
        if self.compress or not isinstance(self._link, PartsLink):
            self.send(frame.joined())
            return
        size = len(frame)
        self._link.send_parts(frame)
        with self._lock:
            self.sent_bytes += size
            self.uncompressed_bytes += size

    def receive(self, timeout_s: float) -> bytes | memoryview | None:
        """See `Link`. Raises ArcxoError ER00301 for what no `CompressingLink` sent."""
        data = self._link.receive(timeout_s)
        return unpacked(data) if data is not None and data[: len(_MAGIC)] == _MAGIC else data

    def pace(self, throttle: Throttle) -> None:
        """See `Link`. It is about the bytes as they are sent."""
        self._link.pace(throttle)

    def close(self) -> None:
        """See `Link`."""
        self._link.close()

    def _packed(self, frame: bytes) -> bytes:
        if len(frame) < LEAST_BYTES:
            return frame
        with self._lock:
            if len(frame) >= _SAMPLED_FROM_BYTES and not self._promising(frame):
                return frame
            packed = self._compressor.compress(frame)
        return packed if len(packed) < len(frame) * _PAYS_BELOW else frame

    def _promising(self, frame: bytes) -> bool:
        step = (len(frame) - _SAMPLE_BYTES) // (_SAMPLES - 1)
        sample = b"".join(frame[at * step : at * step + _SAMPLE_BYTES] for at in range(_SAMPLES))
        return len(self._sampler.compress(sample)) < len(sample) * _PAYS_BELOW


def unpacked(data: bytes | memoryview) -> bytes:
    """The frame that was compressed to `data`; memory is bounded by the largest frame.

    Raises:
        ArcxoError: ER00301 when it is damaged, or would be larger than a frame may be.
    """
    try:
        known = zstandard.get_frame_parameters(data)
        if known.content_size > FRAME_MAX_BYTES or known.window_size > _WINDOW_MOST_BYTES:
            # An unknown size is the largest number there is.
            refuse("a compressed frame that is too large")
        return zstandard.ZstdDecompressor(max_window_size=_WINDOW_MOST_BYTES).decompress(
            data, max_output_size=FRAME_MAX_BYTES, allow_extra_data=False
        )
    except zstandard.ZstdError:
        refuse("a compressed frame that is damaged")
