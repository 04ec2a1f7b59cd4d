"""Markers, readiness and the request of a backup being put together, without a window."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, combinations

import pytest

from app.model.job import BackupScript, Credentials, MediaMethod, Schedule, VerifyMode
from app.model.media import Device
from app.model.scenario import ReplicaState, ScenarioState, ScenarioStatus
from app.services.api import BackupRequest
from app.ui.backup.draft import (
    BackupDraft,
    device_groups,
    disturbance,
    group_mark,
    readiness,
    scenario_mark,
)
from app.ui.backup.options import CommandText
from app.ui.models.cell import Mark
from tests.support.memory_services import scenario, status_of

IDS = (1, 2, 3)
REPLICATING, SENDING = ScenarioState.REPLICATING, ReplicaState.REPLICATING


def one(number: int, name: str, state: ScenarioState, replica: ReplicaState) -> ScenarioStatus:
    return status_of(scenario(number, name, ["/srv"]), state, replica)


@pytest.fixture
def two() -> list[ScenarioStatus]:
    return [one(2, "beta", REPLICATING, SENDING), one(1, "Alpha", REPLICATING, SENDING)]


@pytest.mark.parametrize(
    "chosen", list(chain.from_iterable(combinations(IDS, n) for n in range(len(IDS) + 1)))
)
def test_group_box_fills_by_what_is_chosen_beneath_it(chosen: tuple[int, ...]) -> None:
    expected = {0: Mark.EMPTY, 1: Mark.PARTIAL, 2: Mark.PARTIAL, 3: Mark.FULL}[len(chosen)]
    assert group_mark(IDS, set(chosen)) is expected


def test_group_box_ignores_chosen_scenarios_that_are_gone() -> None:
    assert group_mark(IDS, {9}) is Mark.EMPTY
    assert group_mark((), {1}) is Mark.EMPTY
    assert group_mark((1,), {1, 9}) is Mark.FULL


def test_scenario_box_is_full_or_empty_never_partial() -> None:
    assert scenario_mark(1, {1, 2}) is Mark.FULL
    assert scenario_mark(3, {1, 2}) is Mark.EMPTY


def test_clicks_toggle_and_scenarios_that_disappear_are_not_chosen_any_more() -> None:
    draft = BackupDraft()
    draft.toggle(1)
    draft.toggle(2)
    draft.toggle(1)
    assert draft.chosen == {2}
    draft.keep_only({1, 3})
    assert draft.chosen == set()


@pytest.mark.parametrize(
    ("password", "repeated", "fault"),
    [
        ("", "", ""),
        ("a", "a", ""),
        ("a", "", "Type the password a second time"),
        ("a", "b", "The passwords differ"),
        ("", "b", "Type the password here too"),
    ],
)
def test_password_must_be_typed_twice_the_same(password: str, repeated: str, fault: str) -> None:
    assert BackupDraft(password=password, repeated=repeated).password_fault == fault


def test_an_encrypted_script_wants_its_password_until_it_is_typed_or_not_wanted() -> None:
    draft = BackupDraft()
    draft.load(BackupScript((1,), ("Alpha",), encrypt=True), {1})
    assert draft.password_fault == "Type the session password"
    assert draft.script([]).encrypt
    draft.password = draft.repeated = "secret"
    assert draft.password_fault == ""
    draft.begin_anew()
    assert (draft.password, draft.password_fault, draft.script([]).encrypt) == ("", "", False)


def test_options_are_changed_on_a_copy_and_taken_over_without_what_the_tabs_say() -> None:
    draft = BackupDraft({1}, "GROUP1")
    draft.rules.media_name, draft.rules.pool = "Weekly", "P"
    copy = draft.for_options()
    copy.rules.method, copy.rules.media_name = MediaMethod.OVERWRITE_ANY, "typed elsewhere"
    copy.options.nodes["Alpha"] = CommandText("/bin/true")
    copy.verify, copy.password, copy.group = VerifyMode.SCAN, "p", "GROUP9"
    assert (draft.rules.method, draft.verify, draft.options.nodes) == (
        MediaMethod.APPEND,
        VerifyMode.NONE,
        {},
    )
    draft.take_options(copy)
    assert (draft.rules.method, draft.rules.media_name) == (MediaMethod.OVERWRITE_ANY, "Weekly")
    assert (draft.rules.pool, draft.group, draft.chosen) == ("P", "GROUP1", {1})
    assert (draft.verify, draft.password) == (VerifyMode.SCAN, "p")
    assert draft.options.nodes["Alpha"].before == "/bin/true"


def test_request_carries_exactly_what_was_chosen(two: list[ScenarioStatus]) -> None:
    first, second = two[1].scenario, two[0].scenario
    draft = BackupDraft({first.id, second.id}, "GROUP1", "secret", "secret", VerifyMode.COMPARE)
    schedule = Schedule(datetime(2026, 11, 23, tzinfo=UTC), "FREQ=DAILY", "UTC")
    login = (second.id, "replica", Credentials("svc", "pw"))
    request = draft.request(two, schedule, name=" Nightly ", hold=True, credentials=(login,))
    assert request == BackupRequest(
        BackupScript(
            (first.id, second.id), ("Alpha", "beta"), "", "GROUP1", "", True, VerifyMode.COMPARE, retries=1
        ),
        schedule,
        "Nightly",
        True,
        "secret",
        (login,),
    )


def test_request_without_password_is_not_encrypted(two: list[ScenarioStatus]) -> None:
    request = BackupDraft({two[0].scenario.id}).request(two, Schedule())
    assert request.script.encrypt is False
    assert request.session_password == ""
    assert request.script.verify is VerifyMode.NONE


def test_nothing_chosen_cannot_be_submitted(two: list[ScenarioStatus]) -> None:
    said = readiness(BackupDraft(), two)
    assert said.fault
    assert said.text.startswith("No scenario is chosen")


def test_replicating_scenarios_are_ready(two: list[ScenarioStatus]) -> None:
    said = readiness(BackupDraft({status.scenario.id for status in two}), two)
    assert (said.fault, said.warning) == (False, False)
    assert said.text == "Ready to submit: 2 scenarios. All are replicating."


def test_a_stopped_scenario_is_told_with_the_code_its_backup_will_fail_with() -> None:
    stopped = one(1, "Archive", ScenarioState.STOPPED, ReplicaState.STOPPED)
    said = readiness(BackupDraft({stopped.scenario.id}), [stopped])
    assert said.warning
    assert "Archive is not replicating (stopped)" in said.text
    assert "AE0465" in said.text


def test_several_scenarios_that_do_not_replicate_are_counted() -> None:
    both = [one(n, f"S{n}", ScenarioState.SYNCHRONIZING, ReplicaState.SYNCHRONIZING) for n in (1, 2)]
    said = readiness(BackupDraft({status.scenario.id for status in both}), both)
    assert "S1 and 1 more are not replicating" in said.text


@pytest.mark.parametrize("state", ReplicaState)
def test_only_a_replica_that_follows_its_master_is_undisturbed(state: ReplicaState) -> None:
    assert bool(disturbance(one(1, "A", REPLICATING, state))) == (state is not SENDING)


@pytest.mark.parametrize("state", ScenarioState)
def test_only_a_replicating_scenario_is_undisturbed(state: ScenarioState) -> None:
    assert bool(disturbance(one(1, "A", state, SENDING))) == (state is not REPLICATING)


def test_a_scenario_without_replica_is_disturbed() -> None:
    alone = replace(one(1, "A", REPLICATING, SENDING), replicas=())
    assert disturbance(alone) == "disconnected"


def test_groups_gather_devices_and_count_only_space_that_is_online() -> None:
    devices = [
        Device("B", "/b", "G2", 10, 5),
        Device("A", "/a", "G1", 10, 7),
        Device("C", "/c", "G1", 10, 9, online=False, problem="not mounted"),
        Device("D", "/d", "G3", online=False, problem="not mounted"),
    ]
    first, second, third = device_groups(devices, [])
    assert (first.name, first.free_bytes, first.fault) == ("G1", 7, "")
    assert (second.name, second.free_bytes) == ("G2", 5)
    assert third.free_bytes is None
    assert third.fault == "No device of G3 is online: not mounted"
