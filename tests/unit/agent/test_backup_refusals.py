from __future__ import annotations

import pytest

from app.agent.backup_refusals import ScenariosInUse, as_backup_error
from app.model.errors import ArcxoError, BusyError
from tests.unit.agent.test_agent_convert import SCENARIO


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("ER00408", "AE0457"),
        ("ER00414", "AE0457"),
        ("AE1016", "AE0472"),
        ("AE1030", "AE0472"),
        ("AE1099", "AE0472"),
        ("AE0460", "AE0460"),
        ("AE0465", "AE0465"),
        ("AE1023", "AE1023"),
    ],
)
def test_failures_to_hold_a_replica_still_have_the_specified_codes(code: str, told: str) -> None:
    assert as_backup_error(ArcxoError(code), SCENARIO, "branch").code == told


def test_a_scenario_that_another_job_reads_is_refused_until_that_one_has_read_it() -> None:
    used = ScenariosInUse()
    used.frozen("p", SCENARIO.id)
    with used.reading("p", 1):
        used.check(SCENARIO, 1)
        with pytest.raises(BusyError, match="AE0470"):
            used.check(SCENARIO, 2)
    used.check(SCENARIO, 2)
    used.ended("p")
    used.ended("p")
