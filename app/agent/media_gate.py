"""Media of this host, used by a worker of another one: only what its order needs, and nothing of others.

What an agent asks for is hostile until checked. A backup may read what it deduplicates against (the index of
the media), the packs of the session it builds on and those it wrote; it may add packs, its own announcement
and one session that is what the order says. A restore may read the packs of its session. Nothing is
changed or removed but what the same order wrote.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence

from app.agent.far_media import READ_BYTES, MediaAnswer, MediaRequest
from app.media.api import SessionHeader
from app.media.far import FarUpload
from app.media.mediaset import join_set, members, open_set
from app.media.session import decode_header, load_header, load_refs
from app.model.errors import ArcxoError

_OBJECT = re.compile(r"(?:label|reserve|[a-z]{1,20}/[0-9A-Za-z][0-9A-Za-z._-]{0,100})")
_DIRECTORY = re.compile(r"[a-z]{1,20}")
_LISTED = frozenset({"packs", "index", "sessions", "intents", "fossils", "members", "quarantine"})
_READ = frozenset({"label", "index", "sessions", "intents", "fossils", "members"})
_HEADER = re.compile(r"sessions/(\d{6})")
_WRITTEN = re.compile(
    r"(?:packs|index)/[0-9a-f]{32}|sessions/\d{6}(?:\.refs)?|intents/[0-9a-f]{32}(?:\.(?:\d{1,9}|end))?"
)
_UPLOADS_MOST = 16
_UPLOAD_MOST_BYTES = 1 << 30
CheckHeader = Callable[[SessionHeader], None]


class MediaGate:
    """One media for one order. Any thread; the requests of one upload come one after the other.

    `sessions` are those whose packs may be read. `check` raises when a header is not what the order asks for;
    without it nothing may be written. The other media of its set are read through it.
    """

    def __init__(self, path: str, sessions: Sequence[int], check: CheckHeader | None) -> None:
        self._store = open_set(path) if check is None else join_set(path, fossils=True)
        self._sessions = tuple(sessions)
        self._check = check
        self._guard = threading.Lock()
        self._readable: set[str] | None = None
        self._own: set[str] = set()
        self._uploads: dict[int, tuple[FarUpload, list[bytes], int]] = {}

    def answer(self, request: MediaRequest) -> MediaAnswer:
        """Carry out a request; what is refused or fails is the answer's error."""
        try:
            return self._do(request)
        except ArcxoError as error:
            return MediaAnswer(request.number, error=error)

    def close(self) -> None:
        """Forget what was begun."""
        with self._guard:
            uploads, self._uploads = self._uploads, {}
        for upload, _, _ in uploads.values():
            upload.abort()

    def _do(self, request: MediaRequest) -> MediaAnswer:
        number, name = request.number, request.name
        match request.operation:
            case "read":
                self._check_readable(name)
                length = max(0, min(request.length, READ_BYTES))
                data = self._store.get_range(name, max(0, request.offset), length)
                # Of small objects the size is not asked for: a short read is the whole.
                whole = len(data) < length and request.offset == 0
                size = len(data) if whole else self._store.size(name)
                return MediaAnswer(number, value=size, data=data)
            case "size" | "modified":
                self._check_name(name)
                if request.operation == "size":
                    return MediaAnswer(number, value=self._store.size(name))
                at = self._store.modified(name)
                return MediaAnswer(number, value=None if at is None else int(at * 1e6))
            case "names":
                if name not in _LISTED:
                    raise self._refused(name)
                return MediaAnswer(number, names=self._names(name))
            case "write":
                self._write(request)
            case "commit":
                return MediaAnswer(number, value=int(self._commit(request)))
            case "abort":
                with self._guard:
                    found = self._uploads.pop(request.upload, None)
                if found is not None:
                    found[0].abort()
            case "delete":
                self._delete(name)
            case "synchronize":
                if not _DIRECTORY.fullmatch(name):
                    raise self._refused(name)
                self._store.synchronize_directory(name)
            case _:
                raise self._refused(request.operation)
        return MediaAnswer(number)

    def _names(self, directory: str) -> tuple[tuple[str, int], ...]:
        if directory == "fossils":
            # What a collector that was killed left of one that is done is nothing to a writer.
            found = self._store.names(directory)
            there = {name for name, _ in found}
            return tuple(item for item in found if item[0].partition(".")[0] in there)
        if directory != "sessions":
            return tuple(self._store.names(directory))
        # Numbers go on over the media of a set.
        return tuple(sorted({item for one in members(self._store) for item in one.names(directory)}))

    def _write(self, request: MediaRequest) -> None:
        with self._guard:
            found = self._uploads.get(request.upload)
            if self._check is None or (found is None and len(self._uploads) >= _UPLOADS_MOST):
                raise self._refused("upload")
        upload, head, size = found or (self._store.upload(), [], 0)
        size += len(request.data)
        # Headers and announcements are small; they are looked at before they count.
        if size <= READ_BYTES:
            head.append(request.data)
        with self._guard:
            self._uploads[request.upload] = (upload, head, size)
        if size > _UPLOAD_MOST_BYTES:
            raise self._refused("upload")
        upload.write(request.data)

    def _commit(self, request: MediaRequest) -> bool:
        name = request.name
        with self._guard:
            found = self._uploads.pop(request.upload, None)
        if found is None:
            raise self._refused(name)
        upload, head, size = found
        try:
            self._check_addable(name, b"".join(head) if size <= READ_BYTES else None)
        except BaseException:
            upload.abort()
            raise
        if name.startswith("intents/") and self._of_another(name):
            # Judging the writers of this media is for those who can see them.
            upload.abort()
            return False
        try:
            done = upload.commit(name)
        except BaseException:
            upload.abort()
            raise
        if done:
            with self._guard:
                self._own.add(name)
        return done

    def _delete(self, name: str) -> None:
        self._check_name(name)
        with self._guard:
            own = name in self._own
        if own and name.partition("/")[0] in ("intents", "sessions"):
            self._store.delete(name)
        elif not name.startswith("intents/"):
            raise self._refused(name)

    def _of_another(self, name: str) -> bool:
        """Whether an announcement with a suffix belongs to a writer that is not this order's."""
        writer, dot, _ = name.partition(".")
        with self._guard:
            return bool(dot) and writer not in self._own

    def _check_name(self, name: str) -> None:
        if not _OBJECT.fullmatch(name) or name.partition("/")[0] == "keys":
            raise self._refused(name)

    def _check_readable(self, name: str) -> None:
        self._check_name(name)
        kind = name.partition("/")[0]
        if kind in _READ or name in self._own:
            return
        pack = f"packs/{name.partition('/')[2]}"
        if kind not in ("packs", "quarantine") or not (pack in self._packs() or self._is_repacked(pack)):
            raise self._refused(name)

    def _check_addable(self, name: str, content: bytes | None) -> None:
        if self._check is None or not _WRITTEN.fullmatch(name):
            raise self._refused(name)
        header = _HEADER.fullmatch(name)
        if header is None:
            return
        if content is None:
            raise self._refused(name)
        self._check(decode_header(content, self._store.location, int(header.group(1))))

    def _packs(self) -> set[str]:
        """The packs that the sessions refer to."""
        with self._guard:
            if self._readable is None:
                self._readable = {
                    f"packs/{one.pack_id}"
                    for session in self._sessions
                    for one in load_refs(self._store, load_header(self._store, session))
                }
            return self._readable

    def _is_repacked(self, pack: str) -> bool:
        """Whether what the sessions refer to was moved into this pack since that was read."""
        if self._store.size(pack) is None:
            return False
        with self._guard:
            self._readable = None
        return pack in self._packs()

    def _refused(self, what: str) -> ArcxoError:
        return ArcxoError("E4158", media=self._store.location, object=what[:200])
