"""One open stream to a replica, from the master's end: frames out, answers in, who waits for what."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from app.model.errors import ArcxoError
from app.replication.codec import refuse
from app.replication.frame_codec import batch_parts, decode_frame, encode_frame, listing_root
from app.replication.frames import (
    Batch,
    BatchKind,
    Committed,
    Fault,
    Fetched,
    FetchRequest,
    Frame,
    Hello,
    Note,
    PackedBatch,
    Ping,
    Pong,
    Refused,
    Trouble,
    Welcome,
)
from app.replication.link import Link, PartsLink
from app.replication.master.answers import Answers, in_order
from app.replication.master.incoming_listing import IncomingListing
from app.replication.sync_frames import (
    HASH_REQUESTS_MAX,
    BlockHashes,
    HashItem,
    HashRequest,
    ListedEntry,
    Listing,
    ListingEnd,
    ListRequest,
    check_answer,
)

PING_EVERY_S = 3.0
_PINGS_A_TIMEOUT = 4
_RECEIVE_S = 1.0
_FETCHED_MOST = 16
_HASHES_OPEN_MOST = HASH_REQUESTS_MAX // 2


class Exchange:
    """Sends in the caller's thread and receives in one of its own, until closed.

    `on_answer` is called in the receiving thread for `Committed`, `Trouble` and `Note`. `late(call)` makes
    the error for what was not answered within `timeout_s`.
    """

    def __init__(
        self,
        name: str,
        link: Link,
        timeout_s: float,
        on_answer: Callable[[Committed | Trouble | Note], None],
        late: Callable[[str], ArcxoError] | None = None,
    ) -> None:
        self._name = name
        self._late = late or self._lost_late
        self._link = link
        self._timeout_s = timeout_s
        self._ping_every_s = min(PING_EVERY_S, timeout_s / _PINGS_A_TIMEOUT)
        self._on_answer = on_answer
        self._lock = threading.Lock()
        self.news = threading.Condition(self._lock)
        self._error: ArcxoError | None = None
        self._welcome: Welcome | None = None
        self._fetching = threading.Lock()
        self._fetched: deque[Fetched] = deque()
        self._fetch_wanted = False
        self._listings: dict[int, IncomingListing] = {}
        self._hashing: dict[int, HashRequest] = {}
        self._hashes: dict[int, BlockHashes] = {}
        self._unwanted: set[int] = set()
        self._hash_number = 0
        self._heard_at = time.monotonic()
        self._pinged_at = time.monotonic()
        self._taking = False
        self._token = 0
        self._closed = False
        self._answers = Answers()
        self.committed_stream = -1
        self.committed_sync = 0
        self._thread = threading.Thread(target=self._receive, name=f"answers {name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the stream; blocks until the receiving thread has ended."""
        with self.news:
            self._closed = True
            self.news.notify_all()
        self._link.close()
        if threading.current_thread() is not self._thread:
            self._thread.join()
        for listing in self._listings.values():
            listing.close()

    def abort(self) -> None:
        """End the stream from any thread; whoever waits in it gets ER00201."""
        self._fail(ArcxoError("ER00201", host=self._name, reason="stopped"))
        self._link.close()

    # sending

    def hello(self, hello: Hello) -> Welcome:
        """Open the conversation. Raises the `ArcxoError` with which the replica refuses."""
        self._send(hello)
        self._wait(lambda: self._welcome is not None, self._timeout_s, "the greeting of the replica")
        assert self._welcome is not None
        return self._welcome

    def ask_listing(self, root: int, point: str = "", paths: tuple[bytes, ...] = ()) -> None:
        """Have the replica list a root (as it would be after a rewind); `listing` gives it."""
        with self._lock:
            self._listings[root] = IncomingListing()
        self._send(ListRequest(root, point, paths))

    def has_asked_listing(self, root: int) -> bool:
        """Whether a listing was asked for that nobody has taken yet."""
        with self._lock:
            return root in self._listings

    def listing(self, root: int) -> Iterator[ListedEntry]:
        """The listing asked for, in order, as it comes in."""
        listing = self._listings[root]
        # A replica says nothing while it walks directories with nothing new; the answers to pings tell
        # that it lives, so the time allowed has no bound here.
        with listing:
            yield from in_order(self._parts(listing))

    def raw_listing(self, root: int) -> Iterator[bytes]:
        """The same in parts, the bytes of a `Listing` each, of which nothing is checked."""
        listing = self._listings[root]
        with listing:
            yield from self._raw_parts(listing)
        with self._lock:
            del self._listings[root]

    def _parts(self, listing: IncomingListing) -> Iterator[Listing]:
        for part in self._raw_parts(listing):
            frame = decode_frame(part)
            assert isinstance(frame, Listing)
            yield frame

    def _raw_parts(self, listing: IncomingListing) -> Iterator[bytes]:
        while True:
            self._wait(lambda: listing.waiting or listing.complete, None)
            with self._lock:
                part = listing.take()
            if part is None:
                return
            yield part

    def begin_synchronization(self) -> None:
        """Before its first batch: they are counted from here."""
        self._answers.begin_synchronization()
        self.committed_sync = 0

    def ask_hashes(self, root: int, items: Sequence[HashItem], stage: int = 0) -> int:
        """Have the replica hash blocks; `take_hashes` gives the answer to this number. From any thread.

        Blocks while many requests are without an answer. Raises the error that ended the stream.
        """
        self._wait(lambda: len(self._hashing) < _HASHES_OPEN_MOST, None)
        with self._lock:
            self._hash_number += 1
            number = self._hash_number
            request = self._hashing[number] = HashRequest(number, root, tuple(items), stage)
        self._send(request)
        return number

    def take_hashes(self, number: int) -> BlockHashes:
        """The answer to a request, once it is here. Raises the error that ended the stream."""
        self._wait(lambda: number in self._hashes, None)
        with self._lock:
            return self._hashes.pop(number)

    def forget_hashes(self, number: int) -> None:
        """Drop the answer to a request, whether it is here or still comes."""
        with self._lock:
            if self._hashes.pop(number, None) is None:
                self._unwanted.add(number)

    def fetch(self, root: int, path: bytes) -> Iterator[Fetched]:
        """An entry as the replica has it, in parts. One fetch at a time; from any thread.

        Raises:
            ArcxoError: the stream has ended, and why.
        """
        with self._fetching:
            self._fetched.clear()
            self._fetch_wanted = True
            try:
                self._send(FetchRequest(root, path))
                while True:
                    self._wait(lambda: bool(self._fetched), self._timeout_s, "the fetch of a file")
                    with self.news:
                        part = self._fetched.popleft()
                        self.news.notify_all()
                    if (part.root, part.path) != (root, path):
                        # The rest of one that was given up in the middle.
                        continue
                    yield part
                    if part.last:
                        return
            finally:
                with self.news:
                    self._fetch_wanted = False
                    self.news.notify_all()

    def batch(self, batch: Batch | PackedBatch) -> None:
        """Send a batch; blocks while the other side takes none."""
        self._send(batch)

    def wait(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait for `condition` (evaluated with the lock held); False after `timeout_s`.

        Raises:
            ArcxoError: the stream has ended, and why.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            with self.news:
                if self._error is not None:
                    raise self._error
                if condition():
                    return True
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self.news.wait(left)

    @property
    def silent_s(self) -> float:
        """Seconds since the replica said anything; it is asked for a sign of life after some."""
        return 0.0 if self._taking else time.monotonic() - self._heard_at

    def _keep_alive(self) -> None:
        """Ask for a sign of life when there was none for a while. Raises AE0469 when none comes."""
        silent = self.silent_s
        if silent > self._timeout_s:
            raise self._late("an answer")
        now = time.monotonic()
        if silent > self._ping_every_s and now - self._pinged_at > self._ping_every_s:
            self._pinged_at = now
            self._token += 1
            self._link.send(encode_frame(Ping(self._token)), urgent=True)

    def check(self) -> None:
        """Raises the error that ended the stream, if it has ended."""
        with self._lock:
            if self._error is not None:
                raise self._error

    def _wait(self, condition: Callable[[], bool], timeout_s: float | None, call: str = "") -> None:
        if not self.wait(condition, timeout_s if timeout_s is not None else threading.TIMEOUT_MAX / 2):
            raise self._late(call)

    def _lost_late(self, call: str) -> ArcxoError:
        return ArcxoError("ER00201", host=self._name, reason=f"{call} took over {self._timeout_s:g} s")

    def _send(self, frame: Frame | PackedBatch) -> None:
        self.check()
        data = batch_parts(frame) if isinstance(frame, PackedBatch) else encode_frame(frame)
        self._answers.sent(frame)
        try:
            if isinstance(data, bytes):
                self._link.send(data)
            elif isinstance(self._link, PartsLink):
                self._link.send_parts(data)
            else:
                self._link.send(data.joined())
        except ArcxoError:
            # Closed by the receiving thread: what it knows tells more.
            self.check()
            raise

    # receiving

    def _receive(self) -> None:
        try:
            while not self._closed:
                # Here and not where frames are sent: that waits for as long as the replica takes none.
                data = self._link.receive(min(_RECEIVE_S, self._ping_every_s))
                if data is None:
                    self._keep_alive()
                else:
                    self._taking = True  # what is taken slowly was said all the same
                    root = listing_root(data)
                    if root is None:
                        self._take(decode_frame(data))
                    else:
                        self._listed(root, bytes(data))
                    self._heard_at = time.monotonic()
                    self._taking = False
        except ArcxoError as error:
            self._fail(error)
        except OSError as error:
            self._fail(ArcxoError("ER00213", cause=error.strerror or str(error)))
        finally:
            # Whoever is blocked in sending must hear of it, too.
            self._link.close()

    def _take(self, frame: Frame) -> None:
        self._answers.check(frame)
        match frame:
            case Welcome():
                with self.news:
                    self._welcome = frame
                    self.news.notify_all()
            case ListingEnd(root):
                self._listed(root, None)
            case BlockHashes():
                with self.news:
                    request = self._hashing.pop(frame.number, None)
                    if request is None:
                        refuse("hashes that nobody asked for")
                    check_answer(request, frame)
                    if frame.number in self._unwanted:
                        self._unwanted.discard(frame.number)
                    else:
                        self._hashes[frame.number] = frame
                    self.news.notify_all()
            case Committed(kind, seq, _):
                with self.news:
                    if kind is BatchKind.STREAM:
                        self.committed_stream = max(self.committed_stream, seq)
                    else:
                        self.committed_sync = max(self.committed_sync, seq)
                    self.news.notify_all()
                self._on_answer(frame)
            case Trouble() | Note():
                self._on_answer(frame)
            case Fetched():
                with self.news:
                    # Memory is bounded: the link holds back what is not taken.
                    self.news.wait_for(
                        lambda: len(self._fetched) < _FETCHED_MOST or not self._fetch_wanted or self._closed
                    )
                    if self._fetch_wanted:
                        self._fetched.append(frame)
                    self.news.notify_all()
            case Refused(code, params) | Fault(code, params):
                error = ArcxoError(code)
                error.params.update(params)
                raise error
            case Ping(token):
                self._link.send(encode_frame(Pong(token)), urgent=True)
            case Pong():
                pass
            case _:
                raise ArcxoError("ER00301", cause="a frame that only a master sends")

    def _listed(self, root: int, data: bytes | None) -> None:
        """A part of a listing, or its end, came."""
        with self.news:
            listing = self._listings.get(root)
            if listing is None or listing.complete:
                refuse("a listing that nobody asked for")
            listing.put(data)
            self.news.notify_all()

    def _fail(self, error: ArcxoError) -> None:
        with self.news:
            if self._error is None:
                self._error = error
            self.news.notify_all()
