"""A catalog goes to every earlier form and back, on both databases, and still knows its sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.catalog import migration, open_catalog
from app.catalog.form import KNOWN, NEWEST
from app.catalog.store import SqlCatalog
from app.model.search import Query
from tests.support.catalog_rows import MACHINE, ROOT, back_up, names, tree

EARLIER = sorted(revision for revision in KNOWN if revision != NEWEST)


@pytest.mark.parametrize("revision", EARLIER)
def test_rows_survive_going_to_an_earlier_form_and_back(
    catalog: SqlCatalog, database: str, tmp_path: Path, revision: str
) -> None:
    first = tree({b"annual report.txt": "1", b"d/invoice.pdf": "2"})
    back_up(catalog, 1, first)
    back_up(catalog, 2, tree({b"annual report.txt": "1", b"d/invoice.pdf": "3"}))
    migration.downgrade(catalog._database, revision)
    again = open_catalog(str(tmp_path), url=database)
    try:
        assert [session.number for session in again.sessions.list()] == [2, 1]
        assert names(again.browsing.query(Query(pattern="invoice"))) == [ROOT + b"/d/invoice.pdf"]
        assert len(again.browsing.versions(MACHINE, ROOT + b"/d/invoice.pdf")) == 2
        # It is written to as before.
        back_up(again, 3, tree({b"new.txt": "4"}))
        assert names(again.browsing.query(Query(pattern="new"))) == [ROOT + b"/new.txt"]
    finally:
        again.close()
