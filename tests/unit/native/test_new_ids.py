"""The set of new ids in C is the one of the interpreter."""

from __future__ import annotations

import random

import pytest

from app.backup.new_ids import NewIds
from tests.support.capabilities import native_or_report


def test_it_answers_as_the_interpreters() -> None:
    chooser = random.Random(11)
    ids = [chooser.randbytes(32) for _ in range(5_000)]
    ids += [b"\0" * 16 + bytes([number]) * 16 for number in range(200)]
    ours, reference = native_or_report("new_ids").NewIds(), NewIds()
    for chunk_id in [*ids, *chooser.choices(ids, k=3_000), *(chooser.randbytes(32) for _ in range(3_000))]:
        assert (chunk_id in ours) == (chunk_id in reference)
        if chooser.random() < 0.9:
            assert ours.add(chunk_id) == reference.add(chunk_id)
        assert len(ours) == len(reference)


@pytest.mark.parametrize("wrong", [b"", b"x" * 31, b"x" * 33, "x" * 32, None, bytearray(32)])
def test_what_is_no_id_is_refused(wrong: bytes) -> None:
    found = native_or_report("new_ids").NewIds()
    for ask in (found.add, found.__contains__):
        with pytest.raises((TypeError, ValueError)):
            ask(wrong)
    assert len(found) == 0
