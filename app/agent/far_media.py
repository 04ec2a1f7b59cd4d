"""A worker's way to media that are on the host which gave it the work.

The media's objects are read and written by that host: requests go up the pipe to the control process and on
over the call, answers come back. What the worker writes is compressed and sealed before it leaves.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from app.media.far import FAR, lend
from app.model.errors import ArcxoError

READ_BYTES = 1 << 20
_WRITES_OPEN = 8
_READS_OPEN = 4
_AHEAD = 24


@dataclass(frozen=True, slots=True)
class MediaRequest:
    """One operation on a media. `upload` names an object that is being written."""

    number: int
    media: str
    operation: str
    name: str = ""
    offset: int = 0
    length: int = 0
    upload: int = 0
    data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class MediaAnswer:
    """What came of it. `value` is a size, a time in microseconds, or a truth; None = there is none."""

    number: int
    value: int | None = None
    data: bytes = field(default=b"", repr=False)
    names: tuple[tuple[str, int], ...] = ()
    error: ArcxoError | None = None


class MediaLine:
    """Requests with numbers, answers in any order. Any thread of the worker."""

    def __init__(self, send: Callable[[MediaRequest], None]) -> None:
        self._send = send
        self._guard = threading.Lock()
        self._waiting: dict[int, Future[MediaAnswer]] = {}
        self._numbers = itertools.count(1)
        self._ended = False

    def start(self, media: str, operation: str, **fields: object) -> Future[MediaAnswer]:
        """Ask, and have the answer later."""
        future: Future[MediaAnswer] = Future()
        with self._guard:
            number = next(self._numbers)
            if self._ended:
                future.set_exception(_lost(media))
                return future
            self._waiting[number] = future
        self._send(MediaRequest(number, media, operation, **fields))  # type: ignore[arg-type]  # by name
        return future

    def ask(self, media: str, operation: str, **fields: object) -> MediaAnswer:
        """Ask and wait. Raises what the media's host told, E4157 when the line is lost."""
        return self.start(media, operation, **fields).result()

    def answered(self, answer: MediaAnswer) -> None:
        """An answer came."""
        with self._guard:
            future = self._waiting.pop(answer.number, None)
        if future is None:
            return
        if answer.error is not None:
            future.set_exception(answer.error)
        else:
            future.set_result(answer)

    def end(self) -> None:
        """No answer comes any more."""
        with self._guard:
            self._ended = True
            waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            future.set_exception(_lost(""))


class ReadAhead:
    """The first parts of small objects that are read one after the other, asked for before they are wanted.

    Whoever reads the index of a media reads an object for each pack, in the order of their names: without
    this each would cost the way there and back. Any thread.
    """

    def __init__(self, line: MediaLine, media: str) -> None:
        self._line = line
        self._media = media
        self._guard = threading.Lock()
        self._expected: list[str] = []
        self._places: dict[str, int] = {}
        self._next = 0
        self._started: dict[str, Future[MediaAnswer]] = {}

    def expect(self, names: list[str]) -> None:
        """These are likely to be read, in this order."""
        with self._guard:
            self._expected = names
            self._places = {name: place for place, name in enumerate(names)}
            self._next = 0
            self._started.clear()

    def first_part(self, name: str) -> Future[MediaAnswer]:
        """The beginning of an object, and perhaps those of the objects after it on their way."""
        with self._guard:
            place = self._places.get(name)
            if place is None:
                return self._start(name)
            self._next = max(self._next, place + 1)
            while self._next < min(place + 1 + _AHEAD, len(self._expected)):
                following = self._expected[self._next]
                self._started[following] = self._start(following)
                self._next += 1
            return self._started.pop(name, None) or self._start(name)

    def _start(self, name: str) -> Future[MediaAnswer]:
        return self._line.start(self._media, "read", name=name, length=READ_BYTES)


class LineMedia:
    """`app.media.far.FarMedia` over a line."""

    def __init__(self, line: MediaLine, media: str) -> None:
        self._line = line
        self._media = media
        self._uploads = itertools.count(1)
        self._ahead = ReadAhead(line, media)

    def upload(self) -> LineUpload:
        """Begin an object whose name is given at the end."""
        return LineUpload(self._line, self._media, next(self._uploads))

    def get(self, name: str) -> bytes:
        """A whole object."""
        first = self._ahead.first_part(name).result()
        size = first.value or 0
        if len(first.data) >= size:
            return first.data
        return first.data + self.get_range(name, len(first.data), size - len(first.data))

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        """Part of an object; shorter at its end."""
        parts: list[bytes] = []
        pending: deque[Future[MediaAnswer]] = deque()
        at, end = offset, offset + length
        while at < end or pending:
            while at < end and len(pending) < _READS_OPEN:
                part = min(READ_BYTES, end - at)
                pending.append(self._line.start(self._media, "read", name=name, offset=at, length=part))
                at += part
            parts.append(pending.popleft().result().data)
        return b"".join(parts)

    def size(self, name: str) -> int | None:
        """Bytes of an object, None when there is none."""
        return self._line.ask(self._media, "size", name=name).value

    def names(self, directory: str) -> list[tuple[str, int]]:
        """(name within the directory, bytes), sorted."""
        found = list(self._line.ask(self._media, "names", name=directory).names)
        if directory == "packs":
            self._ahead.expect([f"index/{name}" for name, _ in found])
        return found

    def modified(self, name: str) -> float | None:
        """When an object was written."""
        value = self._line.ask(self._media, "modified", name=name).value
        return None if value is None else value / 1e6

    def delete(self, name: str) -> None:
        """Remove an object."""
        self._line.ask(self._media, "delete", name=name)

    def synchronize_directory(self, directory: str) -> None:
        """Make the names of a directory durable."""
        self._line.ask(self._media, "synchronize", name=directory)


class LineUpload:
    """An object being written over a line; a few writes are on their way at a time."""

    def __init__(self, line: MediaLine, media: str, number: int) -> None:
        self._line = line
        self._media = media
        self._number = number
        self._open: deque[Future[MediaAnswer]] = deque()

    def write(self, data: bytes | memoryview) -> None:
        """Append."""
        view = memoryview(data)
        while view:
            part, view = bytes(view[:READ_BYTES]), view[READ_BYTES:]
            self._open.append(self._line.start(self._media, "write", upload=self._number, data=part))
            while len(self._open) > _WRITES_OPEN:
                self._open.popleft().result()

    def commit(self, name: str) -> bool:
        """Make it durable under `name`; False when the name is taken."""
        while self._open:
            self._open.popleft().result()
        return bool(self._line.ask(self._media, "commit", upload=self._number, name=name).value)

    def abort(self) -> None:
        """Forget what was written; never raises."""
        self._open.clear()
        self._line.start(self._media, "abort", upload=self._number)


def lend_media(line: MediaLine, locations: list[str]) -> None:
    """Let the far ones of these locations mean media at the other end of the line, in this process."""
    for location in locations:
        if location.startswith(FAR):
            lend(location, LineMedia(line, location))


def _lost(media: str) -> ArcxoError:
    return ArcxoError("E4157", media=media.removeprefix(FAR))
