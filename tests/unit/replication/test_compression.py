from __future__ import annotations

import contextlib
import os
import random
import tracemalloc

import pytest
import zstandard

from app.model.errors import ArcxoError
from app.replication.compression import LEAST_BYTES, CompressingLink, unpacked
from app.replication.link import FRAME_MAX_BYTES
from tests.support.replica_link import pair

TEXT = b"".join(b"line %d of a file that repeats itself\n" % n for n in range(20_000))


def joined() -> tuple[CompressingLink, CompressingLink]:
    one, other = pair()
    return CompressingLink(one), CompressingLink(other)


def test_what_shrinks_travels_small_and_arrives_as_it_was() -> None:
    here, there = joined()
    here.compress = True
    here.send(TEXT)
    assert there.receive(1) == TEXT
    assert here.uncompressed_bytes == len(TEXT)
    assert here.sent_bytes < len(TEXT) / 5


def test_nothing_is_compressed_before_it_is_wanted() -> None:
    here, there = joined()
    here.send(TEXT)
    assert there.receive(1) == TEXT
    assert here.sent_bytes == len(TEXT)


@pytest.mark.parametrize(
    "frame",
    [b"", b"x" * (LEAST_BYTES - 1), os.urandom(1_000), os.urandom(300_000), TEXT[:30] + os.urandom(2 << 20)],
    ids=["empty", "small", "random", "large random", "random with a head"],
)
def test_what_would_not_shrink_is_left_alone(frame: bytes) -> None:
    here, there = joined()
    here.compress = True
    here.send(frame)
    assert there.receive(1) == frame
    assert here.sent_bytes == here.uncompressed_bytes == len(frame)


def test_signs_of_life_are_not_counted() -> None:
    here, there = joined()
    here.compress = True
    here.send(b"alive" * 200, urgent=True)
    assert there.receive(1) == b"alive" * 200
    assert here.sent_bytes == 0


def test_the_largest_frame_fits() -> None:
    here, there = joined()
    here.compress = True
    here.send(bytes(FRAME_MAX_BYTES))
    assert there.receive(1) == bytes(FRAME_MAX_BYTES)


def bombs() -> dict[str, bytes]:
    big = zstandard.ZstdCompressor(level=19).compress(bytes(FRAME_MAX_BYTES + 1))
    stream = zstandard.ZstdCompressor(level=3, write_content_size=False).compressobj()
    endless = stream.compress(bytes(1 << 28)) + stream.flush()
    wide = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    ).compressobj()
    good = zstandard.ZstdCompressor(write_checksum=True).compress(TEXT)
    lie = bytearray(zstandard.ZstdCompressor().compress(bytes(5_000_000)))
    at = lie.find((5_000_000).to_bytes(4, "little"))
    lie[at : at + 4] = (100).to_bytes(4, "little")
    return {
        "too large": big,
        "size not said": endless,
        "window of 128 MiB": wide.compress(bytes(1_000)) + wide.flush(),
        "cut off": good[:-10],
        "flipped": good[:-20] + bytes([good[-20] ^ 1]) + good[-19:],
        "more behind it": good + good,
        "size that lies": bytes(lie),
        "only a magic": zstandard.FRAME_HEADER,
    }


@pytest.mark.parametrize("name", sorted(bombs()))
def test_bombs_and_damage_are_refused_in_little_memory(name: str) -> None:
    data = bombs()[name]
    tracemalloc.start()
    try:
        with pytest.raises(ArcxoError, match="ER00301"):
            unpacked(data)
        assert tracemalloc.get_traced_memory()[1] < 2 * FRAME_MAX_BYTES
    finally:
        tracemalloc.stop()


def test_garbage_never_does_anything_else_than_be_refused() -> None:
    chance = random.Random(11)
    good = zstandard.ZstdCompressor(write_checksum=True).compress(TEXT[:5_000])
    for _ in range(500):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(4, len(data))] = chance.randrange(256)
        with contextlib.suppress(ArcxoError):
            assert len(unpacked(bytes(data))) <= FRAME_MAX_BYTES
