"""What the Start tab shows: the parts of the job, and whether it can be started. Qt-free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.model.scenario import ScenarioStatus
from app.model.staging import StagingPlan
from app.ui import formats
from app.ui.backup.draft import BackupDraft, DeviceGroup
from app.ui.backup.estimate import Estimate

_NAMES = 4


@dataclass(frozen=True, slots=True)
class Said:
    """A line and what explains it."""

    text: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StartView:
    """All that the tab shows. `reason`: why the job cannot be started, "" = it can."""

    what: Said
    where: Said
    when: Said
    expected: Said
    reason: str
    ready: str
    staging: bool
    """Whether the job goes to a staging group."""
    staging_groups: tuple[str, ...] = ()
    final_groups: tuple[str, ...] = ()
    choosable: int = 0
    """Scenarios that "choose all" would choose; 0 = something is chosen already, or there are none."""


def start_view(
    draft: BackupDraft,
    statuses: Sequence[ScenarioStatus],
    groups: Sequence[DeviceGroup],
    plans: Mapping[str, StagingPlan],
    *,
    staging_words: str,
    when: str,
    hold: bool,
    expected: Estimate | None,
    fault: str,
    ready: str,
) -> StartView:
    """From the draft and what the services know."""
    chosen = draft.selected(statuses)
    names = [one.scenario.name for one in chosen] + [one.label for one in draft.sources]
    group = next((one for one in groups if one.name == draft.group), None)
    return StartView(
        what=Said(_counts(len(chosen), len(draft.sources)), _some(names))
        if names
        else Said("Nothing chosen yet"),
        where=_where(draft, group, staging_words),
        when=Said(when, "It waits on hold until it is set ready" if hold else ""),
        expected=Said(expected.text, expected.detail) if expected is not None else Said("", ""),
        reason=fault,
        ready=ready,
        staging=draft.group in plans,
        staging_groups=tuple(one.name for one in groups if one.name in plans),
        final_groups=tuple(one.name for one in groups if one.name not in plans),
        choosable=0 if names else len(statuses),
    )


def _where(draft: BackupDraft, group: DeviceGroup | None, staging: str) -> Said:
    if group is None:
        return Said(draft.group, staging)
    devices = ", ".join(device.name for device in group.devices if device.online)
    free = group.free_bytes
    parts = [part for part in (devices, f"{formats.size(free)} free" if free is not None else "") if part]
    text = " · ".join([draft.group, *parts])
    secret = "The sessions are encrypted." if draft.password else ""
    return Said(text, " ".join(part for part in (group.fault, staging, secret) if part))


def _counts(scenarios: int, directories: int) -> str:
    parts = [formats.counted(scenarios, "scenario")] if scenarios else []
    parts += [formats.counted(directories, "directory", "directories")] if directories else []
    return " and ".join(parts)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more
