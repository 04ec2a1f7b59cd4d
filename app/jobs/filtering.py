"""What a backup's filter does is told in its log: which rules hold, and what each of them left out."""

from __future__ import annotations

from app.jobs.control import JobControl
from app.jobs.summary import size_text
from app.media.api import SessionHeader
from app.model.backup_filters import filters_text, left_out_of, rule_words
from app.model.errors import UsageError
from app.model.job import BackupScript
from app.model.scenario import Filters


def check_script_filters(script: BackupScript) -> None:
    """Raise UsageError E5301 for a pattern that is none, E5302 for a node that the backup does not have."""
    try:
        script.filters.check()
    except ValueError as error:
        raise UsageError("E5301", cause=error) from error
    nodes = {*script.scenario_names, *(one.label for one in script.sources)}
    for node, _ in script.filters.nodes:
        if node not in nodes:
            raise UsageError("E5302", node=node)


def filters_here(script: BackupScript) -> Filters:
    """What holds for the one node that a job, or a child of one, backs up."""
    return script.filters.of((*script.scenario_names, *(one.label for one in script.sources))[0])


def same_filter(base: SessionHeader | None, filters: Filters) -> bool:
    """Whether a list of changes since the base says all that differs: not when other rules hold now."""
    return base is None or base.filters == filters_text(filters)


def note_filter(control: JobControl, label: str, filters: Filters, *, changed: bool) -> None:
    """Say which rules hold."""
    if filters.include or filters.exclude:
        control.note(
            "N5304",
            scenario=label,
            include=", ".join(filters.include) or "everything",
            exclude=", ".join(filters.exclude) or "nothing",
        )
    if changed:
        control.note("N5305", scenario=label)


def note_left_out(control: JobControl, label: str, header: SessionHeader) -> None:
    """Say what each rule left out of a session, most first."""
    if not header.filters:
        return
    found = left_out_of(header.left_out)
    for one in found:
        control.note(
            "N5306",
            scenario=label,
            session=header.number,
            number=header.number,
            rule=rule_words(one.rule),
            files=f"{one.files:,}",
            directories=f"{one.directories:,}",
            size=size_text(one.size_bytes),
        )
    if not found:
        control.note("N5307", scenario=label, session=header.number, number=header.number)
