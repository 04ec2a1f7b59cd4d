"""What a job that is due waits for: the servers that may take it, why it is theirs, and what hinders them."""

from __future__ import annotations

from dataclasses import replace

from app.catalog.api import Catalog, ServerRecord
from app.jobs.affinity import lives, needs_of, reason, suits
from app.jobs.queue import has_room, rooms_taken
from app.jobs.upcoming import DUE
from app.model.job import Job, JobStatus
from app.model.settings import QUEUE_SCAN
from app.model.upcoming import NextRun


def awaited(catalog: Catalog, job: Job, run: NextRun) -> NextRun:
    """The next run of a job with what it waits for, where it is due; else as it is. Blocks on the catalog."""
    if run.code != DUE or run.at is None:
        return run
    living = [one for one in catalog.servers.list() if lives(one)]
    if not living:
        return run
    due = {"due": run.params["due"]}
    takers, why = _takers(catalog, job, living) if catalog.shared else (living, "")
    names = ", ".join(one.name for one in takers)
    if _full(catalog, job, takers):
        return replace(run, code="N5726", params=due | {"servers": names})
    if why:
        return replace(run, code="N5725", params=due | {"servers": names, "reason": why})
    seconds = int(catalog.settings.get(QUEUE_SCAN.name, str(QUEUE_SCAN.default)))
    if seconds > 0:
        return replace(run, code="N5727", params=due | {"seconds": str(seconds)})
    return run


def any_lives(catalog: Catalog) -> bool:
    """Whether a server of a catalog that several share runs."""
    return catalog.shared and any(lives(one) for one in catalog.servers.list())


def _takers(catalog: Catalog, job: Job, living: list[ServerRecord]) -> tuple[list[ServerRecord], str]:
    """Those of the living servers that suit a job best, and why; "" when each of them may take it."""
    needs = needs_of(catalog, job)
    best = max(suits(needs, one) for one in living)
    takers = [one for one in living if suits(needs, one) == best]
    return takers, "" if len(takers) == len(living) else reason(needs, takers[0])


def _full(catalog: Catalog, job: Job, takers: list[ServerRecord]) -> bool:
    """Whether each of them runs as many jobs as it takes beside this one."""
    running = [one for one in catalog.jobs.list(include_done=False) if one.status is JobStatus.ACTIVE]
    by_server = ([one for one in running if one.server == server.name] for server in takers)
    return all(not has_room(rooms_taken(jobs), job) for jobs in by_server)
