"""What the last check of a media found damaged: files and sessions, from its lines in the activity log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.model.events import ActivityRecord
from app.services.api import Services

DAMAGED, CHECKED = "E5164", "N5165"
_LINES = 5000
_UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class DamagedObject:
    """One damaged object of a media: the sessions it belongs to, and their files where they are known."""

    name: str
    sessions: tuple[int, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FoundDamage:
    """What one check found. `at` None = no check of this media is in the log any more."""

    job_id: int | None = None
    at: datetime | None = None
    objects: tuple[DamagedObject, ...] = ()


def read_damage(services: Services, media_name: str) -> FoundDamage:
    """What the newest check of a media found. Blocks on the catalog."""
    for found in services.log.list(text=f"Media {media_name} verified", limit=20):
        if found.code == CHECKED and found.params.get("media") == media_name and found.job_id is not None:
            return damage_of(services.log.list(job_id=found.job_id, limit=_LINES), found)
    return FoundDamage()


def damage_of(lines: Sequence[ActivityRecord], closing: ActivityRecord) -> FoundDamage:
    """The damage that a job named before the line that closes its check of one media."""
    before = sorted((line for line in lines if line.id < closing.id), key=lambda line: -line.id)
    objects = []
    for line in before:
        if line.code == CHECKED:
            break  # of the media before it in the same job
        if line.code == DAMAGED:
            objects.append(
                DamagedObject(
                    line.params.get("object", ""),
                    _numbers(line.params.get("sessions", "")),
                    _paths(line.params.get("files", "")),
                )
            )
    return FoundDamage(closing.job_id, closing.at, tuple(reversed(objects)))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(", ") if word.isdigit())


def _paths(text: str) -> tuple[str, ...]:
    """Paths are absolute, so that one begins where a slash follows a comma."""
    if text in ("", _UNKNOWN):
        return ()
    first, *others = text.split(", /")
    return (first, *(f"/{other}" for other in others))


def by_session(found: FoundDamage) -> dict[int, tuple[str, ...]]:
    """The damaged files of each session, without repeats; () = its files could not be named."""
    files: dict[int, dict[str, None]] = {}
    for one in found.objects:
        for number in one.sessions:
            files.setdefault(number, {}).update(dict.fromkeys(one.files))
    return {number: tuple(files[number]) for number in sorted(files, reverse=True)}
