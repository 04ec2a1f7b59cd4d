"""Preflight of a host: each step from its port to its directories, told even where a later one fails."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from app.agent.api import Agent
from app.agent.certificate_faults import ENDS_SOON, check_time, ends_at
from app.agent.tls import check_fingerprint, fetch_certificate
from app.model.errors import ArcxoError
from app.model.host import CheckOutcome, CheckResult, HostInfo
from app.services.connections import Connections

_CONNECT_S = 10.0
_SKEW_S = 60.0


def preflight(connections: Connections, name: str, paths: Sequence[bytes]) -> Sequence[CheckResult]:
    """What stands between this home and the use of a host, in the order in which things are needed."""
    results: list[CheckResult] = []
    try:
        agent = _connected(connections, name, results)
        before = datetime.now(UTC)
        info = agent.hello()
        after = datetime.now(UTC)
        results.append(_version(name, info))
        # Its clock was read somewhere between the question and the answer.
        skew = (info.time - before - (after - before) / 2).total_seconds()
        late = abs(skew) > _SKEW_S + (after - before).total_seconds()
        params = {"host": name, "seconds": f"{abs(skew):.0f}", "direction": "ahead" if skew > 0 else "behind"}
        outcome = CheckOutcome.WARNING if late else CheckOutcome.OK
        results.append(CheckResult(name, outcome, "W1165" if late else "I1164", params))
        found = agent.preflight(paths)
        results += [_data_port(connections, name, one) if one.code == "AI1120" else one for one in found]
    except ArcxoError as error:
        results.append(CheckResult(name, CheckOutcome.ERROR, error.code, dict(error.params)))
    return results


def _data_port(connections: Connections, name: str, told: CheckResult) -> CheckResult:
    """Whether the port that masters send to can be reached from here, as its log-in port can."""
    if connections.is_here(name):
        return told
    known = connections.catalog.hosts.show(name)
    port = told.params["port"]
    address = f"{known.address.rpartition(':')[0]}:{port}"
    params = {"host": name, "address": address, "port": port}
    try:
        shown = fetch_certificate(address, _CONNECT_S, name)
        check_fingerprint(shown, known.fingerprint, name)
    except ArcxoError as error:
        params["reason"] = error.params.get("reason") or f"another certificate is shown ({error.code})"
        return CheckResult(name, CheckOutcome.WARNING, "W1168", params)
    return CheckResult(name, CheckOutcome.OK, "I1167", params)


def _version(name: str, info: HostInfo) -> CheckResult:
    """Its version, and what this one does that it does not know."""
    from app.agent.abilities import KNOWS

    params = {"host": name, "version": info.version, "system": info.system}
    unknown = [words for one, words in KNOWS.items() if words and one not in info.knows]
    if not unknown:
        return CheckResult(name, CheckOutcome.OK, "I1163", params)
    return CheckResult(name, CheckOutcome.WARNING, "W1166", {**params, "what": "; ".join(unknown)})


def _certificate(name: str, certificate: bytes, fingerprint: str) -> CheckResult:
    """The certificate that was confirmed, and whether it soon is none any more."""
    until = ends_at(certificate)
    params = {"host": name, "found": fingerprint, "until": until.date().isoformat()}
    if until - datetime.now(UTC) < ENDS_SOON:
        return CheckResult(name, CheckOutcome.WARNING, "W1169", params)
    return CheckResult(name, CheckOutcome.OK, "I1161", params)


def _connected(connections: Connections, name: str, results: list[CheckResult]) -> Agent:
    if connections.is_here(name):
        return connections.local_agent()
    known = connections.catalog.hosts.show(name)
    certificate = fetch_certificate(known.address, _CONNECT_S, name)
    results.append(CheckResult(name, CheckOutcome.OK, "I1160", {"host": name, "address": known.address}))
    check_fingerprint(certificate, known.fingerprint, name)
    check_time(certificate, name)
    results.append(_certificate(name, certificate, known.fingerprint))
    agent = connections.agent_of(name)
    results.append(CheckResult(name, CheckOutcome.OK, "I1162", {"host": name, "user": known.user}))
    return agent
