"""The calls to one agent over TLS: logged in when needed, given up on silence, faults as our errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
from google.protobuf.message import Message

from app.agent.abilities import KNOWS, needed_by
from app.agent.certificate_faults import explained
from app.agent.channel import open_channel
from app.agent.errors import from_rpc_error, timed_out
from app.agent.generated import agent_pb2 as pb
from app.agent.generated import agent_pb2_grpc
from app.agent.protocol import PROTOCOL, PROTOCOL_OLDEST, check_protocol
from app.model.errors import ArcxoError, CredentialsError
from app.model.job import Credentials

generated: Any = agent_pb2_grpc

_RENEW_BEFORE_S = 60.0


class ClientCalls:
    """See the module. Any thread; close when done. `token` where there is no need to log in."""

    def __init__(
        self,
        host: str,
        address: str,
        certificate: bytes,
        timeout_s: float,
        token: str,
        credentials: Credentials | None,
    ) -> None:
        self._host = host
        self._timeout_s = timeout_s
        self._address = address
        self._certificate = certificate
        self._channel = open_channel(address, certificate)
        self._stub: Any = generated.AgentControlStub(self._channel)
        self._token = token
        self._credentials = credentials
        self._token_until = float("inf") if token else 0.0
        self._guard = threading.Lock()
        self._says: tuple[str, frozenset[str]] | None = None

    def log_in(self) -> None:
        """Have a token that lasts.

        Raises CredentialsError AE1026, AE1006, AE1075, ArcxoError AE1001, AE1031.
        """
        with self._guard:
            if self._credentials is None or time.monotonic() < self._token_until - _RENEW_BEFORE_S:
                return
            request = pb.LogInRequest(
                user=self._credentials.user,
                password=self._credentials.password,
                protocol_oldest=PROTOCOL_OLDEST,
                protocol=PROTOCOL,
            )
            try:
                reply = self._stub.LogIn(request, timeout=self._timeout_s)
            except grpc.RpcError as error:
                raise self._meant(from_rpc_error(error, self._host, "log-in", self._timeout_s)) from None
            check_protocol(self._host, reply.protocol_oldest, reply.protocol, reply.version)
            self._says = (reply.version, frozenset(reply.knows))
            self._token = reply.token
            self._token_until = time.monotonic() + reply.seconds

    def close(self) -> None:
        """Close the connection; repeated calls do nothing."""
        self._channel.close()

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        self.log_in()
        return (("authorization", self._token),)

    def call(self, name: str, request: Any, timeout_s: float | None = None) -> Any:
        """The answer to a request. Raises ArcxoError, what the agent says or why it does not answer."""
        limit = self._timeout_s if timeout_s is None else timeout_s
        try:
            return self._call_once(name, request, limit)
        except CredentialsError as error:
            if not self._outdated(error):
                raise
            return self._call_once(name, request, limit)

    def _call_once(self, name: str, request: Any, limit: float) -> Any:
        try:
            metadata = self._metadata()
            self._check_known(name, request, limit)
            return getattr(self._stub, name)(request, timeout=limit, metadata=metadata)
        except grpc.RpcError as error:
            self._refuse_unknown(name, error)
            raise self._meant(from_rpc_error(error, self._host, name, limit, request)) from None
        except ValueError as error:
            raise ArcxoError("AE1001", host=self._host, reason=error) from error

    def _check_known(self, name: str, request: Message, limit: float) -> None:
        """Raise ArcxoError AE1039 when the host would leave out a part of a request: it is too old for it."""
        needed = needed_by(name, request)
        if not needed:
            return
        if self._says is None:
            # The owner's token needs no log-in, which says it otherwise.
            try:
                info = self._stub.Hello(pb.Empty(), timeout=limit, metadata=self._metadata())
            except grpc.RpcError as error:
                raise self._meant(from_rpc_error(error, self._host, "Hello", limit)) from None
            self._says = (info.version, frozenset(info.knows))
        version, knows = self._says
        for one in needed:
            if one not in knows:
                raise ArcxoError("AE1039", host=self._host, version=version, what=KNOWS[one])

    def _meant(self, error: ArcxoError) -> ArcxoError:
        if error.params.get("host") == "localhost":
            # So each host calls itself; here that would be another one.
            error.params["host"] = self._host
        return explained(error, self._host, self._address, self._certificate)

    def _refuse_unknown(self, name: str, error: grpc.RpcError) -> None:
        known: Any = error
        if known.code() is grpc.StatusCode.UNIMPLEMENTED:
            version = self._says[0] if self._says is not None else "unknown"
            what = KNOWS.get(name) or name
            raise ArcxoError("AE1039", host=self._host, version=version, what=what) from None

    def _outdated(self, error: ArcxoError) -> bool:
        """Whether the token was refused that a log-in had given: the agent was started anew since."""
        if error.code != "AE1015" or self._credentials is None:
            return False
        with self._guard:
            self._token_until = 0.0
        return True

    def stream(self, name: str, request: Any) -> Iterator[Any]:
        """The answers of a stream; it has no end in time, but nothing heard for the timeout ends it."""
        begun = False
        try:
            for reply in self.stream_once(name, request):
                begun = True
                yield reply
        except CredentialsError as error:
            if begun or not self._outdated(error):
                raise
            yield from self.stream_once(name, request)

    def stream_once(self, name: str, request: Any) -> Iterator[Any]:
        """The same for requests that cannot be made again."""
        metadata = self._metadata()
        if isinstance(request, Message):
            self._check_known(name, request, self._timeout_s)
        call = getattr(self._stub, name)(request, metadata=metadata)
        watch = _SilenceWatch(self._timeout_s, call.cancel)
        try:
            for reply in call:
                watch.pause()
                yield reply
                watch.heard()
        except grpc.RpcError as error:
            if watch.expired:
                raise timed_out(request, self._host, name, self._timeout_s) from None
            self._refuse_unknown(name, error)
            raise self._meant(from_rpc_error(error, self._host, name, self._timeout_s)) from None
        finally:
            watch.stop()
            call.cancel()


class _SilenceWatch:
    """Calls `act` once when nothing was heard for `limit_s`. The consumer's own pauses do not count."""

    def __init__(self, limit_s: float, act: Callable[[], object]) -> None:
        self.expired = False
        self._limit_s = limit_s
        self._act = act
        self._stopped = threading.Event()
        self._heard_at = time.monotonic()
        threading.Thread(target=self._watch, name="silence-watch", daemon=True).start()

    def heard(self) -> None:
        self._heard_at = time.monotonic()

    def pause(self) -> None:
        self._heard_at = float("inf")

    def stop(self) -> None:
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(min(self._limit_s, 1.0)):
            if time.monotonic() - self._heard_at > self._limit_s:
                self.expired = True
                self._act()
                return
