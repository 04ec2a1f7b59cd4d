"""The way to one replica: opened, limited, compressed and counted; tried again with back-off when it is lost.

A loss and the return are told once each, however often it was tried in between.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from app.messages import render
from app.model.bandwidth import parse_bandwidth
from app.model.errors import ArcxoError
from app.model.events import Severity
from app.model.properties import properties_of
from app.model.scenario import ReplicaSpec, Scenario
from app.replication.compression import CompressingLink
from app.replication.link import ReplicaConnector
from app.replication.master.late import late
from app.replication.throttle import Throttle

CONNECT_TIMEOUT_S = 10.0
BACK_OFF_FIRST_S = 0.2
BACK_OFF_MOST_S = 10.0
FRUITLESS_MOST_S = 60.0
_FRUITLESS_FACTOR = 3.0
_STEADY_FACTOR = 2.0
_JITTER = 0.3
LOST_CODES = ("ER00201", "ER00202", "AE0469")


class Connection:
    """For the sender's thread; figures may be read from any. `event(code, severity, **params)` keeps it."""

    def __init__(
        self,
        scenario: Scenario,
        spec: ReplicaSpec,
        connector: ReplicaConnector,
        event: Callable[..., None],
        throttle: Throttle | None = None,
    ) -> None:
        properties = properties_of(scenario, spec)
        self._scenario = scenario
        self._spec = spec
        self._connector = connector
        self._event = event
        self._compress = properties.compress_transfer
        self.timeout_s = properties.timeout_seconds
        self.throttle = throttle or Throttle(parse_bandwidth(properties.bandwidth))
        self._lock = threading.Lock()
        self._link: CompressingLink | None = None
        self._sent_bytes = 0
        self._uncompressed_bytes = 0
        self._back_off_s = BACK_OFF_FIRST_S
        self._welcomed_at: float | None = None
        self.lost_at: datetime | None = None
        """When the replica was lost, while it is."""
        self._lost_since = 0.0
        self._told_code = ""
        self._told_at = 0.0
        self._fruitless = False
        """Whether the last try ended with a failure and nothing was applied in it."""

    @property
    def trying_again(self) -> bool:
        """Whether something other than the connection failed, was told, and nothing was applied since."""
        return bool(self._told_code)

    def open(self) -> CompressingLink:
        """A new link. Blocks up to `CONNECT_TIMEOUT_S`. Raises as `ReplicaConnector.connect`."""
        bare = self._connector.connect(self._scenario, self._spec, min(CONNECT_TIMEOUT_S, self.timeout_s))
        bare.pace(self.throttle)
        link = CompressingLink(bare)
        with self._lock:
            self._link = link
        return link

    def welcomed(self) -> None:
        """The replica takes the stream: from now on frames are compressed, if that is wanted."""
        self._welcomed_at = time.monotonic()
        if self._link is not None:
            self._link.compress = self._compress
        if self.lost_at is None:
            if self._told_code:
                # Only tried again: whether it goes on is not known before something is applied.
                return
            self._event("IR00203", Severity.INFORMATION, replica=self._spec.host)
            return
        seconds = time.monotonic() - self._lost_since
        self.lost_at = None
        self._event("SR00206", Severity.SIGNIFICANT, replica=self._spec.host, duration=duration_text(seconds))

    def ended(self) -> None:
        """The link is closed."""
        with self._lock:
            link, self._link = self._link, None
            if link is not None:
                self._sent_bytes += link.sent_bytes
                self._uncompressed_bytes += link.uncompressed_bytes

    def figures(self) -> tuple[int, int]:
        """(bytes sent, bytes they were before compression) of all links."""
        with self._lock:
            link = self._link
            if link is None:
                return self._sent_bytes, self._uncompressed_bytes
            return self._sent_bytes + link.sent_bytes, self._uncompressed_bytes + link.uncompressed_bytes

    def failed(self, error: ArcxoError) -> tuple[bool, str]:
        """Tell of a failure, once; (whether the connection is lost, the reason in words)."""
        lost = error.code in LOST_CODES
        if lost:
            error.params.setdefault("host", self._spec.host)
        cause = render(error.code, error.params).text
        if not lost:
            self._fruitless = self.trying_again
            self._tell(error.code, "ER00204", cause)
            return False, cause
        if self.lost_at is None:
            self.lost_at = datetime.now(UTC)
            self._lost_since = time.monotonic()
            connected = 0.0 if self._welcomed_at is None else time.monotonic() - self._welcomed_at
            self._event(
                "ER00205",
                Severity.ERROR,
                replica=self._spec.host,
                cause=cause,
                duration=duration_text(connected),
                error=error.code,
            )
        return True, f"{cause} (since {self.lost_at:%Y-%m-%d %H:%M:%S} UTC)"

    def _tell(self, code: str, event: str, cause: str) -> None:
        if self._told_code != code:
            self._told_code = code
            self._told_at = time.monotonic()
            self._event(event, Severity.ERROR, replica=self._spec.host, cause=cause, error=code)

    def progressed(self) -> None:
        """The replica has applied something: what was wrong is over, and that is told."""
        self._fruitless = False
        if not self._told_code:
            return
        self._told_code = ""
        seconds = time.monotonic() - self._told_at
        self._event("SR00207", Severity.SIGNIFICANT, replica=self._spec.host, duration=duration_text(seconds))

    def pause_s(self) -> float:
        """How long to wait before the next try; longer each time, with a share of chance.

        A try that took long and ended as the one before (a synchronisation of a replica that is full) takes
        but a share of the time: it costs both hosts a look at all there is.
        """
        lasted = 0.0 if self._welcomed_at is None else time.monotonic() - self._welcomed_at
        self._welcomed_at = None
        if lasted > self._back_off_s * _STEADY_FACTOR and not self._fruitless:
            self._back_off_s = BACK_OFF_FIRST_S
        pause_s = self._back_off_s
        if self._fruitless:
            pause_s = max(pause_s, min(lasted * _FRUITLESS_FACTOR, FRUITLESS_MOST_S))
        self._back_off_s = min(BACK_OFF_MOST_S, self._back_off_s * 2)
        return pause_s * random.uniform(1 - _JITTER, 1)  # noqa: S311  # no secret hangs on it

    def late(self, call: str) -> ArcxoError:
        """The error for what the replica did not answer within the time-out."""
        return late(self._scenario, self._spec.host, call)


def duration_text(seconds: float) -> str:
    """A length of time in words: `1.5 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"
