"""The error for what a replica did not do within the time-out of its scenario."""

from __future__ import annotations

from app.model.errors import ArcxoError, ExitCode
from app.model.scenario import Scenario


def late(scenario: Scenario, host: str, call: str) -> ArcxoError:
    """AE0469 of `call`, which says what was waited for.

    No `BusyError`: that would be taken for something here that is over in a moment.
    """
    return ArcxoError(
        "AE0469",
        exit_code=ExitCode.BUSY,
        name=scenario.name,
        id=scenario.id,
        host=host,
        call=call,
        seconds=scenario.properties.timeout_seconds,
    )
