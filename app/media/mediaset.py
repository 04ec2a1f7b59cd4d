"""A media together with the other media of its set: what one has no room for, the next one holds.

A session refers to packs of any media of its set. Where the others are is found beside the media, and by the
hints in `members/`: each names one other media of the set and a directory where it was. A hint only says
where to look: what counts is the label that is found there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from blake3 import blake3

from app.media.document import Document, decode_document, encode_document
from app.media.far import FAR
from app.media.label import list_media, read_label
from app.media.reserve import put_with_reserve
from app.media.store import DirectoryMediaStore, MediaStore
from app.media.values import Label
from app.model.errors import ArcxoError

MEMBERS = "members"
_CONTENT = ("packs", "index", "keys", "quarantine")
_UNREADABLE = ("E4104", "E4105", "E4106", "E4107", "E4142")


@dataclass(frozen=True, slots=True)
class Membership:
    """The other media of a set that can be reached (serial → directory), and what is known of the rest."""

    label: Label
    paths: dict[str, str]
    missing: tuple[str, ...]
    """Serials of media that cannot be reached, or `sequence N` where not even that is known."""


def membership(media_path: str) -> Membership:
    """Where the other media of the set of this one are. Raises as `read_label`. Blocks on all of them."""
    own = read_label(media_path)
    if media_path.startswith(FAR):
        # Its host looks on all media of the set; paths that are told there mean nothing here.
        return Membership(own, {}, ())
    hints = _hints(media_path)
    found: dict[str, str] = {}
    sequences = {own.sequence}
    for path in [*_siblings(media_path), *(path for _, path in hints)]:
        label = _label_at(path)
        if label is None or label.set_id != own.set_id:
            continue
        sequences.add(label.sequence)
        if label.serial != own.serial:
            found.setdefault(label.serial, path)
    missing = sorted({serial for serial, _ in hints} - found.keys() - {own.serial})
    if not missing:
        missing = [f"sequence {n}" for n in range(1, own.sequence) if n not in sequences]
    return Membership(own, found, tuple(missing))


def out_of_reach(media_path: str) -> tuple[str, ...]:
    """As `Membership.missing`; nothing when the media cannot say."""
    try:
        return membership(media_path).missing
    except ArcxoError:
        return ()


def _siblings(media_path: str) -> list[str]:
    device = os.path.dirname(os.path.abspath(media_path))
    try:
        return [one.path for one in list_media(device) if one.label is not None]
    except ArcxoError:
        return []


def _hints(media_path: str) -> list[tuple[str, str]]:
    """(serial, directory) of other media; hints that are damaged are passed over."""
    store = DirectoryMediaStore(media_path)
    found = []
    for name, _ in store.names(MEMBERS):
        with contextlib.suppress(ArcxoError, KeyError):
            fields = decode_document(store.get(f"{MEMBERS}/{name}"), "E4153", media=media_path, object=name)
            found.append((str(fields["serial"]), str(fields["path"])))
    return found


def _label_at(path: str) -> Label | None:
    try:
        return read_label(path)
    except (ArcxoError, ValueError):
        return None


class SetStore(DirectoryMediaStore):
    """A media that is written to, and read together with the others of its set.

    Objects of the directories `shared` are found wherever they are; in those of `listed` the names of all
    media are listed. Everything is written to, and deleted from, the media at `location` alone.
    """

    def __init__(
        self,
        location: str,
        others: Sequence[str],
        *,
        shared: Sequence[str] = _CONTENT,
        listed: Sequence[str] = _CONTENT,
    ) -> None:
        super().__init__(location)
        self.others = [DirectoryMediaStore(path) for path in others]
        self._shared = frozenset(shared)
        self._listed = frozenset(listed)

    def holder(self, name: str) -> DirectoryMediaStore:
        """The media that has an object; this one when none has it."""
        own = DirectoryMediaStore(self.location)
        if not self.others or name.partition("/")[0] not in self._shared or own.size(name) is not None:
            return own
        for other in self.others:
            # A media that goes away while it is used has nothing any more; what needs it will say so.
            with contextlib.suppress(ArcxoError):
                if other.size(name) is not None:
                    return other
        return own

    def get(self, name: str) -> bytes:
        """A whole object. E4142 when no media of the set has it."""
        return super().get(name) if not self.others else self.holder(name).get(name)

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        """Part of an object; shorter at its end."""
        if not self.others:
            return super().get_range(name, offset, length)
        return self.holder(name).get_range(name, offset, length)

    def size(self, name: str) -> int | None:
        """Bytes of an object, None when no media of the set has it."""
        return super().size(name) if not self.others else self.holder(name).size(name)

    def modified(self, name: str) -> float | None:
        """When an object was written, by the clock of its media."""
        return super().modified(name) if not self.others else self.holder(name).modified(name)

    def names(self, directory: str) -> list[tuple[str, int]]:
        """(name within the directory, bytes), sorted; of all media where that is asked for."""
        found = super().names(directory)
        if not self.others or directory not in self._listed:
            return found
        known = dict(found)
        for other in self.others:
            with contextlib.suppress(ArcxoError):
                for name, size in other.names(directory):
                    known.setdefault(name, size)
        return sorted(known.items())


def members(store: MediaStore) -> list[MediaStore]:
    """The media that a store sees, each alone; the one that is written to first."""
    if isinstance(store, SetStore):
        return [DirectoryMediaStore(store.location), *store.others]
    return [store]


def open_set(media_path: str, *, listed: bool = True) -> SetStore:
    """A media as its sessions see it: with the packs and keys of the other media of its set.

    A media whose label cannot be read stands alone: what it holds may still be read. Not `listed`: names are
    of this media alone, the objects are found anywhere.
    """
    try:
        others = list(membership(media_path).paths.values())
    except ArcxoError as error:
        if error.code not in _UNREADABLE:
            raise
        others = []
    return SetStore(media_path, others, listed=_CONTENT if listed else ())


def join_set(media_path: str, *, fossils: bool = False) -> SetStore:
    """A media as a writer sees it. Before it shares anything with another of the set, that one knows it.

    Whoever collects garbage there then asks what the sessions here refer to. With a media that cannot be told
    (it is read-only, or full beyond its reserve) nothing is shared. With `fossils` those of all media are
    seen, for a writer that cannot ask each media by itself.
    """
    found = membership(media_path)
    store = DirectoryMediaStore(media_path)
    told = []
    for serial, path in found.paths.items():
        other = DirectoryMediaStore(path)
        try:
            _hint(store, serial, path)
            _hint(other, found.label.serial, os.path.abspath(media_path))
        except ArcxoError as error:
            if error.code not in ("E4141", "E4142"):
                raise
            continue
        told.append(path)
    seen = (*_CONTENT, "fossils") if fossils else _CONTENT
    return SetStore(media_path, told, shared=seen, listed=seen)


def introduce(media_path: str, others: Sequence[str]) -> None:
    """Tell the media of a set where each of them is. Called when a set gets another media, or one was moved.

    Raises E4141 or E4142 when the media itself cannot be written; others that cannot be told are left out.
    """
    own = read_label(media_path)
    store = DirectoryMediaStore(media_path)
    for path in others:
        label = _label_at(path)
        if label is None or label.set_id != own.set_id or label.serial == own.serial:
            continue
        _hint(store, label.serial, os.path.abspath(path))
        with contextlib.suppress(ArcxoError):
            _hint(DirectoryMediaStore(path), own.serial, os.path.abspath(media_path))
        _copy_keys(DirectoryMediaStore(path), store)


def _hint(store: DirectoryMediaStore, serial: str, path: str) -> None:
    name = f"{MEMBERS}/{serial}.{blake3(os.fsencode(path)).hexdigest()[:8]}"
    if store.size(name) is not None:
        return
    fields: Document = {"format": "arcxo set member", "serial": serial, "path": path}
    store.make_directory(MEMBERS)
    put_with_reserve(store, name, encode_document(fields))


def _copy_keys(source: DirectoryMediaStore, target: DirectoryMediaStore) -> None:
    """Each media can be opened by itself: the key slots of the set lie on all of them."""
    from app.media.slots import copy_slots

    with contextlib.suppress(ArcxoError):
        copy_slots(source.location, target.location)


class CollectorStore(SetStore):
    """A media as a collector sees it: its own packs, and the writers of the whole set.

    Writers may come with media that were not known before, so the set is looked up again whenever it matters.
    """

    def __init__(self, location: str) -> None:
        super().__init__(location, [], shared=("intents",), listed=("intents",))
        self.look()

    def look(self) -> None:
        """Find the media of the set. Raises ArcxoError E4160 while one of them cannot be reached."""
        found = membership(self.location)
        if found.missing:
            raise ArcxoError(
                "E4160", media=self.location, name=found.label.name, missing=", ".join(found.missing)
            )
        self.others = [DirectoryMediaStore(path) for path in found.paths.values()]

    def each(self, work: Callable[[DirectoryMediaStore], None]) -> None:
        """Do something on every media of the set; one that is read-only is passed over."""
        work(DirectoryMediaStore(self.location))
        for other in self.others:
            with contextlib.suppress(ArcxoError):
                work(other)
