"""Whether the job can be started: the first tab that misses something, as foot and Start tab say it."""

from __future__ import annotations

from app.ui.backup.draft import Readiness
from app.ui.backup.foot import ReadinessBar

TITLES = ("Start", "Source", "Staging", "Destination", "Schedule")
START, SOURCE, STAGING, DESTINATION, SCHEDULE = range(5)


def first_fault(said: Readiness, destination: str, schedule: str) -> tuple[int, str] | None:
    """The tab to go to, and what it misses; None when the job can be started."""
    if said.fault:
        return SOURCE, said.text
    if destination:
        return DESTINATION, f"Destination: {destination}."
    return (SCHEDULE, f"Schedule: {schedule}.") if schedule else None


def show_verdict(foot: ReadinessBar, said: Readiness, fault: tuple[int, str] | None, where: str) -> None:
    """Say it at the foot."""
    if fault is not None and fault[0] == SOURCE:
        foot.show_text(said.text, "info", "muted")
    elif fault is not None:
        foot.show_text(fault[1], "triangle-alert", "warning")
    elif said.warning:
        foot.show_text(said.text, "triangle-alert", "warning")
    else:
        foot.show_text(f"{said.text} {where}", "circle-check", "ok")
