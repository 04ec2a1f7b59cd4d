"""The Job Status manager with the jobs of the memory services."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.ui.job_status.manager import JobStatusManager
from app.ui.manager import Context


@pytest.fixture
def manager(context: Context, qtbot: Any, settled: Callable[[], None]) -> Iterator[JobStatusManager]:
    made = JobStatusManager(context)
    qtbot.addWidget(made)
    made.resize(1240, 820)
    made.show()
    made.activate()
    settled()
    yield made
    made.monitors.close_all()
    made.deactivate()
    settled()
