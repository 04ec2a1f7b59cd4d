"""What is worth compressing is found out with samples, and what does not shrink is stored as it is."""

from __future__ import annotations

import random

import pytest

from app.media import writer
from app.media.pack import COMPRESSED

_NOISE = random.Random(1).randbytes(400_000)


@pytest.mark.parametrize(
    ("raw", "flags"),
    [
        (b"text " * 50_000, COMPRESSED),
        (_NOISE, 0),
        (bytes(4096) + _NOISE, 0),
        (_NOISE[:20_000] + bytes(200_000) + _NOISE[:20_000], COMPRESSED),
        (_NOISE[:100], 0),
        (b"text " * 20, COMPRESSED),
    ],
)
def test_only_what_shrinks_is_compressed(raw: bytes, flags: int) -> None:
    stored, size, found = writer.compress([memoryview(raw)])
    assert (found, size) == (flags, len(raw))
    assert (stored == raw) == (flags == 0)
    if flags:
        assert stored in list(writer.compressed_blocks(raw))


def test_what_shrinks_where_it_begins_is_compressed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = writer._compressor()

    class Counting:
        def compress(self, raw: bytes | memoryview) -> bytes:
            asked.append(len(raw))
            return real.compress(raw)

    monkeypatch.setattr(writer, "_compressor", Counting)
    writer.compress([memoryview(b"text " * 50_000)])
    assert asked == [4096, 250_000]
