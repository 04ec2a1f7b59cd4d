"""Letting scenarios of other hosts' masters in, and opening their streams. In the control process."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

from app.agent.allowed_scripts import AllowedScripts
from app.agent.certificate_faults import check_time
from app.agent.grants import Grant, Grants, has_key
from app.agent.home import AgentHome
from app.agent.sessions import LoginLimiter
from app.agent.signing import check_signature, only_certificate
from app.model.errors import ArcxoError, BusyError, CredentialsError, NotFoundError
from app.model.paths import is_beneath, shown
from app.model.scenario import Scenario
from app.replication.definition import from_xml

_KEY_MAX = 200


@dataclass(frozen=True, slots=True)
class StreamTicket:
    """What one token opens: a stream of this scenario, with exactly this definition, for this master.

    `definition_sum` is the SHA-256 of the definition, b"" where the master is this very host.
    """

    scenario_id: int
    replica: str = ""
    definition_sum: bytes = b""
    master_certificate: bytes = b""


class Admission:
    """Any thread. `certificate` is what this host shows."""

    def __init__(self, home: AgentHome, certificate: bytes) -> None:
        self.certificate = certificate
        self.grants = Grants(home)
        self._home = home
        self._scripts = AllowedScripts(home)
        self._limiter = LoginLimiter()

    def admit(self, definition_xml: bytes, replica: str, master_certificate: bytes) -> str:
        """Let the scenario write its directories of the replica `replica` here; returns its key.

        Raises:
            ArcxoError: E3370, ER00107 a directory of this home, AE1035 no such replica in the definition,
                AE1036 a script that is not allowed here, AE1037 the scenario's master is this host.
            UsageError: AE1007 a certificate that is none.
        """
        certificate = only_certificate(master_certificate)
        scenario = from_xml(definition_xml)
        own = os.path.join(self._home.directory("scenarios"), f"{scenario.id}.xml")
        if certificate == self.certificate or os.path.lexists(own):
            raise ArcxoError("AE1037", scenario=scenario.name)
        paths = _paths(scenario, replica)
        home = os.fsencode(os.path.realpath(self._home.path))
        for path in paths:
            real = os.path.realpath(path)
            if is_beneath(real, home) or is_beneath(home, real):
                raise ArcxoError("ER00107", path=shown(path), directory=shown(home))
        self._scripts.check(scenario, replica)
        return self.grants.admit(scenario.id, scenario.name, replica, paths, certificate)

    def open(
        self, scenario_id: int, replica: str, key: str, definition_xml: bytes, signature: bytes, peer: str
    ) -> StreamTicket:
        """What a stream may do that a master asks for with its key. Wrong keys are limited by `peer`.

        Raises:
            CredentialsError: AE1033 no such scenario or not its key (nobody is told which), AE1038 the
                definition is not signed by its master, AE1075 the certificate of the master is not valid now:
                the port of the stream would hang up on it without a word.
            BusyError: AE1014 after too many failures.
            ArcxoError: AE1035 other directories than were granted, AE1036 a script that is not allowed.
        """
        limited = f"stream {scenario_id} of {peer}"
        self._limiter.check(limited)
        grant = self._grant(scenario_id, key)
        if grant is None or grant.replica != replica:
            self._limiter.failed(limited)
            raise CredentialsError("AE1033", scenario=scenario_id)
        check_signature(grant.master_certificate, definition_xml, signature, grant.name)
        scenario = from_xml(definition_xml)
        check_time(grant.master_certificate, scenario.master)
        if scenario.id != grant.scenario_id or _paths(scenario, replica) != grant.paths:
            raise ArcxoError("AE1035", scenario=grant.name, replica=replica)
        self._scripts.check(scenario, replica)
        self.grants.opened(grant, key, definition_xml, signature)
        self._limiter.succeeded(limited)
        digest = hashlib.sha256(definition_xml).digest()
        return StreamTicket(scenario_id, replica, digest, grant.master_certificate)

    def scenario(self, scenario_id: int, replica: str) -> Scenario | None:
        """The definition that the master of another host signed last, or None where none was let in.

        Raises:
            BusyError: AE0465 it was let in and its stream has never come.
        """
        try:
            grant = self.grants.show(scenario_id)
        except NotFoundError:
            return None
        if grant.replica != replica:
            return None
        if not grant.definition_xml:
            raise BusyError("AE0465", name=grant.name, id=scenario_id, host=replica, state="stopped")
        check_signature(grant.master_certificate, grant.definition_xml, grant.signature, grant.name)
        return from_xml(grant.definition_xml)

    def _grant(self, scenario_id: int, key: str) -> Grant | None:
        try:
            grant = self.grants.show(scenario_id)
        except NotFoundError:
            return None
        return grant if has_key(grant, key[:_KEY_MAX]) else None


def _paths(scenario: Scenario, replica: str) -> tuple[bytes, ...]:
    for spec in scenario.replicas:
        if spec.host == replica:
            return spec.paths
    raise ArcxoError("AE1035", scenario=scenario.name, replica=replica)
