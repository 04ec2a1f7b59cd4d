from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.jobs import media_choice
from app.model.errors import ArcxoError, BusyError, UsageError
from app.model.job import Conflict, Destination, RestoreScript, RestoreSelection
from app.model.kept_replica import KeptReplica
from app.model.owners import OwnerChange, OwnerRule
from app.services.api import RestoreRequest
from app.services.over_restored import refuse_over_restored
from app.services.restore_destination import check_destination, must_be_confirmed
from tests.support.memory_services import MemoryServices

SELECTIONS = (RestoreSelection("S", 1),)


def to(directory: str | bytes, **more: Any) -> RestoreScript:
    return RestoreScript(SELECTIONS, Destination.DIRECTORY, "localhost", os.fsencode(directory), **more)


@pytest.fixture
def connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    media = tmp_path / "device/M1"
    media.mkdir(parents=True)
    (tmp_path / "home").mkdir()
    online = [SimpleNamespace(path=str(media))]
    monkeypatch.setattr(media_choice, "online_media", lambda _catalog: online)
    agent = SimpleNamespace(kept_replicas=list)
    registrations = SimpleNamespace(list=list)
    return SimpleNamespace(
        home=str(tmp_path / "home"),
        catalog=SimpleNamespace(registrations=registrations),
        is_here=lambda host: host == "localhost",
        status_agent_of=lambda _host: agent,
        agent=agent,
    )


def test_home_media_and_what_the_kernel_makes_are_refused_however_they_are_named(connections, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "home")
    for directory, code in [
        (tmp_path / "home/engine", "E4243"),
        (tmp_path / "link", "E4243"),
        (tmp_path / "device/M1/packs", "E4243"),
        ("/proc/1", "E5187"),
        ("/sys", "E5187"),
    ]:
        with pytest.raises(UsageError, match=code):
            check_destination(connections, to(str(directory)))
    check_destination(connections, to(str(tmp_path / "elsewhere")))


def test_what_is_mounted_for_people_among_the_systems_directories_is_a_destination(connections, monkeypatch):
    mounts = [(b"/", b"ext4"), (b"/proc", b"proc"), (b"/sys", b"sysfs"), (b"/dev", b"devtmpfs")]
    mounts += [(b"/dev/pts", b"devpts"), (b"/dev/shm", b"tmpfs"), (b"/run", b"tmpfs")]
    mounts += [(b"/run/lock", b"tmpfs")]
    mounts += [(b"/run/user/1000", b"tmpfs"), (b"/run/media/anna/disk", b"xfs"), (b"/mnt/jail/proc", b"proc")]
    monkeypatch.setattr("app.agent.source_places._mounts", lambda: mounts)
    for refused in ("/dev", "/dev/new", "/dev/pts/0", "/run", "/run/udev", "/run/lock/x", "/mnt/jail/proc/1"):
        with pytest.raises(UsageError, match="E5187"):
            check_destination(connections, to(refused))
    for allowed in ("/dev/shm", "/dev/shm/new/deep", "/run/user/1000/x", "/run/media/anna/disk/x", "/mnt/x"):
        check_destination(connections, to(allowed))
    # A container's /dev is no devtmpfs, and where mounts are not told nothing there is allowed.
    for known in ([(b"/", b"overlay"), (b"/dev", b"tmpfs")], []):
        monkeypatch.setattr("app.agent.source_places._mounts", lambda known=known: known)
        with pytest.raises(UsageError, match="E5187"):
            check_destination(connections, to("/dev/shm/x"))


def test_directories_of_the_system_and_exact_restores_are_confirmed_first(connections, tmp_path):
    (tmp_path / "link").symlink_to("/etc")
    for script, code in [
        (to("/"), "E5186"),
        (to("/usr/local"), "E5186"),
        (to(str(tmp_path / "link")), "E5186"),
        (to(str(tmp_path), exact=True), "E5188"),
    ]:
        with pytest.raises(UsageError, match=code):
            must_be_confirmed(connections, RestoreRequest(script))
        must_be_confirmed(connections, RestoreRequest(script, confirmed=True))
    must_be_confirmed(connections, RestoreRequest(to(str(tmp_path))))


def test_a_replica_that_a_scenario_keeps_is_confirmed_first(connections, tmp_path):
    replica = tmp_path / "replica"
    replica.mkdir()
    (tmp_path / "link").symlink_to(replica)
    registered = SimpleNamespace(id=7)
    connections.catalog.registrations.list = lambda: [registered]
    kept = [KeptReplica(7, "Shares", "localhost", (os.fsencode(replica),))]
    connections.agent.kept_replicas = lambda: kept
    for directory in (replica, replica / "deep/down", tmp_path / "link/deep"):
        with pytest.raises(UsageError, match="E5199") as raised:
            must_be_confirmed(connections, RestoreRequest(to(str(directory))))
        assert raised.value.params["scenario"] == "Shares"
        must_be_confirmed(connections, RestoreRequest(to(str(directory)), confirmed=True))
    must_be_confirmed(connections, RestoreRequest(to(str(tmp_path))))
    must_be_confirmed(connections, RestoreRequest(RestoreScript(SELECTIONS, Destination.ORIGINAL_REPLICA)))

    # So it is when the scenario itself names it by a link.
    kept[:] = [replace(kept[0], paths=(os.fsencode(tmp_path / "link"),))]
    for directory in (replica, tmp_path / "link/deep"):
        with pytest.raises(UsageError, match="E5199"):
            must_be_confirmed(connections, RestoreRequest(to(str(directory))))

    # Of a scenario that was deleted it is a directory like any other, unless a master is connected to it.
    registered.id = 8
    must_be_confirmed(connections, RestoreRequest(to(str(replica))))
    kept[:] = [replace(kept[0], in_use=True)]
    with pytest.raises(UsageError, match="E5199"):
        must_be_confirmed(connections, RestoreRequest(to(str(replica))))


def test_a_host_that_does_not_answer_is_left_to_the_job(connections, tmp_path):
    def silent() -> None:
        raise ArcxoError("AE1001", host="branch", reason="it is off")

    connections.agent.kept_replicas = silent
    must_be_confirmed(connections, RestoreRequest(to(str(tmp_path))))


def test_an_exact_restore_knows_no_other_rule_than_to_overwrite(connections, tmp_path):
    with pytest.raises(UsageError, match="E5185"):
        check_destination(connections, to(str(tmp_path), exact=True, conflict=Conflict.SKIP))


def test_only_a_stopped_scenario_with_restored_files_is_refused_to_run() -> None:
    from datetime import UTC, datetime

    from app.model.scenario import ScenarioState

    status = MemoryServices().scenarios.list()[0]
    restored = replace(status.replicas[0], restored_at=datetime.now(UTC))
    over = replace(status, state=ScenarioState.STOPPED, replicas=(restored,))
    with pytest.raises(BusyError, match="E5189"):
        refuse_over_restored(over)
    refuse_over_restored(replace(over, state=ScenarioState.REPLICATING))
    refuse_over_restored(replace(status, state=ScenarioState.STOPPED))


def test_owners_are_mapped_only_where_a_replica_does_not_have_its_masters_numbers(connections, tmp_path):
    change = OwnerChange("anna", "bert")
    check_destination(connections, to(str(tmp_path / "out"), owners=OwnerRule.NAME, owner_changes=(change,)))
    replica = RestoreScript(SELECTIONS, Destination.ORIGINAL_REPLICA, owners=OwnerRule.NAME)
    with pytest.raises(UsageError, match="E5190"):
        check_destination(connections, replica)
    twice = (change, OwnerChange("anna", "carl"))
    for changes in (twice, (OwnerChange("", "bert"),), (OwnerChange("anna", "b\x1b[2Jx"),)):
        with pytest.raises(UsageError, match="E5191"):
            check_destination(connections, to(str(tmp_path / "out"), owner_changes=changes))
    both = (change, OwnerChange("anna", "staff", group=True))
    check_destination(connections, to(str(tmp_path / "out"), owner_changes=both))
