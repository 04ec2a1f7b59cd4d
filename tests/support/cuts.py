"""At which durable calls a test cuts: at some for every change, at each of them in the deep tier.

    @at_cuts
    def test_nothing_is_lost(cuts: Cuts) -> None:
        calls = durable_calls(work)
        for at in cuts(calls):
            with CutAt(at), pytest.raises(Cut):
                work()

Both tiers cut at the first call, at the last one and right behind every call that puts something whole in its
place at one stroke. Of the others the change tier takes every third: objects of a media are put by five calls
each, so that of several objects it meets every one of the five.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

Cuts = Callable[..., Sequence[int]]
"""`cuts(calls, each=3)`: numbers, from 1, of the calls (by name, in their order) to cut at, ascending."""

_AT_ONE_STROKE = frozenset({"rename", "replace"})


def every_call(calls: Sequence[str], each: int = 3) -> Sequence[int]:
    """All of them, whatever `each` is."""
    del each
    return range(1, len(calls) + 1)


def some_calls(calls: Sequence[str], each: int = 3) -> Sequence[int]:
    """The first, the last, every `each`-th and those right behind what takes effect at one stroke."""
    behind = {number + 1 for number, name in enumerate(calls, 1) if name in _AT_ONE_STROKE}
    return sorted(
        ({1, len(calls)} | set(range(1, len(calls), each)) | behind) & set(range(1, len(calls) + 1))
    )


at_cuts = pytest.mark.parametrize(
    "cuts",
    [
        pytest.param(some_calls, id="some"),
        pytest.param(every_call, id="every", marks=pytest.mark.deep),
    ],
)
at_cuts_of_writes = pytest.mark.parametrize(
    ("partial", "cuts"),
    [
        # A write that did half of what it was to do is the harder of the two.
        pytest.param(True, some_calls, id="some"),
        pytest.param(True, every_call, id="every", marks=pytest.mark.deep),
        pytest.param(False, every_call, id="every-whole", marks=pytest.mark.deep),
    ],
)
"""The same with `partial`, as `CutAt` takes it: in the deep tier also cuts that leave nothing of a write."""
