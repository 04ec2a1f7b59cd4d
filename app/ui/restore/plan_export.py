"""A restore's plan as a file: every item, one line each."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from app.model.errors import ArcxoError
from app.model.paths import shown
from app.model.restore import RestoreItem
from app.services.api import RestoreRequest, Services
from app.ui.restore.plan_items import reason


def export_plan(services: Services, requests: Sequence[RestoreRequest], name: str) -> int:
    """Plan anew and write all items as CSV; returns how many. Blocks as planning does.

    Raises:
        ArcxoError: E1301 the file cannot be written; what planning raises.
    """
    count = 0
    try:
        with Path(name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["action", "target", "source", "bytes", "reason"])
            for request in requests:
                conflict = request.script.conflict

                def write(item: RestoreItem) -> None:
                    nonlocal count
                    count += 1
                    why = reason(item, conflict)  # noqa: B023 - called before the loop goes on
                    row = [item.action.value, shown(item.target), shown(item.source), item.size_bytes, why]
                    writer.writerow(row)

                services.restores.plan(request, limit=0, on_item=write)
    except OSError as error:
        raise ArcxoError("E1301", path=name, reason=error.strerror or error) from error
    return count
