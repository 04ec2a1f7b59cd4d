"""What several tests of a replica need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.replication.events import EventStore
from app.replication.replica.engine import ReplicaEngine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[ReplicaEngine]:
    (tmp_path / "engine").mkdir()
    events = EventStore(str(tmp_path / "events.sqlite3"), "localhost")
    made = ReplicaEngine(str(tmp_path / "engine"), "localhost", events)
    made.start()
    yield made
    made.close()
    events.close()
