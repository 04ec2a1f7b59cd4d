"""What a worker does for a restore, its plan and its undo."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.agent.far_media import lend_media
from app.agent.restore_task import restore_task
from app.model.archive import RestoreItems, UndoItems
from app.model.errors import Problem
from app.model.restore import RestoreItem, UndoItem

if TYPE_CHECKING:
    from app.agent.api import UndoOrder
    from app.agent.worker_main import ControlPipe
    from app.backup.api import RestoreSink, RestoreTask

_ITEMS = 1000


def carry_out(
    pipe: ControlPipe,
    log_path: str,
    kind: str,
    order: Any,
    state: str,
    paths: tuple[bytes, ...],
    area: Any,
) -> None:
    """Do `plan`, `restore` or `undo`. `paths`: what is protected, or of an undo the destinations."""
    if kind != "undo":
        lend_media(pipe.line, [part.media_path for part in order.parts()])
    if kind == "undo":
        _undo(pipe, order, state, paths, area)
    elif kind == "plan":
        _plan(pipe, restore_task(order, "", paths), order.items_max)
    else:
        from app.agent.restore_helper import Helping
        from app.backup.api import restore

        task = restore_task(order, state, paths)
        sink = _sink(pipe, area, task.directories())
        emit = functools.partial(pipe.tell, "event")
        restore(task, emit, pipe.canceled, sink, lambda: Helping(log_path))


def _sink(pipe: ControlPipe, area: Any, directories: list[bytes]) -> RestoreSink | None:
    """The applier of a replica when there is an area for it; None = plain directories."""
    if area is None:
        return None
    from app.agent.applier_sink import ApplierSink

    def apply(operations: Sequence[Any]) -> list[Problem]:
        problems: list[Problem] = pipe.ask_applier("apply_staged", area.scenario_id, operations)
        return problems

    return ApplierSink(apply, area, directories)


def _plan(pipe: ControlPipe, task: RestoreTask, most: int) -> None:
    """The paths in batches, the plan last, without them."""
    from app.backup.api import plan_restore

    batch: list[RestoreItem] = []
    told = 0

    def tell(item: RestoreItem) -> None:
        nonlocal told
        if most and told >= most:
            return
        told += 1
        batch.append(item)
        if len(batch) >= _ITEMS:
            pipe.tell("event", RestoreItems(tuple(batch)))
            batch.clear()

    plan = plan_restore(task, 0, tell, pipe.canceled)
    if batch:
        pipe.tell("event", RestoreItems(tuple(batch)))
    pipe.tell("event", plan)


def _undo(pipe: ControlPipe, order: UndoOrder, state: str, directories: tuple[bytes, ...], area: Any) -> None:
    from app.backup.api import UndoTask, undo

    task = UndoTask(state, directories, order.force, order.plan_only, order.undone_job)
    batch: list[UndoItem] = []

    def tell(item: UndoItem) -> None:
        batch.append(item)
        if len(batch) >= _ITEMS:
            pipe.tell("event", UndoItems(tuple(batch)))
            batch.clear()

    def emit(event: Any) -> None:
        if batch and order.plan_only:
            pipe.tell("event", UndoItems(tuple(batch)))
            batch.clear()
        pipe.tell("event", event)

    sink = _sink(pipe, area, list(directories))
    undo(task, emit, pipe.canceled, sink, tell if order.plan_only else None)
