"""Short ways to media, backups and restores for tests."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.backup.api import ArchiveRoot, ArchiveTask, Change, Manifest, RestoreTask, archive, restore
from app.media.api import KeyInfo, create_key, format_media
from app.model.archive import (
    ArchiveEvent,
    ArchiveResult,
    CatalogRow,
    CatalogRows,
    RestoreEvent,
    RestoreResult,
)
from app.model.errors import Problem
from app.model.media import Consistency

MASTER = b"/srv/data"


@dataclass
class Events:
    """Everything a run told."""

    all: list[ArchiveEvent | RestoreEvent] = field(default_factory=list)

    def __call__(self, event: ArchiveEvent | RestoreEvent) -> None:
        self.all.append(event)

    @property
    def problems(self) -> list[Problem]:
        return [event for event in self.all if isinstance(event, Problem)]

    @property
    def rows(self) -> list[CatalogRow]:
        return [row for event in self.all if isinstance(event, CatalogRows) for row in event.rows]

    def codes(self) -> list[tuple[str, bytes]]:
        return [(problem.code, problem.path) for problem in self.problems]


def new_media(directory: Path, name: str = "M1") -> str:
    return format_media(str(directory / "device"), name).path


def new_key(media: str, password: str = "secret") -> KeyInfo:
    return create_key(media, password, minimal=True)


def archive_task(
    media: str,
    source: Path | bytes,
    *,
    base: int = 0,
    changes: tuple[Change, ...] | None = None,
    key: KeyInfo | None = None,
    **more: object,
) -> ArchiveTask:
    return ArchiveTask(
        media_path=media,
        entity="/srv",
        roots=(ArchiveRoot(MASTER, os.fsencode(source), changes),),
        job_id=1,
        scenario_id=7,
        scenario_name="files",
        machine="master",
        replica="replica",
        # Past the time in which stamps are doubted: these trees are quiet.
        taken_at=more.pop("taken_at", datetime.now(UTC) + timedelta(seconds=10)),  # type: ignore[arg-type]
        consistency=Consistency.QUIET,
        provider="none",
        base_session=base,
        data_key=key.data_key if key else None,
        key_id=key.key_id if key else "",
        **more,  # type: ignore[arg-type]
    )


def back_up(
    media: str, source: Path | bytes, manifest: Manifest | None = None, **more: object
) -> tuple[ArchiveResult, Events]:
    events = Events()
    manifests = {MASTER: manifest} if manifest else None
    task = archive_task(media, source, **more)  # type: ignore[arg-type]
    return archive(task, events, lambda: False, manifests), events


def restore_to(
    media: str, target: Path, session: int = 1, *, key: KeyInfo | None = None, **more: object
) -> tuple[RestoreResult, Events]:
    events = Events()
    more.setdefault("paths", ())
    task = RestoreTask(
        media_path=media,
        session=session,
        targets=((MASTER, os.fsencode(target)),)
        if not more.get("relocate")
        else ((b"/", os.fsencode(target)),),
        data_key=key.data_key if key else None,
        **more,  # type: ignore[arg-type]
    )
    return restore(task, events, lambda: False), events


def repack_everything() -> None:
    """From here on in this process blocks are small, and every pack that is worn at all is repacked."""
    from app.media import repack, writer

    writer.BLOCK_TARGET_BYTES = 16 * 1024
    repack.WORTH_BYTES = -(1 << 40)
    repack.DEAD_SHARE = 0.01


def flip(path: str, position: int) -> None:
    """Change one bit of a file."""
    with open(path, "r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 0x10]))
