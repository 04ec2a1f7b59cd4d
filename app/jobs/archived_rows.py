"""The catalog rows that an archive tells: checked, staged while it is written, published at its end."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from app.agent.api import AnyPoint, EntityPoint
from app.catalog.api import Catalog
from app.catalog.sessions_api import SessionEntry, Staging
from app.jobs.control import JobControl
from app.model.archive import CatalogRow, CatalogRows
from app.model.errors import BusyError, UsageError
from app.model.media import SessionInfo
from app.model.paths import shown
from app.native import native

_LINEAGE_BUSY = "E6004"
_ROWS_AT_ONCE = 2000
_native: Any | None = native("packed_rows")
_ENTRY_FIELDS = len(SessionEntry._fields)


def _entries(rows: list[CatalogRow]) -> list[SessionEntry]:
    """What the catalog keeps of rows that are there."""
    if _native is not None:
        made: list[SessionEntry] = _native.cut(rows, 0, len(rows), _ENTRY_FIELDS, SessionEntry)
        return made
    return [SessionEntry(row.path, row.kind, row.size_bytes, row.modified_ns, row.content_id) for row in rows]


class ArchivedRows:
    """The catalog rows of a session while it is written; nothing of them is seen before `publish`."""

    def __init__(
        self,
        catalog: Catalog,
        control: JobControl,
        point: AnyPoint,
        entity: EntityPoint,
        set_id: str,
        base: tuple[str, int] | None,
    ) -> None:
        self._catalog = catalog
        self._control = control
        self._machine = point.machine
        self._entity = entity.entity
        self._set_id = set_id
        self._base = base
        self._roots = [master_path for master_path, _ in entity.roots]
        self._beneath = tuple(root.rstrip(b"/") + b"/" for root in self._roots)
        self._staging: Staging | None = None
        self._published = False

    def take(self, rows: CatalogRows) -> None:
        """Stage a batch, in its order. Raises UsageError AE1007 for a path that is none of the roots'."""
        self._check_all(rows.rows)
        staging = self._begin(full=not rows.incremental)
        for removed, group in itertools.groupby(rows.rows, key=lambda row: row.removed):
            batch = list(group)
            for start in range(0, len(batch), _ROWS_AT_ONCE):
                part = batch[start : start + _ROWS_AT_ONCE]
                if removed:
                    staging.remove([row.path for row in part])
                else:
                    staging.add(_entries(part))

    def _check_all(self, rows: Sequence[CatalogRow]) -> None:
        at = 0
        while at < len(rows):
            if _native is not None:
                at = _native.first_unusual(rows, at, self._beneath)
                if at == len(rows):
                    return
            self._check(rows[at].path)
            at += 1

    def _check(self, path: bytes) -> None:
        """What an agent says was read is only what it was asked for."""
        good = path.startswith(self._beneath) or path in self._roots
        if good and (b"/." in path or b"//" in path or b"\0" in path or path[-1:] == b"/"):
            good = path == b"/" or not {b"", b".", b".."} & set(path[1:].split(b"/"))
            good = good and b"\0" not in path
        if not good:
            reason = f"{shown(path[:200])} is not beneath what was to be backed up"
            raise UsageError("AE1007", message="CatalogRows", reason=reason)

    def publish(self, session: SessionInfo, *, incremental: bool) -> None:
        """Make the session visible. Raises BusyError E6003 when the claim is another's now."""
        self._begin(full=not incremental).publish(session)
        self._published = True

    def close(self) -> None:
        """Drop what was not published."""
        if self._staging is not None and not self._published and not self._control.lost:
            self._staging.discard()

    def _begin(self, *, full: bool) -> Staging:
        if self._staging is None:
            self._control.wait_for(
                f"the catalog rows of another backup of {self._entity} on {self._machine}",
                lambda: self._try_begin(full=full),
                poll_s=0.5,
            )
        assert self._staging is not None
        return self._staging

    def _try_begin(self, *, full: bool) -> bool:
        try:
            self._staging = self._catalog.sessions.begin(
                self._machine,
                self._entity,
                self._set_id,
                self._roots,
                job_id=self._control.job.id,
                fence=self._control.fence,
                full=full,
                base=self._base,
            )
        except BusyError as error:
            if error.code == _LINEAGE_BUSY:
                return False
            raise
        return True
