"""Each message of the specification has a test that causes the very condition, on real agents."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

import app

_TESTS = Path(__file__).parents[2]
_SPECIFICATION = Path(app.__file__).parent / "messages" / "catalogue" / "specification.toml"
_TWO = "integration/test_agents_of_two_hosts.py"
_MESSAGES = "integration/test_specification_messages.py"
_SNAPSHOTS = "integration/test_snapshot_failures.py"

CONDITIONS = {
    # A definition damaged on the master's disk.
    "E3370": (
        "integration/test_bad_input_homes.py",
        "test_damaged_definition_is_told_spoils_no_other_and_is_mended_by_importing",
    ),
    # A session whose scenario was deleted goes back to its original place.
    "E3371": (_MESSAGES, "test_e3371_a_session_of_a_scenario_that_is_gone_has_no_original_place"),
    # The replica's engine runs and cannot open the replica.
    "AE0457": (
        _TWO,
        "test_an_engine_that_cannot_hold_the_replica_still_is_told_apart_from_one_that_is_broken",
    ),
    # The worker that makes the image is killed.
    "AE0458": (
        "integration/test_agent_story.py",
        "test_a_worker_killed_in_the_middle_fails_its_archive_only",
    ),
    # A wrong password for the master, and an account of it that may only look.
    "AE0459": (
        "integration/test_bad_input_passwords.py",
        "test_backup_with_a_wrong_log_in_fails_and_names_scenario_and_host",
    ),
    # The replica's volume has no room for a snapshot.
    "AE0460": (
        _SNAPSHOTS,
        "test_ae0460_a_volume_without_room_for_a_snapshot_is_named_and_the_next_job_works",
    ),
    # The snapshot that is to be released may not be changed (chattr +i).
    "AE0461": (_SNAPSHOTS, "test_ae0461_a_snapshot_that_is_held_is_told_once_and_released_later"),
    # The agent of the replica's host does not run.
    "AE0463": (
        "integration/test_backup_of_another_host.py",
        "test_a_replica_that_is_away_fails_the_job_and_is_named",
    ),
    # The account for the master may not stop the scenario.
    "AE0464": (
        _MESSAGES,
        "test_ae0464_an_account_that_may_not_stop_the_scenario_restores_nothing_unless_told_to_go_on",
    ),
    # The scenario is stopped.
    "AE0465": (
        "end_to_end/test_story.py",
        "test_backup_of_a_stopped_scenario_fails_with_the_specified_code",
    ),
    # The name of the replica leads to another host.
    "AE0467": (_TWO, "test_a_host_that_is_taken_for_the_replica_is_named_with_its_master"),
    # A newer caller uses words that the agent does not know.
    "AE0468": (
        _TWO,
        "test_ae0468_what_this_version_has_no_word_for_is_a_wrong_parameter_of_the_scenario",
    ),
    # The replica's process is stopped (SIGSTOP).
    "AE0469": (
        "integration/test_agent_stalled.py",
        "test_a_stopped_replica_process_is_noticed_named_and_caught_up_with",
    ),
    # Another job reads the point of the scenario.
    "AE0470": (_MESSAGES, "test_ae0470_a_second_job_is_told_that_another_one_reads_the_scenario"),
    # Suspending and Assured Recovery are both switched off.
    "AE0471": (_TWO, "test_a_replica_is_backed_up_only_while_it_follows_its_master"),
    # The replica's process ends and cannot start again.
    "AE0472": (
        _TWO,
        "test_an_engine_that_cannot_hold_the_replica_still_is_told_apart_from_one_that_is_broken",
    ),
}


def test_every_message_of_the_specification_has_its_condition() -> None:
    assert set(CONDITIONS) == set(tomllib.loads(_SPECIFICATION.read_text("utf-8")))


@pytest.mark.parametrize("code", CONDITIONS)
def test_the_test_of_a_condition_is_there_and_looks_for_its_code(code: str) -> None:
    file, name = CONDITIONS[code]
    source = (_TESTS / file).read_text("utf-8")
    assert name in {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)}
    assert code in source
