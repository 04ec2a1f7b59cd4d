"""The replica's answers to requests for hashes, made by threads of their own beside the applying.

Each thread resolves paths by descriptors of its own, strictly beneath the root.
"""

from __future__ import annotations

import os
import queue
import stat
import threading
from collections.abc import Callable, Sequence

from app.model.errors import ArcxoError
from app.replication.codec import refuse
from app.replication.content import hash_range
from app.replication.replica.rooted import Rooted
from app.replication.replica.side_store import stage_path
from app.replication.sync_frames import (
    HASH_REQUESTS_MAX,
    NO_FILE,
    BlockHashes,
    HashedPart,
    HashItem,
    HashRequest,
)

_THREADS = 2
_NO_FILE = HashedPart(NO_FILE, b"")
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class HashAnswers:
    """For one stream. `answer` is called in the threads; ArcxoErrors of it end the thread quietly.

    `places` are the roots, `staged` the side store that holds staged contents: (path, identity) each.
    """

    def __init__(
        self,
        places: Sequence[tuple[bytes, tuple[int, int]]],
        staged: tuple[bytes, tuple[int, int]],
        answer: Callable[[BlockHashes], None],
    ) -> None:
        self._places = [*places, staged]
        self._answer = answer
        self._requests: queue.SimpleQueue[HashRequest | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._open = 0
        self._closed = False
        self._threads: list[threading.Thread] = []

    def ask(self, request: HashRequest) -> None:
        """Queue a request; returns at once.

        Raises:
            ArcxoError: ER00301 for a root that does not exist, or more requests than allowed.
        """
        if not request.stage and request.root >= len(self._places) - 1:
            refuse("a root that does not exist")
        with self._lock:
            self._open += 1
            if self._open > HASH_REQUESTS_MAX:
                refuse("too many requests for hashes at a time")
            if len(self._threads) < min(_THREADS, self._open):
                thread = threading.Thread(target=self._work, name="replica-hashes", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._requests.put(request)

    def close(self) -> None:
        """End the threads; blocks until the request under way is done."""
        with self._lock:
            self._closed = True
            threads = list(self._threads)
        for _ in threads:
            self._requests.put(None)
        for thread in threads:
            thread.join()

    def _work(self) -> None:
        opened: dict[int, Rooted] = {}
        try:
            while (request := self._requests.get()) is not None and not self._closed:
                for place in opened.values():
                    place.forget()
                parts = tuple(self._part(opened, request, item) for item in request.items)
                with self._lock:
                    self._open -= 1
                self._answer(BlockHashes(request.number, parts))
        except ArcxoError:
            # The link is lost: whoever reads from it ends the stream.
            return
        finally:
            for place in opened.values():
                place.close()

    def _part(self, opened: dict[int, Rooted], request: HashRequest, item: HashItem) -> HashedPart:
        if self._closed:
            return _NO_FILE
        number = len(self._places) - 1 if request.stage else request.root
        path = stage_path(request.stage) if request.stage else item.path
        try:
            directory, name = self._place(opened, number).place(path)
            fd = os.open(name, _OPEN, dir_fd=directory)
        except (OSError, ArcxoError):
            return _NO_FILE
        try:
            status = os.fstat(fd)
            ready = status.st_nlink == 1 and status.st_mode & 0o600 == 0o600
            if not stat.S_ISREG(status.st_mode) or (request.stage and not ready):
                # With another name, or metadata of its own, a staged content is a file in place by now.
                return _NO_FILE
            there = max(0, min(item.length, status.st_size - item.offset))
            hashes = hash_range(fd, item.offset, there)
        except OSError:
            return _NO_FILE
        finally:
            os.close(fd)
        return HashedPart(status.st_size, hashes)

    def _place(self, opened: dict[int, Rooted], number: int) -> Rooted:
        place = opened.get(number)
        if place is None:
            path, identity = self._places[number]
            place = Rooted(path)
            if place.identity != identity:
                place.close()
                raise FileNotFoundError(path)
            opened[number] = place
        return place
