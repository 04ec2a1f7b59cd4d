"""Reaching an agent: the one of this home, or one of another host."""

from __future__ import annotations

from app.agent.api import Agent
from app.agent.home import AgentHome
from app.agent.patience import DEFAULT_TIMEOUT_S
from app.model.errors import ArcxoError
from app.model.job import Credentials

__all__ = ["DEFAULT_TIMEOUT_S", "connect", "connect_local", "fetch_fingerprint"]

_CONNECT_TIMEOUT_S = 10.0


def connect_local(home: str, timeout_s: float = DEFAULT_TIMEOUT_S) -> Agent:
    """The running agent of `home`, as its owner. Close it when done; usable from any thread.

    Raises:
        ArcxoError: AE1001 when no agent is ready in this home.
    """
    from app.agent.grpc_client import GrpcAgent
    from app.agent.tls import load_certificate

    agent_home = AgentHome(home)
    info = agent_home.running()
    if info is None:
        raise ArcxoError("AE1001", host="localhost", reason=f"no agent runs in {agent_home.path}")
    certificate = load_certificate(agent_home)
    return GrpcAgent("localhost", info.address, certificate, timeout_s, token=agent_home.owner_token)


def connect(
    address: str,
    credentials: Credentials,
    fingerprint: str,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    *,
    name: str = "",
    far: bool = False,
) -> Agent:
    """The agent at `address` (HOST:PORT), logged in; its certificate must have `fingerprint`.

    `name` is what its errors call the host; "" = the address. `far`: it is another host, which
    works with this host's media through a gate.

    Raises:
        ArcxoError: AE1001 unreachable, AE1031 a version that does not fit.
        CredentialsError: AE1006 another certificate, AE1026 log-in refused.
    """
    from app.agent.grpc_client import GrpcAgent
    from app.agent.tls import check_fingerprint, fetch_certificate

    certificate = fetch_certificate(address, min(timeout_s, _CONNECT_TIMEOUT_S), name)
    check_fingerprint(certificate, fingerprint, name or address)
    agent = GrpcAgent(name or address, address, certificate, timeout_s, credentials=credentials, far=far)
    try:
        agent.log_in()
    except BaseException:
        agent.close()
        raise
    return agent


def fetch_fingerprint(address: str, timeout_s: float = _CONNECT_TIMEOUT_S, authority: str = "") -> str:
    """The SHA-256 fingerprint of the certificate at `address`, for a person to compare.

    With an `authority` (a PEM file) that has signed it for the host in `address` nobody need compare.

    Raises:
        ArcxoError: AE1001 unreachable, AE1074 the file cannot be used.
        CredentialsError: AE1073 another has signed it, or for another host.
    """
    from app.agent.tls import fetch_certificate, fingerprint_of

    if authority:
        from app.agent.own_certificates import certified

        return fingerprint_of(certified(address, authority, timeout_s))

    return fingerprint_of(fetch_certificate(address, timeout_s))
