"""From an order, as it comes over the wire, to the task of a restorer."""

from __future__ import annotations

from app.agent.api import RestoreOrder
from app.backup.api import RestoreTask
from app.model.owners import OwnerRule


def restore_task(order: RestoreOrder, state: str, protected: tuple[bytes, ...]) -> RestoreTask:
    """The task of an order. `protected`: what else than the order's own and its media is never written."""
    relocate = order.scenario_id is None and any(prefix == b"/" for prefix, _ in order.targets)
    return RestoreTask(
        media_path=order.media_path,
        session=order.session,
        paths=order.paths,
        targets=order.targets,
        conflict=order.conflict,
        structure=order.structure,
        relocate=relocate,
        data_key=order.data_key,
        job_id=order.job_id,
        more=order.more,
        exact=order.exact,
        protected=(*protected, *(part.media_path.encode() for part in order.parts())),
        state=state,
        undo_days=order.undo_days,
        undo_max_bytes=order.undo_max_bytes,
        leave_open=order.leave_open,
        left_out=order.left_out,
        owners=OwnerRule.NAME if order.owners_by_name else OwnerRule.NUMBER,
        owner_changes=order.owner_changes,
        tell_items=order.tell_items,
    )
