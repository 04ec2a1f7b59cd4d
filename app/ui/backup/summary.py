"""What a backup job does, point by point, as the Submit Job dialog shows it. Qt-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.model.job import VerifyMode
from app.model.scenario import ScenarioStatus
from app.ui import formats
from app.ui.backup.draft import BackupDraft, DeviceGroup, disturbance
from app.ui.backup.estimate import Estimate
from app.ui.backup.media_words import method_words

_VERIFY = {
    VerifyMode.NONE: ("None", "Sessions are not read again after the backup"),
    VerifyMode.SCAN: ("Scan after writing", "Every block is read back and checked"),
    VerifyMode.COMPARE: ("Compare after writing", "Sessions are compared with the snapshot"),
    VerifyMode.AUDIT: ("Audit of the changes", "Everything is looked at, and the list of changes proved"),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One point of the summary."""

    icon: str
    caption: str
    text: str
    detail: str = ""
    warning: bool = False


def summary(
    draft: BackupDraft,
    chosen: Sequence[ScenarioStatus],
    group: DeviceGroup | None,
    when: str,
    warnings: Sequence[str] = (),
    expected: Estimate | None = None,
    staging: str = "",
) -> list[Fact]:
    """Source, destination, streams, password, verification, schedule, and what to look at."""
    free = group.free_bytes if group else None
    devices = [device.name for device in group.devices if device.online] if group else []
    made = [
        Fact(
            "hard-drive-upload",
            "Source",
            " and ".join(_counts(len(chosen), len(draft.sources))),
            ", ".join([*(one.scenario.name for one in chosen), *(one.label for one in draft.sources)]),
        ),
        Fact(
            "hard-drive",
            "Destination",
            " · ".join([draft.group, *devices[:2]]),
            f"{formats.size(free)} free" if free is not None else "",
        ),
    ]
    if staging:
        made.append(Fact("layers", "Staging", staging))
    if expected is not None:
        made.append(Fact("gauge", "Estimate", expected.text, expected.detail))
    made.append(_media_fact(draft))
    made += [Fact("triangle-alert", "Media", line, "", True) for line in warnings]
    if draft.nodes > 1:
        per = "scenario" if not draft.sources else "scenario or directory" if chosen else "directory"
        at_once = f"Under one master job, {draft.options.streams} at a time"
        made.append(Fact("split", "Streams", f"{draft.nodes:,} child jobs, one per {per}", at_once))
    made.append(Fact("rotate-cw", "Options", draft.options.words().capitalize()))
    if draft.password:
        made.append(
            Fact(
                "lock",
                "Session password",
                "Set",
                "Sessions are encrypted. Names in the catalog are readable without it",
            )
        )
    else:
        made.append(Fact("lock", "Session password", "None", "Sessions are not encrypted"))
    made.append(Fact("shield-check", "Verification", *_VERIFY[draft.verify]))
    made.append(Fact("calendar-clock", "Schedule", when))
    disturbed = [f"{one.scenario.name} is {disturbance(one)}" for one in chosen if disturbance(one)]
    if disturbed:
        made.append(
            Fact("triangle-alert", "Look at", "Not all scenarios are replicating", ", ".join(disturbed), True)
        )
    return made


def _media_fact(draft: BackupDraft) -> Fact:
    """The media rule, with the name, the pool and the protection where they are given."""
    rules = draft.rules
    details = []
    details += [f"Media {rules.media_name}"] if rules.media_name else []
    details += [f"pool {rules.pool}"] if rules.pool else []
    if rules.protect_days:
        details.append(f"new media protected for {formats.counted(rules.protect_days, 'day')}")
    text = ", ".join(details)
    return Fact("archive", "Backup media", method_words(rules.method), text[:1].upper() + text[1:])


def _counts(scenarios: int, directories: int) -> list[str]:
    counted = [formats.counted(scenarios, "scenario")] if scenarios or not directories else []
    return [*counted, formats.counted(directories, "directory", "directories")] if directories else counted
