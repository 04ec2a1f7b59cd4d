"""Events of a host, page by page: after a number, or the newest; of all scenarios or one; by severity."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.agent.api import Agent
from app.model.events import GAP_CODE, EventRecord, Severity

_PAGE = 1_000


def find_events(
    agent: Agent, newer_than: int, limit: int, scenario_id: int | None, severities: Sequence[Severity]
) -> list[EventRecord]:
    """Up to `limit` events, oldest first. A gap is told, whatever is asked for."""

    def wanted(event: EventRecord) -> bool:
        if event.code == GAP_CODE:
            return True
        return (scenario_id is None or event.scenario_id == scenario_id) and (
            not severities or event.severity in severities
        )

    if newer_than < 0:
        return _newest(agent, min(-newer_than, limit), wanted)
    found: list[EventRecord] = []
    while len(found) < limit:
        page = agent.events(newer_than, _PAGE)
        found += filter(wanted, page)
        if len(page) < _PAGE:
            break
        newer_than = page[-1].sequence
    return found[:limit]


def _newest(agent: Agent, count: int, wanted: Callable[[EventRecord], bool]) -> list[EventRecord]:
    """The newest `count`, looked for from the end backwards."""
    last = agent.events(-1, 1)
    end = last[-1].sequence if last else 0
    found: list[EventRecord] = []
    while end > 0 and len(found) < count:
        start = max(0, end - _PAGE)
        page = agent.events(start, _PAGE)
        part = [event for event in page if event.sequence <= end and event.code != GAP_CODE and wanted(event)]
        found = part + found
        if not page or page[0].code == GAP_CODE:
            break
        end = start
    return found[-count:]
