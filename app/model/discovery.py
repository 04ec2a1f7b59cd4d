"""Scenarios that hosts have and this home does not list."""

from __future__ import annotations

from dataclasses import dataclass

from app.model.errors import Problem
from app.model.scenario import ScenarioStatus


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a search found: `found` may be registered; `silent` are hosts that did not answer, and why.

    The parameters of a silent host's problem name it as `host`.
    """

    found: tuple[ScenarioStatus, ...]
    silent: tuple[Problem, ...] = ()
