"""Options that every connection of the agent has, and channels that trust one certificate only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from app.agent.own_certificates import name_in
from app.agent.tls import Identity

MESSAGE_MAX_BYTES = 16 * 1024 * 1024

_LIMITS: tuple[tuple[str, Any], ...] = (
    ("grpc.max_receive_message_length", MESSAGE_MAX_BYTES),
    ("grpc.max_send_message_length", MESSAGE_MAX_BYTES),
    ("grpc.max_metadata_size", 64 * 1024),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
)
SERVER_OPTIONS = (
    *_LIMITS,
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # Whoever connects and says nothing sensible is hung up on.
    ("grpc.server_handshake_timeout_ms", 10_000),
    # Calls of one connection at once; a client of ours waits with the next one.
    ("grpc.max_concurrent_streams", 256),
)
CONTROL_CONNECTIONS = 512
DATA_CONNECTIONS = 256
"""More connections than that are hung up on at once, those that say nothing included.

Else whoever reaches the port could take all open files of the process, with which the replica writes.
"""
CHANNEL_OPTIONS = (
    *_LIMITS,
    ("grpc.enable_http_proxy", 0),
    # Each client its own connection: a saturated stream shares its window with nobody.
    ("grpc.use_local_subchannel_pool", 1),
    # How long one attempt may take, in spite of its name: TCP, TLS and HTTP/2 over a far and lossy link.
    ("grpc.min_reconnect_backoff_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)


def server_options(connections: int) -> tuple[tuple[str, Any], ...]:
    """Options of a server that many connections may be open to."""
    return (*SERVER_OPTIONS, ("grpc.max_allowed_incoming_connections", connections))


def open_channel(address: str, certificate: bytes, own: Identity | None = None) -> grpc.Channel:
    """A channel to `address` that accepts only the agent with `certificate` (PEM), and shows `own`."""
    credentials = grpc.ssl_channel_credentials(
        certificate, own.key if own is not None else None, own.certificate if own is not None else None
    )
    named = ("grpc.ssl_target_name_override", name_in(certificate))
    return grpc.secure_channel(address, credentials, options=(*CHANNEL_OPTIONS, named))


def server_credentials(key: bytes, certificate: bytes) -> grpc.ServerCredentials:
    """Credentials of the control port."""
    return grpc.ssl_server_credentials([(key, certificate)])


def data_credentials(identity: Identity, trusted: Callable[[], bytes]) -> grpc.ServerCredentials:
    """Credentials of the data port: whoever connects must show one of the certificates of `trusted()`.

    It is asked at each connection, so that whom it names is let in from the next one on, and nobody else.
    """
    known = trusted()

    def made() -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(identity.key, identity.certificate)], root_certificates=known
        )

    def newer() -> grpc.ServerCertificateConfiguration | None:
        nonlocal known
        found = trusted()
        if found == known:
            return None
        known = found
        return made()

    return grpc.dynamic_ssl_server_credentials(
        made(),
        newer,  # type: ignore[arg-type]  # None, which the stubs forget, says that nothing has changed
        require_client_authentication=True,
    )
