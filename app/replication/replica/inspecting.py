"""One link that only looks at a replica: lists it in parts, looks at paths, hashes contents. Changes nothing.

Applying goes on meanwhile: what it changes under the eyes of the master is looked at again by the master.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from itertools import islice

from app.held_directories import entries_in
from app.model.entry import order_key
from app.model.errors import ArcxoError
from app.replication.background import read_when_idle
from app.replication.codec import refuse
from app.replication.frame_codec import decode_frame, encode_frame
from app.replication.frames import (
    PROTOCOL_VERSION,
    Frame,
    Ping,
    Pong,
    Refused,
    Welcome,
)
from app.replication.inspect_frames import Inquiry, Inspected, InspectRequest
from app.replication.link import Link
from app.replication.metadata import read_xattrs, xattr_digest
from app.replication.replica.hashing import HashAnswers
from app.replication.replica.listing import listed
from app.replication.replica.replica import Replica
from app.replication.replica.rooted import Rooted
from app.replication.replica.side_store import is_reserved
from app.replication.replica.trouble import PathTrouble
from app.replication.replica.unproved import Unproved
from app.replication.sync_frames import HashRequest, ListedEntry

_POLL_S = 1.0
_PART_BYTES = 2 * 1024 * 1024


def inspect(replica: Replica, host: str, link: Link, inquiry: Inquiry) -> None:
    """Answer on `link` until the master ends it. Raises ArcxoError when the inquiry is refused."""
    if inquiry.protocol != PROTOCOL_VERSION:
        raise ArcxoError("ER00203", host=host, version=inquiry.protocol)
    with replica.lock:
        scenario, store = replica.opened()
        if replica.name != inquiry.replica:
            raise ArcxoError("ER00420", scenario=scenario.name, replica=inquiry.replica)
        places = [(tree.tree.path, tree.tree.identity) for tree in store.trees]
        side = (store.trees[0].side.path, store.trees[0].side.identity)
        position = store.index.position
        welcome = Welcome(store.index.incarnation, position.epoch, position.sequence, position.change)
    read_when_idle()
    sending = threading.Lock()

    def send(frame: Frame) -> None:
        with sending:
            link.send(encode_frame(frame))

    hashes = HashAnswers(places, side, send)
    with ExitStack() as stack, suppress(_Ended):
        stack.callback(hashes.close)
        own = []
        for path, _ in places:
            place = Rooted(path)
            stack.callback(place.close)
            own.append(place)
        _Inspection(link, send, replica, own, hashes).serve(welcome)


class _Ended(Exception):  # noqa: N818 - no error: the master has ended the link
    pass


class _Inspection:
    def __init__(
        self,
        link: Link,
        send: Callable[[Frame], None],
        replica: Replica,
        places: list[Rooted],
        hashes: HashAnswers,
    ) -> None:
        self._link = link
        self._send = send
        self._replica = replica
        self._places = places
        self._hashes = hashes
        self._root = -1
        self._last: bytes | None = None
        self._listing: Iterator[ListedEntry] = iter(())

    def serve(self, welcome: Welcome) -> None:
        self._send(welcome)
        while True:
            try:
                data = self._link.receive(_POLL_S)
                if data is None:
                    continue
                frame = decode_frame(data)
                if isinstance(frame, Ping):
                    self._send(Pong(frame.token))
                elif isinstance(frame, HashRequest):
                    self._hashes.ask(frame)
                elif isinstance(frame, InspectRequest):
                    self._send(self._answer(frame))
                else:
                    refuse("a frame that does not belong here")
            except OSError as error:
                cause = error.strerror or str(error)
                self._send(Refused("ER00408", {"path": "", "cause": cause}))
                raise _Ended from error
            except ArcxoError as error:
                if error.code == "ER00201":
                    raise _Ended from error
                with suppress(ArcxoError):
                    self._send(Refused(error.code, error.params))
                raise _Ended from error

    def _answer(self, request: InspectRequest) -> Inspected:
        if not 0 <= request.root < len(self._places):
            raise ArcxoError("ER00301", cause="a root that does not exist")
        place = self._places[request.root]
        place.forget()
        if request.paths:
            found = (look(place, path) for path in sorted(request.paths, key=order_key))
            entries = tuple(entry for entry in found if entry is not None)
            return Inspected(request.root, self._marked(request.root, entries), False, self._drifted(request))
        after = None if request.first else request.after
        if after is None or (self._root, self._last) != (request.root, after):
            self._listing = listing_after(place, after)
        listed_now: list[ListedEntry] = []
        size = 0
        for entry in islice(self._listing, request.most):
            listed_now.append(entry)
            size += len(entry.path) + len(entry.link_target) + 100
            if size > _PART_BYTES:
                break
        more = len(listed_now) == request.most or size > _PART_BYTES
        self._root, self._last = request.root, listed_now[-1].path if listed_now else after
        return Inspected(request.root, self._marked(request.root, listed_now), more)

    def _marked(self, root: int, entries: Sequence[ListedEntry]) -> tuple[ListedEntry, ...]:
        """With what is known of the contents that size and time do not prove."""
        with self._replica.lock:
            store = self._replica.store
            return tuple(entries) if store is None else Unproved(store, root).marked(entries)

    def _drifted(self, request: InspectRequest) -> tuple[bytes, ...]:
        """Those of the paths asked for that others are known to have changed."""
        replica = self._replica
        with replica.lock:
            store = replica.store
            if store is None or not store.states.drifting:
                return ()
            return tuple(path for path in request.paths if store.states.has_drifted(request.root, path))


def look(place: Rooted, path: bytes) -> ListedEntry | None:
    """The entry at `path` now; None when nothing is there, or our own."""
    if is_reserved(path):
        return None
    try:
        fd, name = place.place(path)
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        target = os.readlink(name, dir_fd=fd) if stat.S_ISLNK(status.st_mode) else b""
        xattrs = xattr_digest(read_xattrs(b"/proc/self/fd/%d/%s" % (fd, name)))
    except (PathTrouble, FileNotFoundError, NotADirectoryError):
        return None
    return listed(path, status, xattrs, target)


def listing_after(place: Rooted, after: bytes | None) -> Iterator[ListedEntry]:
    """What follows `after` in the order of `order_key`; None: everything, the root first.

    What vanishes meanwhile is left out. Where a directory is by another name meanwhile, what is in it may be
    listed by the old one until `place` forgets, which is before each part: the master looks at that again.
    Raises OSError for a directory that cannot be read.
    """
    if after is None:
        top = look(place, b"")
        if top is not None:
            yield top
    waiting = [iter(_names(place, b"", after))]
    while waiting:
        found = next(waiting[-1], None)
        if found is None:
            waiting.pop()
            continue
        path, directory, wanted = found
        if wanted:
            entry = look(place, path)
            if entry is None:
                continue
            yield entry
        if directory:
            waiting.append(iter(_names(place, path, after)))


def _names(place: Rooted, path: bytes, after: bytes | None) -> list[tuple[bytes, bool, bool]]:
    """(path, whether a directory, whether it follows) of what a directory has that follows or holds such."""
    try:
        fd = place.directory(path)
    except (PathTrouble, FileNotFoundError):
        return []
    last = None if after is None else order_key(after)
    prefix = path + b"/" if path else b""
    found = []
    with entries_in(fd) as entries:
        for entry in entries:
            child = prefix + os.fsencode(entry.name)
            if is_reserved(child):
                continue
            directory = entry.is_dir(follow_symlinks=False)
            key = order_key(child)
            if last is None or key > last:
                found.append((child, directory, True))
            elif directory and (key == last or last.startswith(key + b"\0")):
                found.append((child, True, False))
    found.sort()
    return found
