from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.alerts.engine import AlertEngine
from app.catalog import open_catalog
from app.catalog.store import SqlCatalog
from app.jobs.secrets import SecretStore
from app.model.alert import AlertEvent, DeliveryState
from app.model.errors import ArcxoError, NotFoundError, UsageError
from app.model.events import Severity
from app.services.alerts import LocalAlerts
from app.services.alerts_api import AlertRequest
from tests.support.mail_server import MailServer, mail_server


class Office:
    """A catalog, its alerts, and what the service says of them."""

    def __init__(self, place: Path) -> None:
        self.home = str(place)
        self.catalog: SqlCatalog = open_catalog(self.home)
        self.secrets = SecretStore(self.home)
        self.secrets.create()
        self.service = LocalAlerts(self)  # type: ignore[arg-type]  # all that it needs of connections
        self.engine = AlertEngine(self.catalog, self.secrets, "server")

    def line(self, code: str, severity: Severity = Severity.ERROR, **params: object) -> None:
        self.catalog.log.append(code, severity, server="server", **params)  # type: ignore[arg-type]

    def states(self) -> list[tuple[str, DeliveryState, int]]:
        return [(one.code, one.state, one.attempts) for one in self.service.deliveries()]

    def due_now(self) -> None:
        from sqlalchemy import text

        with self.catalog._database.write() as connection:
            connection.execute(text("UPDATE alert_deliveries SET next_at = 1 WHERE state = 'waiting'"))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.catalog.close()


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


def by_mail(mail: MailServer, **values: object) -> AlertRequest:
    return AlertRequest(
        "admin",
        mail="admin@example.com",
        smtp_host="127.0.0.1",
        smtp_port=mail.port,
        smtp_security="none",
        **values,  # type: ignore[arg-type]
    )


def test_a_failed_job_is_told_by_mail_with_what_to_do(office: Office, mail: MailServer):
    office.line("E5042", job_id=3)
    office.service.add(by_mail(mail))
    office.line("E5133", job_id=4, job=4, name="Nightly", kept="nothing")
    office.line("N5040", Severity.INFORMATION, job_id=5)
    assert office.engine.collect() == 1
    assert office.engine.deliver() == 1
    (one,) = mail.mails
    assert "Nightly" in str(one["Subject"])
    assert "E5133" in mail.text(0)
    assert "job 4" in mail.text(0)
    assert office.states() == [("E5133", DeliveryState.SENT, 1)]
    assert office.engine.collect() == 0
    assert office.engine.deliver() == 0


def test_a_refused_mail_is_tried_again_and_arrives_once(office: Office, mail: MailServer):
    office.service.add(by_mail(mail))
    mail.refuse = True
    office.line("E5042", job_id=3)
    office.engine.collect()
    assert office.engine.deliver() == 0
    (waiting,) = office.service.deliveries()
    assert (waiting.state, waiting.attempts) == (DeliveryState.WAITING, 1)
    assert waiting.error
    assert [one.code for one in office.catalog.log.list(severities=[Severity.WARNING])] == ["W5805"]
    assert office.engine.deliver() == 0, "it waits before it tries again"
    mail.refuse = False
    office.due_now()
    assert office.engine.deliver() == 1
    assert len(mail.mails) == 1
    assert office.engine.collect() == 0, "what alerts say of themselves is told to nobody"


def test_what_was_told_under_a_key_is_not_told_again(office: Office, mail: MailServer):
    office.service.add(by_mail(mail))
    for _ in range(3):
        office.line("W5822", Severity.WARNING, job=1, name="x", due="now", alert_key="job 1 now")
    assert office.engine.collect() == 1
    office.line("W5822", Severity.WARNING, job=1, name="x", due="now", alert_key="job 1 now")
    assert office.engine.collect() == 0


def test_children_are_told_with_their_parent(office: Office, mail: MailServer):
    office.service.add(by_mail(mail))
    office.line("E5042", job_id=4, parent_job_id=3)
    office.line("E5042", job_id=3)
    assert office.engine.collect() == 1


def test_a_target_is_told_of_what_it_asked_for(office: Office, mail: MailServer):
    office.service.add(by_mail(mail, events=(AlertEvent.FINISHED,), codes=("W5142",)))
    office.line("E5042", job_id=3)
    office.line("N5040", Severity.INFORMATION, job_id=5)
    office.line("W5142", Severity.WARNING, media="m", device="d")
    office.engine.collect()
    assert {code for code, _, _ in office.states()} == {"N5040", "W5142"}


def test_a_command_gets_the_message_as_json_and_nothing_of_a_shell(office: Office, tmp_path: Path):
    out = tmp_path / "out.json"
    program = tmp_path / "tell"
    program.write_text(
        f"#!{sys.executable}\nimport os, sys\n"
        "told = sys.stdin.read() + '\\n' + os.environ['ARCXO_CODE'] + repr(sys.argv[1:])\n"
        f"open({str(out)!r}, 'w').write(told)\n"
    )
    program.chmod(0o755)
    office.service.add(AlertRequest("script", command=(str(program), "$(touch x)")))
    office.line("E5042", job_id=3)
    office.engine.collect()
    assert office.engine.deliver() == 1
    document, _, rest = out.read_text().partition("\n")
    assert json.loads(document)["job"] == 3
    assert rest == "E5042['$(touch x)']"


def test_a_command_that_fails_says_why(office: Office, tmp_path: Path):
    program = tmp_path / "tell"
    program.write_text("#!/bin/sh\necho no such person\nexit 3\n")
    program.chmod(0o755)
    office.service.add(AlertRequest("script", command=(str(program),)))
    with pytest.raises(ArcxoError, match="E5804") as error:
        office.service.test("script")
    assert "exit code 3. no such person" in str(error.value.params["details"])


def test_secrets_of_a_target_are_sealed_and_not_shown(office: Office, mail: MailServer):
    office.service.add(by_mail(mail, smtp_user="who", smtp_password="s3cret-word"))
    assert "s3cret-word" not in repr(office.service.targets())
    office.catalog.close()
    for name in os.listdir(office.home):
        path = Path(office.home, name)
        assert not path.is_file() or b"s3cret-word" not in path.read_bytes()


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (AlertRequest("a"), "E5807"),
        (AlertRequest("a", mail="x@y.zz", url="json://h"), "E5807"),
        (AlertRequest("a", mail="nobody"), "E5801"),
        (AlertRequest("a", mail="a@b.cc\nBcc: x@y.zz"), "E5801"),
        (AlertRequest("a", url="nosuchservice://x"), "E5801"),
        (AlertRequest("a", command=("relative",)), "E5802"),
        (AlertRequest("a", command=("/tmp",)), "E5802"),
        (AlertRequest("a", mail="x@y.zz", codes=("W0000",)), "E5808"),
    ],
)
def test_targets_that_can_not_be_told_are_refused(office: Office, request_: AlertRequest, code: str):
    with pytest.raises(UsageError, match=code):
        office.service.add(request_)
    assert not office.service.targets()


def test_a_target_that_is_gone_has_nothing_waiting(office: Office, mail: MailServer):
    office.service.add(by_mail(mail))
    office.line("E5042", job_id=3)
    office.engine.collect()
    office.service.remove("admin")
    assert office.engine.deliver() == 0
    with pytest.raises(NotFoundError, match="E6030"):
        office.service.remove("admin")
