"""What the host checks before its engines work."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest

from app.agent.api import RestoreOrder
from app.agent.host import HostEngines
from app.model.errors import BusyError
from app.model.job import Conflict, Structure


class Refusing:
    """A replica's process that knows of a newer fence."""

    def call(self, method: str, *_: Any, **__: Any) -> Any:
        assert method == "check_fence"
        raise BusyError("AE1023", job=5)


def test_a_restore_of_a_job_that_another_server_has_taken_over_is_refused() -> None:
    nothing = cast("Any", None)
    engines = HostEngines(
        "home", "fingerprint", nothing, nothing, nothing, cast("Any", Refusing()), "/home", nothing
    )
    order = RestoreOrder(5, 1, "/media", 1, (), ((b"/", b"/target"),), Conflict.SKIP, Structure.FULL)
    with pytest.raises(BusyError, match="AE1023"):
        engines.restore(order, threading.Event())
