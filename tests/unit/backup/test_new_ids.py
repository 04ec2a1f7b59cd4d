"""A set of ids that takes little memory, and is one."""

from __future__ import annotations

import random

from app.backup.new_ids import NewIds


def test_each_id_is_new_once() -> None:
    chooser = random.Random(5)
    ids = [chooser.randbytes(32) for _ in range(20_000)]
    found, wanted = NewIds(), set()
    for chunk_id in [*ids, *chooser.sample(ids, 5_000)]:
        assert found.add(chunk_id) == (chunk_id not in wanted)
        wanted.add(chunk_id)
    assert len(found) == len(wanted)
    assert all(chunk_id in found for chunk_id in ids)
    assert chooser.randbytes(32) not in found


def test_ids_that_begin_alike_are_told_apart() -> None:
    found = NewIds()
    ids = [b"\0" * 8 + bytes([number]) * 24 for number in range(200)]
    assert all(found.add(chunk_id) for chunk_id in ids)
    assert not any(found.add(chunk_id) for chunk_id in ids)
    assert b"\0" * 8 + bytes([201]) * 24 not in found
