"""Homes of several servers on one PostgreSQL catalog: made, joined, refused, and without the database."""

from __future__ import annotations

import contextlib
import json
import os
import time
import urllib.parse
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from app.catalog.api import NewJob
from app.catalog.location import FILE, checked_url, read_location
from app.catalog.store import SqlCatalog, open_catalog
from app.jobs import home as home_module
from app.jobs.home import create_home, is_home
from app.jobs.host_logins import HostLogins
from app.jobs.invitation import read_invitation
from app.jobs.media_seen import check_group_seen
from app.jobs.secrets import SecretStore
from app.jobs.shared_home import invite, join, set_location
from app.model.errors import ArcxoError, BusyError, UsageError
from app.model.job import BackupScript, Credentials, JobKind, JobPhase, JobProgress, JobResult
from app.model.media import Device
from app.model.server import CatalogChoice
from app.model.source import DirectSource
from app.services.local import open_local
from tests.support.arcxo_command import Arcxo
from tests.support.postgresql import Cluster, cluster

pytestmark = pytest.mark.xdist_group("postgresql")
PASSWORD = "a password of caroot"
_numbers = count()


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Cluster]:
    with cluster() as one:
        yield one


@pytest.fixture
def url(postgresql: Cluster) -> str:
    return postgresql.database(f"c{os.getpid()}_{next(_numbers)}")


@pytest.fixture
def first(tmp_path: Path, url: str) -> str:
    home = str(tmp_path / "first")
    create_home(home, caroot_password=PASSWORD, choice=CatalogChoice(url, server="one"))
    return home


def joined(first: str, name: str = "two", home: str = "") -> str:
    place = Path(first).parent
    invitation = place / f"for-{time.monotonic_ns()}"
    opened = read_invitation(str(invitation), invite(first, str(invitation)))
    made = home or str(place / name)
    join(made, opened, caroot_password=PASSWORD, server=name)
    return made


@contextlib.contextmanager
def catalog_of(home: str) -> Iterator[SqlCatalog]:
    opened = open_catalog(home)
    try:
        yield opened
    finally:
        opened.close()


def test_a_joined_server_has_the_catalog_and_opens_its_secrets(first: str) -> None:
    second = joined(first)
    sealed = SecretStore(first).seal(b"a password", "p")
    assert SecretStore(second).open(sealed, "p") == b"a password"
    with catalog_of(first) as one, catalog_of(second) as two:
        one.settings.put("k", "v")
        assert two.settings.get("k", "") == "v"
        assert [device.path for device in two.media.devices()] == [f"{first}/media"]
        HostLogins(first, one).put("h", Credentials("u", "p"))
        assert HostLogins(second, two).get("h") == Credentials("u", "p")
    assert not os.path.exists(f"{second}/catalog.sqlite3")
    assert os.stat(f"{second}/{FILE}").st_mode & 0o777 == 0o600


def test_another_password_of_caroot_is_known_to_the_other_servers(first: str) -> None:
    services = open_local(first)
    services.accounts.set_password("caroot", "another password")
    services.close()
    second = joined(first)
    with catalog_of(second) as catalog:
        assert HostLogins(second, catalog).get("one") == Credentials("caroot", "another password")


def test_progress_heartbeats_and_duties_are_seen_by_the_other_server(first: str) -> None:
    with catalog_of(first) as one, catalog_of(joined(first)) as two:
        one.live.put_progress(7, JobProgress(phase=JobPhase.BACK_UP, files=12))
        found = two.live.progress(7)
        assert found is not None
        assert found.files == 12
        two.servers.put("two", "two", 5, "1", ("host:two",))
        (told,) = [one_of for one_of in one.servers.list() if one_of.pid == 5]
        assert (told.name, told.capabilities) == ("two", ("host:two",))
        assert told.silent_s < 10
        assert one.servers.takes_duty("one", "watch", 0.5)
        assert not two.servers.takes_duty("two", "watch", 30)
        assert one.servers.takes_duty("one", "watch", 0.05)
        time.sleep(0.1)
        assert two.servers.takes_duty("two", "watch", 30)
        two.servers.remove("two")
        assert one.servers.takes_duty("one", "watch", 30)


def test_a_change_of_one_server_is_noticed_by_the_other_at_once(first: str) -> None:
    with catalog_of(first) as one, catalog_of(first) as two:
        before = two.changes()
        one.settings.put("x", "y")
        assert two.changes() != before


def test_a_name_that_is_taken_and_a_database_in_use_are_refused(first: str, url: str, tmp_path: Path) -> None:
    joined(first)
    with pytest.raises(UsageError, match="E5783"):
        joined(first, home=str(tmp_path / "third"))
    assert not is_home(str(tmp_path / "third"))
    with pytest.raises(UsageError, match="E6043"):
        create_home(str(tmp_path / "x"), caroot_password=PASSWORD, choice=CatalogChoice(url, server="x"))


def test_a_making_that_was_cut_is_made_again_on_the_same_database(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = str(tmp_path / "cut")
    original = vars(home_module)["replace"]

    def cut(path: str, content: bytes, **rest: int) -> None:
        raise KeyboardInterrupt if path.endswith("home.json") else AssertionError(path, content, rest)

    monkeypatch.setattr(home_module, "replace", cut)
    choice = CatalogChoice(url, server="one")
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            create_home(home, caroot_password=PASSWORD, choice=choice)
    assert not is_home(home)
    monkeypatch.setattr(home_module, "replace", original)
    create_home(home, caroot_password=PASSWORD, choice=choice)
    with catalog_of(home) as made:
        assert len(made.media.devices()) == 1


def test_an_emptied_or_exchanged_database_is_not_taken_for_the_catalog(
    first: str, postgresql: Cluster, tmp_path: Path
) -> None:
    other = postgresql.database(f"other{os.getpid()}_{next(_numbers)}")
    location = json.loads(Path(first, FILE).read_text())
    Path(first, FILE).write_text(json.dumps({**location, "url": checked_url(other)}))
    with pytest.raises(ArcxoError, match="E6042"):
        open_catalog(first)
    create_home(str(tmp_path / "o"), caroot_password=PASSWORD, choice=CatalogChoice(other, server="o"))
    with pytest.raises(ArcxoError, match="E6042"):
        open_catalog(first)
    set_location(str(tmp_path / "o"), url=other)
    with pytest.raises(ArcxoError, match="E6042"):
        set_location(str(tmp_path / "o"), url=urllib.parse.unquote(location["url"]))


def test_a_database_that_does_not_answer_is_told_and_met_again(tmp_path: Path) -> None:
    with cluster() as one:
        arcxo = Arcxo(tmp_path / "home")
        (tmp_path / "pw").write_text(PASSWORD)
        init = ("init", "--catalog", one.url, "--name", "one", "--password-file", str(tmp_path / "pw"))
        arcxo.text(*init)
        opened = open_catalog(str(arcxo.home))
        opened.settings.put("a", "b")
        one.server.stop()
        refused = arcxo.text("job", "list", expect=6)
        assert "E6040" in refused
        with pytest.raises(BusyError, match="E6040"):
            opened.settings.get("a", "")
        with pytest.raises(BusyError, match="E6040"):
            opened.changes()
        opened.be_patient(30)
        began = time.monotonic()
        opened.hurry()
        with pytest.raises(BusyError, match="E6040"):
            opened.settings.get("a", "")
        assert time.monotonic() - began < 10
        one.server.start()
        assert opened.settings.get("a", "") == "b"
        opened.changes()
        assert arcxo.json("job", "list") == []
        opened.close()


def test_media_that_a_server_does_not_see_are_named(first: str) -> None:
    with catalog_of(first) as catalog:
        check_group_seen(catalog, "GROUP0")
        catalog.media.put_group("FAR")
        catalog.media.put_device(Device("far", "/not/here", "FAR"))
        with pytest.raises(ArcxoError, match="E5784") as told:
            check_group_seen(catalog, "FAR")
        assert "far (/not/here)" in str(told.value.params["devices"])


def test_a_due_job_says_for_which_server_it_waits_though_that_of_this_home_is_stopped(first: str) -> None:
    with catalog_of(first) as catalog, contextlib.closing(open_local(first)) as services:
        catalog.media.put_group("FAR")
        catalog.media.put_device(Device("far", "/not/here", "FAR"))
        script = BackupScript((), (), device_group="FAR", sources=(DirectSource("elsewhere", b"/x"),))
        job = catalog.jobs.submit(NewJob(JobKind.BACKUP, "b", script, "caroot", device_group="FAR"))
        assert services.jobs.next_run(job.id).code == "W5716"
        catalog.servers.put("three", "three", 6, "1", ("host:three",))
        assert services.jobs.next_run(job.id).code == "N5711"
        catalog.servers.put("two", "two", 5, "1", ("host:two", "device:far"))
        found = services.jobs.next_run(job.id)
        assert found.code == "N5725"
        assert (found.params["servers"], found.params["reason"]) == ("two", "it sees far")


def test_the_streams_of_a_group_are_counted_over_all_servers(first: str) -> None:
    with catalog_of(first) as one, catalog_of(joined(first)) as two:
        numbers = []
        for catalog, server in ((one, "one"), (two, "two"), (one, "one")):
            script = BackupScript((), (), sources=(DirectSource("elsewhere", b"/x"),))
            job = catalog.jobs.submit(NewJob(JobKind.BACKUP, "b", script, "caroot", device_group="GROUP0"))
            assert catalog.jobs.claim_due(server) is not None
            numbers.append(job.id)
        assert [two.jobs.ahead_in_group(number) for number in numbers] == [0, 1, 2]
        one.jobs.finish(numbers[0], 1, JobResult.FINISHED)
        assert [two.jobs.ahead_in_group(number) for number in numbers[1:]] == [0, 1]


def test_the_commands_list_and_remove_servers(first: str) -> None:
    joined(first)
    arcxo = Arcxo(Path(first))
    with catalog_of(first) as catalog:
        catalog.servers.put("id-three", "three", 9, "1", ())
    servers = {one["name"]: one["state"] for one in arcxo.json("server", "list")}
    assert servers == {"two": "stopped", "three": "running"}
    with catalog_of(first) as catalog:
        catalog.servers.put("id-three", "three", 9, "1", ())  # its signs of life are as old as this
    assert "E5792" in arcxo.text("server", "remove", "three", "--yes", expect=6)
    arcxo.text("server", "remove", "two", "--yes")
    assert [one["name"] for one in arcxo.json("server", "list")] == ["three"]
    services = open_local(first)
    assert services.server.servers()[0].unseen == (f"media ({first}/media)",)
    services.close()


@pytest.mark.parametrize(
    "given",
    [
        "mysql://a@b/c",
        "postgresql://a:secret@b/c",
        "postgresql://a@b/c?password=x",
        "postgresql://a@b",
        "postgresql://a@b:999999/c",
        "catalog.sqlite3",
        "",
    ],
)
def test_what_is_no_address_or_has_a_password_in_it_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="E6045"):
        checked_url(given)


def test_a_home_of_its_own_invites_nobody(tmp_path: Path) -> None:
    home = str(tmp_path / "alone")
    create_home(home, caroot_password=PASSWORD)
    assert read_location(home) is None
    with pytest.raises(UsageError, match="E5782"):
        invite(home, str(tmp_path / "invitation"))
