from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.catalog import open_catalog
from app.catalog.store import SqlCatalog


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    opened = open_catalog(str(tmp_path))
    yield opened
    opened.close()
