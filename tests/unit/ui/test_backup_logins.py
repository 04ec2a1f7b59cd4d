"""The table of Security and Agent Information, without a window."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.model.job import Credentials
from app.model.scenario import HostRole, ReplicaSpec, Scenario
from app.ui.backup.logins import Login, Logins, LoginState, is_this_computer
from tests.support.memory_services import scenario


def remote(number: int) -> Scenario:
    made = scenario(number, f"S{number}", ["/srv"])
    return replace(
        made,
        master=f"MASTER{number}",
        replicas=(ReplicaSpec(f"REPLICA{number}", (b"/r",)), ReplicaSpec("OTHER", (b"/o",))),
    )


@pytest.fixture
def logins() -> Logins:
    made = Logins()
    made.show([remote(1), scenario(2, "Local", ["/srv"])])
    return made


def test_each_scenario_has_a_master_row_and_one_for_the_replica_that_is_backed_up(logins: Logins) -> None:
    assert [(row.role, row.host) for row in logins.rows] == [
        (HostRole.MASTER, "MASTER1"),
        (HostRole.REPLICA, "REPLICA1"),
        (HostRole.MASTER, "localhost"),
        (HostRole.REPLICA, "localhost"),
    ]


def test_this_computer_needs_no_log_in_and_carries_none(logins: Logins) -> None:
    assert is_this_computer("localhost")
    assert not is_this_computer("REPLICA1")
    assert [row.state for row in logins.rows[2:]] == [LoginState.NOT_NEEDED] * 2
    logins.rows[0].type("m", "1")
    logins.rows[1].type("r", "2")
    number = logins.rows[0].scenario_id
    assert logins.credentials() == (
        (number, "master", Credentials("m", "1")),
        (number, "replica", Credentials("r", "2")),
    )


def test_a_whole_master_log_in_waits_for_the_run_a_replica_one_for_its_test(logins: Logins) -> None:
    master, replica = logins.rows[:2]
    for row in (master, replica):
        row.type("svc", "")
        assert row.state is LoginState.MISSING
        assert row.fault == "A password is missing"
        row.type("svc", "pw")
    assert master.state is LoginState.AT_RUN
    assert replica.state is LoginState.UNTESTED
    assert list(logins.to_test()) == [replica]


def test_passwords_over_23_characters_are_a_fault_that_names_host_and_length(logins: Logins) -> None:
    row = logins.rows[1]
    row.type("svc", "x" * 24)
    assert row.fault.startswith("24 characters. At most 23")
    assert "REPLICA1" in row.fault
    row.type("svc", "x" * 23)
    assert row.fault == ""


def test_another_password_takes_back_an_older_answer(logins: Logins) -> None:
    row = logins.rows[1]
    row.type("svc", "wrong")
    row.state, row.told = LoginState.REFUSED, "refused"
    row.type("svc", "right")
    assert (row.state, row.told) == (LoginState.UNTESTED, "")
    row.state = LoginState.ACCEPTED
    row.type("svc", "right")
    assert row.state is LoginState.ACCEPTED


def test_next_missing_goes_around(logins: Logins) -> None:
    master, replica = logins.rows[:2]
    assert logins.next_missing(None) is master
    assert logins.next_missing(master) is replica
    assert logins.next_missing(replica) is master
    master.type("m", "1")
    replica.type("r", "2")
    assert logins.next_missing(None) is None


def test_foot_tells_what_is_missing_refusals_first(logins: Logins) -> None:
    assert logins.missing == "2 of 4 log-ins still need a user and password"
    logins.rows[0].type("m", "1")
    assert logins.missing == "1 of 4 log-ins still needs a user and password"
    logins.rows[1].type("r", "2")
    logins.rows[1].state = LoginState.REFUSED
    assert logins.missing == "1 of 4 log-ins was refused"


def test_one_log_in_can_be_used_for_every_row_of_its_role() -> None:
    logins = Logins()
    logins.show([remote(1), remote(2)])
    logins.rows[1].type("svc", "pw")
    logins.use_everywhere(logins.rows[1])
    typed: list[Login] = [row for row in logins.rows if row.user]
    assert [row.host for row in typed] == ["REPLICA1", "REPLICA2"]


def test_what_was_typed_stays_when_a_scenario_is_taken_out_and_put_back(logins: Logins) -> None:
    logins.rows[1].type("svc", "pw")
    logins.show([scenario(2, "Local", ["/srv"])])
    logins.show([remote(1)])
    assert logins.rows[1].user == "svc"
