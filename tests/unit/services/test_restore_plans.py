"""What the plan of a restore says of directories that the media at hand do not tell the content of."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.backup.api import RestoreTask
from app.backup.api import plan_restore as plan_one
from app.catalog import open_catalog
from app.cli.restore_plan import summary_lines
from app.model.errors import ArcxoError
from app.model.job import Destination, RestoreScript, RestoreSelection
from app.model.restore import RestoreAction, RestorePlan, Unlisted
from app.services import restore_plan
from app.services.api import RestoreRequest
from tests.support.catalog_rows import ROOT, back_up, tree
from tests.support.media_samples import MASTER
from tests.support.spanning import TinyMedia


def test_directories_on_media_that_are_away_are_told_and_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = TinyMedia(tmp_path / "devices", 200_000, monkeypatch)
    source = tmp_path / "source"
    for name in ("early", "late"):
        (source / name).mkdir(parents=True)
        (source / name / "file").write_bytes(name.encode() * 20)
        if name == "early":
            tiny.back_up(source)
            tiny.add()
    number = tiny.back_up(source).session
    task = RestoreTask(
        media_path=tiny.paths[1],
        session=number,
        paths=(),
        targets=((MASTER, bytes(tmp_path / "out")),),
    )
    whole = plan_one(task)
    assert (whole.counts[RestoreAction.CREATE], whole.unlisted) == (5, ())
    away = Path(tiny.paths[0])
    away.rename(f"{away}.away")
    plan = plan_one(task)
    assert [(one.path, one.part) for one in plan.unlisted] == [(MASTER + b"/early", 0)]
    assert "cannot be reached" in plan.unlisted[0].reason
    assert plan.counts[RestoreAction.CREATE] == 4


def test_the_catalog_says_how_much_lies_in_what_cannot_be_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = open_catalog(str(tmp_path))
    first = back_up(catalog, 1, tree({b"d/a": "1", b"d/e/b": "1", b"d2/c": "1", b"top": "1"}))
    back_up(catalog, 2, tree({b"d/a": "2", b"top": "1"}))
    selection = RestoreSelection("S1", 1)
    script = RestoreScript((selection,), destination=Destination.DIRECTORY, directory=bytes(tmp_path))
    told = [Unlisted(ROOT + b"/d", "it is away"), Unlisted(ROOT + b"/d2", "it is away", part=7)]
    plan = RestorePlan({RestoreAction.CREATE: 1}, 10, (), "localhost", None, unlisted=tuple(told))
    group = SimpleNamespace(host="localhost", order=None, placed=[SimpleNamespace(session=first)])
    orders = SimpleNamespace(groups=lambda *_: [group], absent=(ArcxoError("W5182", count=1),))
    monkeypatch.setattr("app.jobs.restore_orders.RestoreOrders", lambda *_: orders)
    monkeypatch.setattr(restore_plan, "_here", lambda *_: plan)
    connections: Any = SimpleNamespace(catalog=catalog, home=str(tmp_path))
    found = restore_plan.plan_restore(connections, RestoreRequest(script), 10)
    assert [(one.path, one.files, one.size_bytes) for one in found.unlisted] == [
        (ROOT + b"/d", 2, 20),
        (ROOT + b"/d2", 1, 10),
    ]
    line = found.out_of_reach[1]
    assert line.startswith("2 directories of session 1 of media media one (serial S1, sequence -) cannot be")
    assert "/data/d: 3 files of 30 bytes, by the catalog, lie in them" in line
    assert summary_lines(found)[0].endswith(", of what can be listed")
    # Names that left the catalog are not counted by anybody.
    catalog.sessions.drop_detail("S1", 1)
    found = restore_plan.plan_restore(connections, RestoreRequest(script), 10)
    assert found.unlisted[0].files is None
    assert "files that nobody knows of lie in them" in found.out_of_reach[1]
    catalog.close()
