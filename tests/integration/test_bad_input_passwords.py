"""Wrong passwords of accounts and sessions: refused with their codes before anything happens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.agent.client import connect
from app.agent.home import AgentHome
from app.bootstrap import open_services
from app.model.errors import ArcxoError, CredentialsError, ExitCode
from app.model.job import BackupScript, Credentials
from app.services.api import BackupRequest
from tests.support.arcxo_command import Arcxo, running_home
from tests.support.bad_input import Pair, log_of

pytestmark = pytest.mark.xdist_group("bad-passwords")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    place = tmp_path_factory.mktemp("bad-passwords")
    (place / "master").mkdir()
    (place / "master/file").write_text("content")
    (place / "right").write_text("correct horse\n")
    (place / "wrong").write_text("battery staple\n")
    with running_home(place) as arcxo:
        made = Pair(arcxo, "files", place / "master", place / "replica")
        made.run()
        made.back_up("--session-password-file", str(place / "right"))
        # Before the tests of wrong ones, in whatever order they come: after some of those the agent lets
        # nobody try for a minute.
        _log_in(arcxo)
        account = ["account", "add", "watcher", "--role", "monitor", "--password-stdin"]
        arcxo.text(*account, given="only looks\n")
        yield made


@pytest.fixture
def arcxo(pair: Pair) -> Arcxo:
    return pair.arcxo


def _agent_of(arcxo: Arcxo) -> tuple[str, str]:
    info = AgentHome(str(arcxo.home)).running()
    assert info is not None
    return info.address, info.fingerprint


def _log_in(arcxo: Arcxo) -> None:
    agent = connect(_agent_of(arcxo)[0], Credentials("caroot", "caroot-secret"), _agent_of(arcxo)[1])
    try:
        assert agent.hello().version
    finally:
        agent.close()


@pytest.mark.parametrize("login", [("caroot", "wrong"), ("nobody", "caroot-secret"), ("caroot", "")])
def test_agent_refuses_a_wrong_log_in(arcxo: Arcxo, login: tuple[str, str]) -> None:
    address, fingerprint = _agent_of(arcxo)
    with pytest.raises(CredentialsError) as refused:
        connect(address, Credentials(*login), fingerprint).hello()
    assert refused.value.exit_code is ExitCode.CREDENTIALS
    assert refused.value.code == "AE1026"


def test_agent_with_another_fingerprint_is_refused(arcxo: Arcxo) -> None:
    address, fingerprint = _agent_of(arcxo)
    with pytest.raises(ArcxoError):
        connect(address, Credentials("caroot", "caroot-secret"), "0" * len(fingerprint)).hello()


@pytest.mark.parametrize(
    ("role", "user", "password", "code"),
    [
        ("master", "caroot", "wrong", "AE0459"),
        ("master", "watcher", "only looks", "AE0459"),
        ("replica", "caroot", "wrong", "AE1026"),
    ],
)
def test_backup_with_a_wrong_log_in_fails_and_names_scenario_and_host(
    arcxo: Arcxo, pair: Pair, role: str, user: str, password: str, code: str
) -> None:
    before = arcxo.json("session", "list")
    services = open_services(str(arcxo.home))
    try:
        scenario = services.scenarios.show("files").scenario
        script = BackupScript(scenario_ids=(scenario.id,), scenario_names=("files",))
        job = services.backups.submit(
            BackupRequest(script, credentials=((scenario.id, role, Credentials(user, password)),))
        )
        arcxo.text("job", "wait", str(job.id), expect=1)
    finally:
        services.close()
    log = log_of(arcxo, {"id": job.id})
    assert code in log, log
    assert "files" in log
    assert arcxo.json("session", "list") == before
    assert pair.status()["state"] == "replicating"


@pytest.mark.parametrize("options", [[], ["--plan"], ["--wait"]])
@pytest.mark.parametrize("password", ["", "wrong"])
def test_restore_with_a_wrong_session_password_does_nothing(
    arcxo: Arcxo, pair: Pair, tmp_path: Path, options: list[str], password: str
) -> None:
    place = pair.master.parent
    given = ["--session-password-file", str(place / password)] if password else []
    session = next(one for one in arcxo.json("session", "list") if one["encrypted"])
    jobs = len(arcxo.json("job", "list"))
    told = arcxo.text(
        "restore", "session", session["media_serial"], str(session["number"]), "--path", str(pair.master),
        "--to", str(tmp_path / "out"), *given, *options, expect=4,
    )  # fmt: skip
    assert f"ession {session['number']}" in told
    assert not (tmp_path / "out").exists()
    assert len(arcxo.json("job", "list")) == jobs


def test_empty_or_missing_password_file_is_refused_before_a_job_is_made(arcxo: Arcxo, tmp_path: Path) -> None:
    jobs = len(arcxo.json("job", "list"))
    (tmp_path / "empty").write_text("\n")
    arcxo.text("backup", "--scenario", "files", "--session-password-file", str(tmp_path / "empty"), expect=4)
    told = arcxo.text(
        "backup", "--scenario", "files", "--session-password-file", str(tmp_path / "none"), expect=4
    )
    assert str(tmp_path / "none") in told
    assert len(arcxo.json("job", "list")) == jobs


def test_a_mistyped_password_of_a_backup_is_told_before_a_job_is_made(arcxo: Arcxo, pair: Pair) -> None:
    jobs = len(arcxo.json("job", "list"))
    wrong = str(pair.master.parent / "wrong")
    told = arcxo.text("backup", "--scenario", "files", "--session-password-file", wrong, expect=4)
    assert "files" in told
    assert "--new-password" in told
    assert len(arcxo.json("job", "list")) == jobs
    # On purpose it is another password, and the log says what that means.
    job = arcxo.json(
        "backup", "--scenario", "files", "--session-password-file", wrong, "--new-password", "--wait"
    )
    assert "has a key of its own" in log_of(arcxo, job)


def test_passwords_are_nowhere_in_the_home(arcxo: Arcxo) -> None:
    for secret in (b"correct horse", b"caroot-secret"):
        for directory, _, names in os.walk(arcxo.home):
            for name in names:
                path = Path(directory) / name
                if path.is_file() and not path.is_symlink():
                    assert secret not in path.read_bytes(), path


def test_no_password_can_be_asked_for_without_a_terminal(arcxo: Arcxo) -> None:
    told = arcxo.text("account", "add", "second", expect=2)
    assert "--password-stdin" in told
