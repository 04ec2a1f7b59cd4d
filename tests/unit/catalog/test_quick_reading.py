"""What is registered, read without SQLAlchemy: the same as the catalog says, or nothing at all."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.catalog.api import Registration
from app.catalog.form import FILE, LEFT_OUT
from app.catalog.quick import left_out_of, read_registered
from app.catalog.store import SqlCatalog

WHEN = datetime(2026, 3, 1, 12, 30, 0, 250_000, tzinfo=UTC)


def registration(number: int, name: str) -> Registration:
    return Registration(
        number, name, "localhost", ("localhost", "far"), (b"/data/caf\xe9", b"/b"), registered_at=WHEN
    )


def test_it_is_what_the_catalog_says(catalog: SqlCatalog, tmp_path: Path) -> None:
    for number, name in ((3, "zeta"), (9, "alpha"), (12, "3")):
        catalog.registrations.put(registration(number, name))
    catalog.settings.put(LEFT_OUT.format(id=77), "yes")
    catalog.settings.put(LEFT_OUT.format(id=78), "")
    found = read_registered(str(tmp_path))
    assert found is not None
    assert list(found.registrations) == list(catalog.registrations.list())
    assert found.left_out == {77} == left_out_of(catalog.settings.all().items())
    for name in ("alpha", "3", "9"):
        assert found.find(name) == catalog.registrations.show(name)
    assert found.find("nothing") is None


def test_a_change_by_others_is_seen_at_once(catalog: SqlCatalog, tmp_path: Path) -> None:
    catalog.registrations.put(registration(3, "zeta"))
    assert read_registered(str(tmp_path)).find("zeta")  # type: ignore[union-attr]
    catalog.registrations.put(replace(registration(3, "zeta"), name="eta"))
    assert read_registered(str(tmp_path)).find("zeta") is None  # type: ignore[union-attr]


@pytest.mark.parametrize("content", [b"", b"no database" * 100, None])
def test_what_is_unusual_is_left_to_the_catalog(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / FILE).write_bytes(content)
    assert read_registered(str(tmp_path)) is None
    assert (tmp_path / FILE).exists() is (content is not None)


def test_another_form_is_left_to_the_catalog(catalog: SqlCatalog, tmp_path: Path) -> None:
    import sqlite3

    database = sqlite3.connect(tmp_path / FILE)
    database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.commit()
    database.close()
    assert read_registered(str(tmp_path)) is None


def test_asking_for_scenarios_imports_no_sqlalchemy() -> None:
    modules = "app.services.local, app.catalog.quick, app.agent.client"
    code = f"import sys, {modules}; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
