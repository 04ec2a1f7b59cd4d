"""Telling one target: by a service that the library Apprise knows (mail is one), or by a command."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from urllib.parse import quote

import app
from app.model.alert import AlertMethod
from app.model.errors import ArcxoError, UsageError

_LOG = logging.getLogger(__name__)
_COMMAND_S = 60.0
_SERVICE_S = 90.0
_DETAILS_MAX = 500
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER")


@dataclass(frozen=True, slots=True)
class MailServer:
    """How mail is handed over. `security`: none, starttls or tls."""

    host: str
    port: int = 0
    user: str = ""
    password: str = ""
    sender: str = ""
    security: str = "starttls"

    def url(self, recipient: str) -> str:
        """The address as the library takes it."""
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@" if self.user else ""
        mode = {"none": "insecure", "starttls": "starttls", "tls": "ssl"}[self.security]
        scheme = "mailto" if self.security == "none" else "mailtos"
        port = f":{self.port}" if self.port else ""
        sender = quote(self.sender or recipient, safe="")
        to = quote(recipient, safe="")
        return f"{scheme}://{login}{self.host}{port}?mode={mode}&from={sender}&to={to}&name=Arcxo"


@dataclass(frozen=True, slots=True)
class Message:
    """What is told. `fields` are for commands."""

    title: str
    body: str
    fields: dict[str, object]
    urgent: bool = False


def check(method: AlertMethod, address: str) -> None:
    """Refuse what nothing can be sent to.

    Raises:
        UsageError: E5801 an address the library does not know, E5802 a command that is no program's path.
    """
    if method is AlertMethod.COMMAND:
        program = json.loads(address)[0]
        if not os.path.isabs(program) or not os.access(program, os.X_OK) or os.path.isdir(program):
            raise UsageError("E5802", program=program)
        return
    if not _ask({"address": address})["sent"]:
        raise UsageError("E5801")


def send(method: AlertMethod, address: str, message: Message) -> None:
    """Tell a target. Blocks on the network, or a minute on the command. Raises ArcxoError E5803, E5804."""
    if method is AlertMethod.COMMAND:
        _run(json.loads(address), message)
    else:
        _notify(address, message)


def _notify(address: str, message: Message) -> None:
    answer = _ask(
        {"address": address, "title": message.title, "body": message.body, "urgent": message.urgent}
    )
    if not answer["sent"]:
        raise ArcxoError("E5803", details=_last(str(answer["said"]), address) or "it was refused")


def _ask(question: dict[str, object]) -> dict[str, object]:
    """What the worker answers: it keeps the library's hundred modules and its threads, and has a deadline."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(app.__file__)))
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(
            (sys.executable, "-m", "app.alerts.worker"),
            input=json.dumps(question).encode(),
            capture_output=True,
            env={**os.environ, "PYTHONPATH": path},
            cwd="/",
            timeout=_SERVICE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ArcxoError("E5803", details=f"no answer within {_SERVICE_S:g} s") from error
    try:
        answer: dict[str, object] = json.loads(done.stdout)
    except ValueError as error:
        _LOG.warning("the alert worker ended with %d: %s", done.returncode, done.stderr[-2000:].decode())
        raise ArcxoError("E5803", details=f"its process ended with {done.returncode}") from error
    return answer


def _run(arguments: list[str], message: Message) -> None:
    document = json.dumps({"title": message.title, "text": message.body, **message.fields})
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    environment |= {f"ARCXO_{name.upper()}": str(value) for name, value in message.fields.items()}
    environment |= {"ARCXO_TITLE": message.title}
    try:
        done = subprocess.run(
            arguments,
            input=document.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd="/",
            timeout=_COMMAND_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ArcxoError("E5804", program=arguments[0], details=f"it took over {_COMMAND_S:g} s") from error
    except OSError as error:
        raise ArcxoError("E5804", program=arguments[0], details=error.strerror or str(error)) from error
    if done.returncode:
        said = done.stdout[-_DETAILS_MAX:].decode("utf-8", "replace").strip()
        details = f"exit code {done.returncode}. {said}".strip()
        raise ArcxoError("E5804", program=arguments[0], details=details)


def _last(said: str, address: str) -> str:
    """The library's reason, without what was secret in the address."""
    secret = address.partition("://")[2].partition("@")[0] if "@" in address else ""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    text = " ".join(lines[-2:])[-_DETAILS_MAX:]
    for part in filter(None, secret.split(":")):
        text = text.replace(part, "…")
    return text
