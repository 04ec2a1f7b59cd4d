"""Restores into a replica's roots: entries staged beside them, put in place by the applier."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Sequence

from app.model.errors import Problem
from app.replication.records import MakeLink, Remove
from app.replication.replica.batch import Batch
from app.replication.replica.carrier import Carrier
from app.replication.replica.replica import Replica
from app.replication.replica.restored_tree import place_tree, staged_tree
from app.replication.replica.rewind_points import master_path
from app.replication.replica.trouble import PathTrouble
from app.replication.replica.walking import remove_tree
from app.replication.staged import RestoreArea, StagedOperation


def begin_restore(replica: Replica, scenario_id: int, run: str = "") -> RestoreArea:
    """A staging directory per root; stays until `end_restore` or the next start."""
    name = b"restore-" + secrets.token_hex(6).encode()
    # Said before the lock is there: whoever compares the roots lets it go then.
    replica.restores[name] = time.monotonic()
    replica.restore_runs[name] = run
    try:
        with replica.lock:
            _, store = replica.opened()
            directories = []
            for tree in store.trees:
                os.mkdir(name, 0o700, dir_fd=tree.side.fd)
                directories.append(tree.store.path + b"/" + name)
            return RestoreArea(scenario_id, tuple(directories))
    except BaseException:
        del replica.restores[name], replica.restore_runs[name]
        raise


def apply_staged(replica: Replica, operations: Sequence[StagedOperation]) -> list[Problem]:
    """Carry out a restore's operations; see `ReplicaEngine.apply_staged`."""
    with replica.lock:
        scenario, _ = replica.opened()
        replica.mark_restored()
        problems: list[Problem] = []

        def work(batch: Batch) -> None:
            carrier = Carrier(batch)
            for number, operation in enumerate(operations):
                try:
                    _carry_staged(carrier, batch, number, operation)
                except PathTrouble as trouble:
                    batch.drop_operation()
                    whole = master_path(scenario, operation.root, operation.path)
                    problems.append(Problem(trouble.code, whole, trouble.params))

        problems += replica.applier.run(work, keep_position=replica.streaming)
        return problems


def end_restore(replica: Replica, area: RestoreArea) -> None:
    """Remove what is left in the area."""
    for directory in area.directories:
        replica.restores.pop(os.path.basename(directory), None)
        replica.restore_runs.pop(os.path.basename(directory), None)
    with replica.lock:
        _, store = replica.opened()
        for tree, directory in zip(store.trees, area.directories, strict=True):
            tree.forget()
            remove_tree(tree.side, os.path.basename(directory))


def taken_back(replica: Replica, run: str) -> None:
    """Say that what a restore wrote was wholly taken back."""
    with replica.lock:
        replica.mark_taken_back(run)


def _carry_staged(carrier: Carrier, batch: Batch, number: int, operation: StagedOperation) -> None:
    root, path = operation.root, operation.path
    if operation.remove:
        carrier.carry(number, 0, Remove(root, path))
    elif operation.link_to is not None:
        carrier.carry(number, 0, MakeLink(root, path, operation.link_to))
    else:
        staged = None
        if operation.staged_path is not None:
            base = batch.tree(root).store.path + b"/"
            if not operation.staged_path.startswith(base + b"restore-"):
                raise PathTrouble("ER00404", path, final=True)
            staged = operation.staged_path[len(base) :]
        if operation.tree and staged is not None:
            grown = staged_tree(batch.tree(root).side, root, path, staged, operation.tree, operation.files)
            place_tree(batch, carrier, number, grown)
            return
        carrier.restore(number, root, path, staged, operation.metadata)
