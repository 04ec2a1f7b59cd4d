"""Jobs, accounts, hosts, registrations and alerts go with the backups, and a new machine has them again."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import bootstrap
from app.agent.accounts import Accounts, Role
from app.agent.home import AgentHome
from app.agent.home_key import HomeKey
from app.alerts.engine import PURPOSE
from app.catalog import open_catalog
from app.catalog.api import Catalog, NewJob, Registration
from app.jobs.credentials import JobSecrets
from app.jobs.home import create_home
from app.jobs.home_record import HomeRecorder
from app.jobs.host_logins import HostLogins
from app.jobs.secrets import SecretStore
from app.jobs.submission import submit_backup
from app.media.recovery import new_recovery_key
from app.model.alert import AlertMethod, AlertTarget
from app.model.errors import CredentialsError
from app.model.host import Host
from app.model.job import BackupScript, Credentials, JobKind, JobStatus, Schedule
from app.model.media import Pool
from app.services.accounts import LocalAccounts

SECRET = "caroot's own"
DEFINITION = b"<scenario/>"


class Known:
    """A home that knows something, with its record on its own media."""

    def __init__(self, directory: Path) -> None:
        self.home = str(directory / "old")
        create_home(self.home, caroot_password=SECRET, media_name="M1")
        self.store = SecretStore(self.home)
        self.catalog = open_catalog(self.home)
        self._fill()
        self.media = os.path.join(self.home, "media/M1")
        self.put()

    def put(self) -> None:
        assert HomeRecorder(self.home, self.catalog, self.store).put([self.media])

    def _fill(self) -> None:
        catalog = self.catalog
        roots = (b"/srv/da\xff",)
        catalog.registrations.put(Registration(1234567890, "files", "localhost", ("replica-1",), roots))
        catalog.hosts.put(Host("replica-1", "10.0.0.2:25000", "backup", "ab:cd"))
        HostLogins(self.home, catalog).put("replica-1", Credentials("backup", "of the replica"))
        Accounts(AgentHome(self.home)).add("anna", "anna's", Role.OPERATOR)
        catalog.media.put_group("FAST")
        catalog.media.put_pool(Pool("WEEKLY", 30, 2))
        catalog.settings.put("history_days", "100")
        target = AlertTarget("ops", AlertMethod.MAIL, "ops@example.org")
        catalog.alerts.put_target(target, self.store.seal(b"mailto://ops@example.org", PURPOSE))
        (Path(self.home) / "engine/scenarios/1234567890.xml").write_bytes(DEFINITION)
        submit_backup(
            catalog,
            self.store,
            BackupScript((1234567890,), ("files",), encrypt=True),
            Schedule(datetime.now(UTC) - timedelta(days=1), "FREQ=DAILY"),
            name="Nightly",
            secrets=JobSecrets("the session's", ((1234567890, "replica", Credentials("u", "p")),)),
        )
        for kind in (JobKind.MEDIA_ERASE, JobKind.MEDIA_PURGE):
            parameters = {"media": catalog.media.media()[0].serial}
            catalog.jobs.submit(NewJob(kind, kind.value, parameters, "caroot", hold=True))

    def lose(self, directory: Path) -> str:
        """Nothing is left but a copy of the media."""
        bare = str(directory / "bare")
        shutil.copytree(os.path.dirname(self.media), bare)
        self.catalog.close()
        shutil.rmtree(self.home)
        return bare


@pytest.fixture
def known(tmp_path: Path) -> Known:
    return Known(tmp_path)


def come_back(tmp_path: Path, bare: str, password: str = SECRET, *secrets: str) -> tuple[str, Catalog]:
    home = str(tmp_path / "new")
    plan = bootstrap.plan_from_media(home, [bare])
    bootstrap.init_from_media(plan, caroot_password=password, secrets=secrets)
    return home, open_catalog(home)


def test_all_of_it_is_there_again_and_the_jobs_wait_in_hold(known: Known, tmp_path: Path) -> None:
    home, catalog = come_back(tmp_path, known.lose(tmp_path))
    try:
        (registration,) = catalog.registrations.list()
        assert (registration.id, registration.name, registration.replicas) == (
            1234567890,
            "files",
            ("replica-1",),
        )
        assert registration.roots == (b"/srv/da\xff",)
        assert catalog.hosts.show("replica-1") == Host("replica-1", "10.0.0.2:25000", "backup", "ab:cd")
        assert HostLogins(home, catalog).get("replica-1") == Credentials("backup", "of the replica")
        accounts = Accounts(AgentHome(home))
        assert accounts.verify("anna", "anna's").role is Role.OPERATOR
        assert accounts.verify("caroot", SECRET).role is Role.ADMINISTRATOR
        assert "FAST" in catalog.media.groups()
        assert catalog.media.pools() == [Pool("WEEKLY", 30, 2)]
        assert catalog.settings.get("history_days") == "100"
        (target,) = catalog.alerts.targets()
        store = SecretStore(home)
        assert store.open(catalog.alerts.sealed(target.name), PURPOSE) == b"mailto://ops@example.org"
        assert (Path(home) / "engine/scenarios/1234567890.xml").read_bytes() == DEFINITION
        back = [job for job in catalog.jobs.list() if job.kind is not JobKind.MEDIA_MERGE]
        assert [(job.name, job.kind, job.status) for job in back] == [
            ("Nightly", JobKind.BACKUP, JobStatus.HOLD)
        ]
        (job,) = back
        assert job.schedule.repeat == "FREQ=DAILY"
        assert job.execution_at is not None
        assert job.execution_at > datetime.now(UTC)
        secrets = JobSecrets.unseal(store, catalog.jobs.credentials(job.id))
        assert secrets.session_password == "the session's"
        assert secrets.login(1234567890, "replica") == Credentials("u", "p")
    finally:
        catalog.close()


def test_a_wrong_password_is_refused_before_anything_is_made(known: Known, tmp_path: Path) -> None:
    bare = known.lose(tmp_path)
    home = str(tmp_path / "new")
    plan = bootstrap.plan_from_media(home, [bare])
    assert plan.found_home is not None
    assert plan.found_home.known is None
    with pytest.raises(CredentialsError, match="E5231"):
        bootstrap.init_from_media(plan, caroot_password="not it")
    assert not os.path.exists(home)
    opened = bootstrap.open_found_home(plan, ["not it", SECRET]).found_home
    assert opened is not None
    assert opened.known is not None
    assert (opened.known.jobs, opened.known.accounts, opened.known.hosts) == (1, 1, 1)
    assert opened.known.scenarios == ("files",)


def test_without_the_home_the_sessions_alone_are_known(known: Known, tmp_path: Path) -> None:
    plan = bootstrap.plan_from_media(str(tmp_path / "new"), [known.lose(tmp_path)])
    bootstrap.init_from_media(plan, caroot_password="another", without_home=True)
    catalog = open_catalog(plan.home)
    try:
        assert catalog.registrations.list() == []
    finally:
        catalog.close()


def test_a_recovery_key_opens_it_when_the_password_is_lost(known: Known, tmp_path: Path) -> None:
    key = new_recovery_key()
    assert HomeKey(known.home).add_recovery(key, datetime.now(UTC))
    known.put()
    home, catalog = come_back(tmp_path, known.lose(tmp_path), "quite another", key.lower())
    try:
        assert len(catalog.registrations.list()) == 1
        assert Accounts(AgentHome(home)).verify("caroot", "quite another")
    finally:
        catalog.close()


def test_another_password_of_caroot_opens_what_is_written_after(known: Known, tmp_path: Path) -> None:
    LocalAccounts(known.home).set_password("caroot", "the new one")
    LocalAccounts(known.home).set_password("anna", "something else")
    known.put()
    bare = known.lose(tmp_path)
    plan = bootstrap.plan_from_media(str(tmp_path / "new"), [bare])
    with pytest.raises(CredentialsError, match="E5231"):
        bootstrap.init_from_media(plan, caroot_password=SECRET)
    bootstrap.init_from_media(plan, caroot_password="the new one")


def test_a_making_that_was_cut_is_done_again_with_all_of_it(
    known: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = known.lose(tmp_path)
    plan = bootstrap.plan_from_media(str(tmp_path / "new"), [bare])

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("app.jobs.home.replace", cut)
    with pytest.raises(KeyboardInterrupt):
        bootstrap.init_from_media(plan, caroot_password=SECRET)
    assert not bootstrap.home_exists(plan.home)
    monkeypatch.undo()
    _, catalog = come_back(tmp_path, bare)
    try:
        assert [job.name for job in catalog.jobs.list() if job.kind is JobKind.BACKUP] == ["Nightly"]
    finally:
        catalog.close()


def test_a_home_that_has_no_key_writes_no_record(known: Known) -> None:
    os.unlink(os.path.join(known.home, "secrets/home.key"))
    assert not HomeRecorder(known.home, known.catalog, known.store).put([known.media])
    known.catalog.close()
