"""Rates, lags and spools measured from the counters of successive answers; six hours are kept. Qt-free.

The older a sample, the farther it is from the next: all of the last two minutes, then one every two seconds,
and after a quarter of an hour one every half minute.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field

from app.model.scenario import ScenarioState, ScenarioStatus
from app.ui.xosoft.host_graph import LinkRates

WINDOW_SECONDS = 6 * 3600.0
SMOOTHING_SECONDS = 2.0
LONGEST_PAIR_SECONDS = 10.0
"""Answers farther apart leave a gap in the charts."""
_TIERS = ((120.0, 0.0), (900.0, 2.0), (WINDOW_SECONDS, 30.0))
"""(up to this age, at least this far apart)"""
_THIN_EVERY = 120


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer: when (monotonic seconds), counters, and the largest lag and spool."""

    at: float
    captured_bytes: int
    applied_bytes: int
    lag_seconds: float | None
    spool_bytes: int = 0
    after_gap: bool = False


@dataclass(slots=True)
class Series:
    """Lines over time. `times` are seconds before now (≤ 0); NaN where something is not known."""

    times: list[float] = field(default_factory=list)
    captured: list[float] = field(default_factory=list)
    applied: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    spools: list[float] = field(default_factory=list)


class History:
    """The samples of every scenario that was looked at."""

    def __init__(self) -> None:
        self._samples: dict[int, deque[Sample]] = {}
        self._added: dict[int, int] = {}

    def add(self, status: ScenarioStatus, at: float) -> None:
        """Note an answer. Counters that went back (a new run) begin a new history."""
        number = status.scenario.id
        samples = self._samples.setdefault(number, deque())
        lags = [replica.lag_seconds for replica in status.replicas if replica.lag_seconds is not None]
        sample = Sample(
            at,
            status.captured_bytes,
            max((replica.changed_bytes for replica in status.replicas), default=0),
            max(lags, default=None) if status.state is not ScenarioState.STOPPED else None,
            max((replica.spool_bytes for replica in status.replicas), default=0),
            bool(samples) and not 0 < at - samples[-1].at <= LONGEST_PAIR_SECONDS,
        )
        if samples and (
            sample.captured_bytes < samples[-1].captured_bytes
            or sample.applied_bytes < samples[-1].applied_bytes
        ):
            samples.clear()
        samples.append(sample)
        count = self._added[number] = self._added.get(number, number) + 1
        if count % _THIN_EVERY == 0:  # of many scenarios not all in one round
            self._samples[number] = _thinned(samples, at)

    def samples(self, scenario_id: int) -> list[Sample]:
        """Oldest first."""
        return list(self._samples.get(scenario_id, ()))

    def rates(self, scenario_id: int) -> LinkRates:
        """Bytes a second over the last two seconds or so; None until there is a pair."""
        samples = self._samples.get(scenario_id)
        if not samples or len(samples) < 2:
            return LinkRates()
        last = samples[-1]
        first = next(
            (sample for sample in reversed(samples) if last.at - sample.at >= SMOOTHING_SECONDS), samples[0]
        )
        span = last.at - first.at
        if span <= 0:
            return LinkRates()
        return LinkRates(
            (last.captured_bytes - first.captured_bytes) / span,
            (last.applied_bytes - first.applied_bytes) / span,
        )

    def series(self, scenario_id: int, now: float, window: float = WINDOW_SECONDS) -> Series:
        """The last `window` seconds: MB/s, seconds of lag, MB in the spool.

        A rate is that of the two seconds before its sample, or of less after a gap, or of all the time to the
        sample before where those are farther apart.
        """
        samples = [one for one in self._samples.get(scenario_id, ()) if now - one.at <= window]
        found = Series()
        first = 0
        for position, (before, sample) in enumerate(itertools.pairwise(samples), 1):
            gap = sample.after_gap or sample.at <= before.at
            if gap:
                first = position
            while first < position - 1 and sample.at - samples[first].at > SMOOTHING_SECONDS:
                first += 1
            begin, span = samples[first], sample.at - samples[first].at
            found.times.append(sample.at - now)
            found.spools.append(float("nan") if gap else sample.spool_bytes / 1024**2)
            found.lags.append(float("nan") if gap or sample.lag_seconds is None else sample.lag_seconds)
            if gap:
                found.captured.append(float("nan"))
                found.applied.append(float("nan"))
            else:
                found.captured.append((sample.captured_bytes - begin.captured_bytes) / span / 1024**2)
                found.applied.append((sample.applied_bytes - begin.applied_bytes) / span / 1024**2)
        return found


def _thinned(samples: deque[Sample], now: float) -> deque[Sample]:
    """What is kept: gaps stay gaps, and the newest of what is too old goes."""
    kept: deque[Sample] = deque()
    for sample in samples:
        age = now - sample.at
        apart = next((spacing for oldest, spacing in _TIERS if age <= oldest), None)
        if apart is None:
            continue
        if not kept or sample.after_gap or sample.at - kept[-1].at >= apart:
            kept.append(sample)
    return kept
