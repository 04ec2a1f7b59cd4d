"""What a point is told as: to the server that asked for it, and to the worker that archives it."""

from __future__ import annotations

from collections.abc import Sequence

from app.agent.api import ArchiveOrder, BackupPoint, EntityPoint
from app.agent.point_files import SavedPoint
from app.backup.api import ArchiveRoot, ArchiveTask, Change
from app.model.job import VerifyMode
from app.model.scenario import Filters


def task_of(
    saved: SavedPoint,
    order: ArchiveOrder,
    indexes: Sequence[int],
    changes: list[tuple[Change, ...]] | None,
    *,
    following: bool,
) -> ArchiveTask:
    """The task of the entity that has the roots `indexes`; `changes` by root, None for a walk."""
    audit = order.verify is VerifyMode.AUDIT
    roots = tuple(
        ArchiveRoot(
            saved.roots[index].master_path,
            saved.roots[index].snapshot.path,
            None if changes is None or audit else changes[index],
            saved.roots[index].snapshot.partial,
            changes[index] if changes is not None and audit else None,
        )
        for index in indexes
    )
    return ArchiveTask(
        media_path=order.media_path,
        entity=order.entity,
        roots=roots,
        job_id=order.job_id,
        scenario_id=saved.scenario.id,
        scenario_name=saved.scenario.name,
        machine=saved.scenario.master,
        replica=saved.replica,
        taken_at=saved.taken_at,
        consistency=saved.consistency,
        provider=saved.provider,
        incarnation=saved.incarnation,
        change=saved.change,
        base_session=order.base_session,
        base_media=order.base_media,
        data_key=order.data_key,
        key_id=order.key_id,
        verify=order.verify,
        server=order.server,
        fence=order.fence,
        owners=order.owners,
        filters=Filters(order.include, order.exclude),
        following=following,
    )


def manifests_of(saved: SavedPoint, indexes: Sequence[int]) -> dict[bytes, bytes]:
    """The files of the manifests of roots, by master path."""
    roots = [saved.roots[index] for index in indexes]
    return {root.master_path: root.snapshot.manifest for root in roots if root.snapshot.manifest is not None}


def as_point(saved: SavedPoint) -> BackupPoint:
    """A point as the server knows it."""
    return BackupPoint(
        id=saved.id,
        scenario=saved.scenario,
        replica=saved.replica,
        taken_at=saved.taken_at,
        consistency=saved.consistency,
        provider=saved.provider,
        incarnation=saved.incarnation,
        change=saved.change,
        entities=tuple(
            EntityPoint(
                entity,
                tuple(
                    (saved.roots[index].master_path, saved.roots[index].snapshot.path) for index in indexes
                ),
            )
            for entity, indexes in saved.entities
        ),
    )
