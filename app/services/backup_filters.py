"""What a backup's filters would take and leave out of one of its nodes, counted where its files are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from app.agent.api import Agent
from app.model.errors import UsageError
from app.model.filters import FilterExample, FilterPreview
from app.model.job import BackupScript
from app.services.connections import Connections


def preview_backup(
    connections: Connections,
    script: BackupScript,
    node: str,
    *,
    examples: int,
    seconds: float,
    on_progress: Callable[[FilterPreview], None] | None,
    canceled: Callable[[], bool],
) -> FilterPreview:
    """See `app.services.api.BackupService.preview`."""
    from app.jobs.filtering import check_script_filters

    check_script_filters(script)
    agent, directories, masters = _place(connections, script, node)
    seen = FilterPreview(complete=False, seconds=0.0)
    parts = agent.preview_filters(directories, script.filters.of(node), examples=examples, seconds=seconds)
    try:
        for part in parts:
            seen = _as_on_master(part, directories, masters)
            if canceled():
                return replace(seen, complete=False)
            if on_progress is not None and not seen.complete:
                on_progress(seen)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()  # the walk on the host ends with it
    return seen


def _place(
    connections: Connections, script: BackupScript, node: str
) -> tuple[Agent, Sequence[bytes], Sequence[bytes]]:
    """(agent, its directories, the paths that sessions have for them)."""
    for source in script.sources:
        if source.label == node:
            return connections.agent_of(connections.named(source.host)), [source.path], [source.path]
    named = dict(zip(script.scenario_names, script.scenario_ids, strict=True))
    if node not in named:
        raise UsageError("E5302", node=node)
    registration = connections.catalog.registrations.show(str(named[node]))
    agent = connections.agent_of(registration.master)
    scenario = agent.scenario(registration.id).scenario
    wanted = connections.named(script.replica) if script.replica else scenario.replicas[0].host
    spec = next((one for one in scenario.replicas if one.host == wanted), None)
    if spec is None:
        raise UsageError("E1132", replica=wanted, name=node)
    if spec.host not in ("localhost", registration.master):
        agent = connections.agent_of(spec.host)
    return agent, spec.paths, [root.master_path for root in scenario.roots]


def _as_on_master(
    seen: FilterPreview, directories: Sequence[bytes], masters: Sequence[bytes]
) -> FilterPreview:
    def renamed(example: FilterExample) -> FilterExample:
        for directory, master in zip(directories, masters, strict=True):
            prefix = directory.rstrip(b"/") + b"/"
            if example.path.startswith(prefix):
                return replace(example, path=master.rstrip(b"/") + b"/" + example.path[len(prefix) :])
        return example

    return replace(
        seen,
        included=tuple(renamed(one) for one in seen.included),
        excluded=tuple(renamed(one) for one in seen.excluded),
    )
