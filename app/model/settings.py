"""The settings of an installation that administrators may change, with their ranges."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    """A whole number by name."""

    name: str
    default: int
    least: int
    most: int
    text: str

    def checked(self, value: str) -> str:
        """`value` as it is kept. Raises ValueError."""
        cleaned = value.strip()
        if not cleaned.isdecimal() or not self.least <= int(cleaned) <= self.most:
            raise ValueError(f"a whole number from {self.least} to {self.most:,}")
        return str(int(cleaned))


QUEUE_SCAN = Setting("queue_scan_seconds", 0, 0, 9999, "Look for due jobs so often; 0 = at once")
DONE_JOBS = Setting("done_job_hours", 24, 0, 999, "Done jobs stay in the list so long")
HOST_STREAMS = Setting("host_streams", 16, 1, 96, "So many backups read from one host at a time")
SETTINGS = {
    one.name: one
    for one in (
        QUEUE_SCAN,
        DONE_JOBS,
        HOST_STREAMS,
        Setting("history_days", 365, 0, 36_500, "Jobs and log lines are known so long; 0 = for ever"),
        Setting("detail_days", 0, 0, 36_500, "Names in sessions stay in the catalog so long; 0 = for ever"),
        Setting("media_wait_seconds", 300, 0, 8_640_000, "A backup waits so long for media with room"),
    )
}
