"""The data port of the replica process: streams of frames, each opened by a token from the control port."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from app.agent.admission import StreamTicket
from app.agent.channel import DATA_CONNECTIONS, data_credentials, server_options
from app.agent.errors import abort, bug
from app.agent.pieces import Piece, handlers_of
from app.agent.stream_link import StreamLink, start_reading
from app.agent.tls import Identity, fingerprint_of
from app.model.errors import ArcxoError, BusyError, CredentialsError
from app.replication.definition import from_xml
from app.replication.frame_codec import decode_frame
from app.replication.frames import Frame, Hello
from app.replication.inspect_frames import Inquiry
from app.replication.link import Link
from app.replication.throttle import Throttle

STREAMS_MAX = 48
_TOKEN_LIFE_S = 60.0
_GRACE_S = 1.0
_log = logging.getLogger("arcxo.agent.data")


class StreamTokens:
    """Tokens that open what their ticket says, once, soon. Any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._known: dict[bytes, tuple[StreamTicket, float]] = {}

    def issue(self, ticket: StreamTicket) -> str:
        """A new token."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        with self._guard:
            self._known = {key: entry for key, entry in self._known.items() if entry[1] > now}
            self._known[_digest(token)] = (ticket, now + _TOKEN_LIFE_S)
        return token

    def take(self, token: str) -> StreamTicket:
        """What it is for; it counts no more. Raises CredentialsError AE1015."""
        with self._guard:
            found = self._known.pop(_digest(token), None)
        if found is None or found[1] <= self._clock():
            raise CredentialsError("AE1015")
        return found[0]


class DataServer:
    """Serves `Replicate`; `serve(link)` is the replica engine's and runs in a thread per stream.

    Only this host's own master and those of `masters()` (PEM certificates) get as far as showing a token.
    """

    def __init__(
        self,
        identity: Identity,
        tokens: StreamTokens,
        serve: Callable[[Link], None],
        masters: Callable[[], Sequence[bytes]] = tuple,
    ) -> None:
        self._own_certificate = identity.certificate
        self._tokens = tokens
        self._serve = serve
        self._places = threading.Semaphore(STREAMS_MAX)
        self._pool = ThreadPoolExecutor(STREAMS_MAX + 8, thread_name_prefix="stream")
        self._server = grpc.server(self._pool, options=server_options(DATA_CONNECTIONS))
        self._server.add_generic_rpc_handlers((handlers_of(self.Replicate),))
        self._credentials = data_credentials(identity, lambda: b"".join([identity.certificate, *masters()]))

    def start(self, listen: str) -> str:
        """Listen; returns HOST:PORT. A port that is taken meanwhile is replaced by any free one."""
        from app.agent.host_process import listen_on

        try:
            address = listen_on(self._server, listen, self._credentials)
        except ArcxoError:
            address = listen_on(self._server, f"{listen.rpartition(':')[0]}:0", self._credentials)
        self._server.start()
        return address

    def stop(self) -> None:
        """End all streams."""
        self._server.stop(_GRACE_S).wait()
        self._pool.shutdown(wait=False)

    def Replicate(self, request_iterator: Any, context: grpc.ServicerContext) -> Iterator[Piece]:  # noqa: N802  # the protocol's name
        """One stream, until either side ends it."""
        told: ArcxoError | None = None
        try:
            yield from self._stream(request_iterator, context)
        except ArcxoError as error:
            told = error
        except Exception as error:  # noqa: BLE001  # told to the master as a bug
            told = bug(error, "Replicate")
        if told is not None:
            abort(context, told)

    def _stream(self, request_iterator: Any, context: grpc.ServicerContext) -> Iterator[Piece]:
        token = next(
            (str(value) for key, value in context.invocation_metadata() if key == "authorization"), ""
        )
        ticket = self._tokens.take(token)
        shown: bytes = b"".join(context.auth_context().get("x509_pem_cert", ()))  # type: ignore[arg-type]
        if fingerprint_of(shown) != fingerprint_of(ticket.master_certificate or self._own_certificate):
            raise CredentialsError("AE1015")
        scenario_id = ticket.scenario_id
        if not self._places.acquire(blocking=False):
            raise BusyError("AE1009", call="Replicate", host="", reason=f"{STREAMS_MAX} streams are open")
        try:
            link = StreamLink("the master")
            if not context.add_callback(link.lost):
                return
            start_reading(link, request_iterator, f"frames-{scenario_id}")
            threading.Thread(
                target=self._run,
                args=(OwnScenarioLink(link, ticket),),
                name=f"apply-{scenario_id}",
                daemon=True,
            ).start()
            yield from link.outgoing()
        finally:
            self._places.release()

    def _run(self, link: Link) -> None:
        try:
            self._serve(link)
        except ArcxoError as error:
            _log.info("a stream has ended: %s", error)
        except Exception as error:  # noqa: BLE001  # the stream ends, the process and its other streams go on
            bug(error, "Replicate")
        finally:
            link.close()


class OwnScenarioLink:
    """A link that lets no other scenario's *Hello* or *Inquiry* through than the one its token was for."""

    def __init__(self, link: StreamLink, ticket: StreamTicket) -> None:
        self._link = link
        self._ticket = ticket
        self._checked = False

    def send(self, frame: bytes, *, urgent: bool = False) -> None:
        """Queue one frame."""
        self._link.send(frame, urgent=urgent)

    def pace(self, throttle: Throttle) -> None:
        """Let frames leave no faster than that."""
        self._link.pace(throttle)

    def receive(self, timeout_s: float) -> bytes | memoryview | None:
        """The next frame; the first must say hello for the right scenario. Raises CredentialsError AE1015."""
        frame = self._link.receive(timeout_s)
        if frame is not None and not self._checked:
            if not self._may(decode_frame(frame)):
                raise CredentialsError("AE1015")
            self._checked = True
        return frame

    def _may(self, hello: Frame) -> bool:
        ticket = self._ticket
        if not isinstance(hello, Hello | Inquiry) or ticket.replica not in ("", hello.replica):
            return False
        if isinstance(hello, Inquiry):
            return hello.scenario_id == ticket.scenario_id
        found = hashlib.sha256(hello.definition_xml).digest()
        if ticket.definition_sum and not hmac.compare_digest(found, ticket.definition_sum):
            return False
        return from_xml(hello.definition_xml).id == ticket.scenario_id

    def close(self) -> None:
        """End the stream."""
        self._link.close()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
