"""What a process that helps a restore does: it makes the entries it is told of, and nothing else.

It reads the media itself, makes entries only at the places it is given, beside the destination, and tells
what came of each. Putting them in place, the journal and what is told of it are the restorer's alone: a
helper that is killed at any moment leaves something staged that the restorer clears away.
"""

from __future__ import annotations

import time
from multiprocessing.connection import Connection
from typing import Any

from app.backup.items import Item
from app.backup.journal import Fingerprint
from app.backup.making import Maker, Portion
from app.backup.new_files import from_orders
from app.media.node import CONTENT
from app.media.reader import ChunkReader, open_session
from app.model.errors import ArcxoError
from app.model.restore import RestoreAction

TELL_EVERY_S = 0.25

Order = tuple[int, int, Any, list[Any]]
"""(its number, which session, whether the contents share a block, (source, target, place, entry) of each), or
for new files instead of the latter two (pack, block) and what `as_orders` gives."""

Row = tuple[int, bytes, tuple[int, ...], list[Any], tuple[bool, list[str]] | None]
"""(which of the order, where it is, its fingerprint, problems, what reading back found)."""


def serve(connection: Connection) -> None:
    """Make what comes until the connection ends. The first message names the sessions.

    Sent back: `("tick", bytes, source)` while a file takes long, `("made", number, rows, damaged, failed)`
    for each order, `("error", what)` at the end of a helper that cannot go on.
    """
    try:
        sessions = connection.recv()
        readers = [open_session(media, number, key)[1] for media, number, key in sessions]
        while True:
            order: Order = connection.recv()
            work = _Work(connection, readers[order[1]])
            connection.send(work.make_new(order) if isinstance(order[2], tuple) else work.make(order))
    except ArcxoError as error:
        connection.send(("error", error))
    except EOFError:
        return


class _Work:
    """One order."""

    def __init__(self, connection: Connection, reader: ChunkReader) -> None:
        self._connection = connection
        self._reader = reader
        self._told_at = time.monotonic()
        self._bytes = 0
        self._damaged: list[tuple[bytes, ArcxoError]] = []
        self._failed: list[tuple[bytes, int, str]] = []
        self._places: dict[int, bytes] = {}

    def make(self, order: Order) -> tuple[Any, ...]:
        """The answer to an order."""
        number, _, shared, rows = order
        items = []
        for source, target, place, entry in rows:
            item = Item(source, target, entry, RestoreAction.CREATE, reader=self._reader)
            self._places[id(item)] = place
            items.append(item)
        portion = Portion(self._reader, items=items)
        if shared:
            place_of = self._reader.index.locate(items[0].entry[CONTENT][:32])
            if place_of is not None:
                portion.pack, portion.block = place_of.pack, place_of.block
        maker = Maker(self._place, self._tick, self._take_damaged, self._take_failed)
        numbers = {id(item): index for index, item in enumerate(items)}
        made: list[Row] = []
        for one in maker.portion(portion, portion.read):
            assert one.after is not None
            index = numbers[id(one.item)]
            made.append((index, one.path, _plain(one.after), one.problems, one.read))
        return "made", number, made, self._damaged, self._failed

    def make_new(self, order: Order) -> tuple[Any, ...]:
        """The answer to an order of new files."""
        number, _, (pack_id, block), rows = order
        reader = self._reader
        cuts = from_orders(rows, reader)
        pack = next((one for one in reader.index.packs if one.pack_id == pack_id), None)
        portion = Portion(reader, pack, block, cuts=cuts)
        if pack is None or block >= len(pack.table.offsets):
            return "new", number, [[-1] * len(cut.entries) for cut in cuts], [], []
        maker = Maker(self._place, self._tick, self._take_damaged, self._take_failed)
        return "new", number, maker.together(portion, portion.read), [], []

    def _place(self, item: Item) -> bytes:
        return self._places[id(item)]

    def _tick(self, source: bytes, size: int) -> None:
        self._bytes += size
        if self._bytes and time.monotonic() - self._told_at >= TELL_EVERY_S:
            self._connection.send(("tick", self._bytes, source))
            self._told_at, self._bytes = time.monotonic(), 0

    def _take_damaged(self, source: bytes, error: ArcxoError) -> None:
        self._damaged.append((source, error))

    def _take_failed(self, source: bytes, error: OSError) -> None:
        self._failed.append((source, error.errno or 0, error.strerror or str(error)))


def _plain(mark: Fingerprint) -> tuple[int, ...]:
    return mark.inode, mark.size_bytes, mark.modified_ns, mark.mode, mark.uid, mark.gid
