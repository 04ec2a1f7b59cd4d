"""Rates and lags measured from the counters of successive answers; 15 minutes are kept. Qt-free."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass

from app.model.scenario import ScenarioState, ScenarioStatus
from app.ui.xosoft.host_graph import LinkRates

WINDOW_SECONDS = 15 * 60
SMOOTHING_SECONDS = 2.0
LONGEST_PAIR_SECONDS = 10.0
"""Answers farther apart leave a gap in the charts."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer: when (monotonic seconds), counters, and the largest lag."""

    at: float
    captured_bytes: int
    applied_bytes: int
    lag_seconds: float | None


class History:
    """The samples of every scenario that was looked at."""

    def __init__(self) -> None:
        self._samples: dict[int, deque[Sample]] = {}

    def add(self, status: ScenarioStatus, at: float) -> None:
        """Note an answer. Counters that went back (a new run) begin a new history."""
        samples = self._samples.setdefault(status.scenario.id, deque())
        lags = [replica.lag_seconds for replica in status.replicas if replica.lag_seconds is not None]
        sample = Sample(
            at,
            status.captured_bytes,
            max((replica.changed_bytes for replica in status.replicas), default=0),
            max(lags, default=None) if status.state is not ScenarioState.STOPPED else None,
        )
        if samples and (
            sample.captured_bytes < samples[-1].captured_bytes
            or sample.applied_bytes < samples[-1].applied_bytes
        ):
            samples.clear()
        samples.append(sample)
        while samples and at - samples[0].at > WINDOW_SECONDS:
            samples.popleft()

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

    def series(
        self, scenario_id: int, now: float
    ) -> tuple[list[float], list[float], list[float], list[float]]:
        """(seconds before now ≤ 0, captured MB/s, applied MB/s, lag s); NaN where something is not known.

        A rate is that of the two seconds before its sample, or of less after a gap.
        """
        samples = self.samples(scenario_id)
        times: list[float] = []
        captured: list[float] = []
        applied: list[float] = []
        lags: list[float] = []
        first = 0
        for position, (before, sample) in enumerate(itertools.pairwise(samples), 1):
            gap = not 0 < sample.at - before.at <= LONGEST_PAIR_SECONDS
            if gap:
                first = position
            while first < position - 1 and sample.at - samples[first].at > SMOOTHING_SECONDS:
                first += 1
            begin, span = samples[first], sample.at - samples[first].at
            times.append(sample.at - now)
            captured.append(
                float("nan") if gap else (sample.captured_bytes - begin.captured_bytes) / span / 1024**2
            )
            applied.append(
                float("nan") if gap else (sample.applied_bytes - begin.applied_bytes) / span / 1024**2
            )
            lags.append(float("nan") if gap or sample.lag_seconds is None else sample.lag_seconds)
        return times, captured, applied, lags
