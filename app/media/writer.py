"""Writing chunks: grouped into blocks, which one thread compresses, seals and writes in their order.

Whoever adds compresses as well, while that thread is behind. With a pool that compresses blocks would change
hands three times as often, and each time somebody waits for the interpreter.
"""

from __future__ import annotations

import dataclasses
import queue
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import zstandard

from app.media.far import FarUpload
from app.media.pack import (
    COMPRESSED,
    DATA,
    TREE,
    CountedTable,
    PackCipher,
    PackHeader,
    PackIndex,
    PackTable,
    encode_index,
    footer,
    pack_hash,
)
from app.media.reserve import pack_target
from app.media.store import DirectoryMediaStore
from app.model.errors import ArcxoError

BLOCK_TARGET_BYTES = 512 * 1024
PACK_TARGET_BYTES = 32 * 1024 * 1024
LARGE_CHUNK_BYTES = 128 * 1024
"""A chunk of this size is a block of its own: then it can be moved, and freed, without others."""
_QUEUED_BLOCKS = 12
_PACK_CHUNKS = 64 * 1024
"""A pack of tiny chunks ends before its table, of which closing it makes several copies, gets large."""
_BLOCK_CHUNKS = 4096
"""A chunk that waits takes some 200 bytes besides its own: of tiny files so many make a block."""
_SAMPLE_BYTES = 16 * 1024
_GLANCE_BYTES = 4 * 1024
_LEVEL = 1
_LEVELS = (_LEVEL, 3)
"""What blocks are compressed with, and what versions before did."""
_Compressed = tuple[bytes, int, int]
_Chunks = list[tuple[bytes, int]]
_Parts = list[bytes | memoryview]
_local = threading.local()


def _compressor() -> zstandard.ZstdCompressor:
    found: zstandard.ZstdCompressor | None = getattr(_local, "compressor", None)
    if found is None:
        found = _local.compressor = zstandard.ZstdCompressor(level=_LEVEL, write_content_size=False)
    return found


def compressed_blocks(raw: bytes | memoryview) -> Iterator[bytes]:
    """A block as it may have been stored when it shrank, the likeliest first; the same bytes each time."""
    for level in _LEVELS:
        yield zstandard.ZstdCompressor(level=level, write_content_size=False).compress(raw)


def compress(parts: list[bytes | memoryview]) -> _Compressed:
    """(bytes to store, raw size, flags). What does not shrink in a sample is stored as it is."""
    raw = parts[0] if len(parts) == 1 else b"".join(parts)
    size = len(raw)
    if len(parts) == 1 and size >= 4 * _SAMPLE_BYTES and not _shrinks(memoryview(raw)):
        return bytes(raw), size, 0  # of many files, some shrink
    packed = _compressor().compress(raw)
    if len(packed) < size * 0.98:
        return packed, size, COMPRESSED
    return bytes(raw), size, 0


def _shrinks(raw: memoryview) -> bool:
    """Whether samples shrink. What clearly shrinks where it begins is not looked at twice."""
    compress_sample = _compressor().compress
    if len(compress_sample(raw[:_GLANCE_BYTES])) < _GLANCE_BYTES * 0.75:
        return True
    middle = len(raw) // 2
    shrunk = len(compress_sample(raw[middle : middle + _SAMPLE_BYTES])) + len(
        compress_sample(raw[:_SAMPLE_BYTES])
    )
    return shrunk <= 2 * _SAMPLE_BYTES * 0.97


class _OpenPack:
    """A pack being written."""

    def __init__(self, store: DirectoryMediaStore, kind: int, key_id: str, data_key: bytes | None) -> None:
        self.id = secrets.token_hex(16)
        self.header = PackHeader(kind, key_id, secrets.token_bytes(32))
        self._cipher = PackCipher(self.id, self.header, data_key)
        self._table = PackTable()
        self._store = store
        self.target = pack_target(store.location, PACK_TARGET_BYTES)
        self.upload: FarUpload = store.upload()
        try:
            self.upload.write(self.header.encode())
        except BaseException:
            self.upload.abort()
            raise
        self.size = len(self.header.encode())

    @property
    def chunks(self) -> int:
        """How many chunks are in it so far."""
        return len(self._table)

    def write(self, compressed: _Compressed, chunks: _Chunks) -> int:
        data, raw, flags = compressed
        stored = self._cipher.seal(len(self._table.offsets), data, raw, flags)
        self.upload.write(stored)
        self._table.add_block(self.size, stored, raw, flags, chunks)
        self.size += len(stored)
        return len(stored)

    def close(self) -> PackIndex:
        """Make the pack and then its index durable."""
        try:
            return self._close()
        except BaseException:
            self.upload.abort()
            raise

    def _close(self) -> PackIndex:
        header, table = self.header.encode(), self._table.encode()
        tail = table + footer(self.size, header, table)
        self.upload.write(tail)
        size = self.size + len(tail)
        if not self.upload.commit(f"packs/{self.id}"):
            raise ArcxoError("E4142", media=self._store.location, object=self.id, reason="the name is taken")
        try:
            self._store.put_if_absent(f"index/{self.id}", encode_index(header, table, size))
        except ArcxoError:
            self._store.delete(
                f"packs/{self.id}"
            )  # nobody knows it yet; on a full disk its room is worth more
            raise
        return PackIndex(self.id, size, self.header, self._table, pack_hash(header, table))


class PackWriter:
    """Takes chunks of file content and nodes. One thread adds; `finish` or `abort` ends it.

    Memory is bounded by the queue, but for the tables of finished packs where they are kept for the caller
    (44 bytes per chunk). A fault of the writing thread is raised by the next call.
    """

    def __init__(
        self,
        store: DirectoryMediaStore,
        key_id: str,
        data_key: bytes | None,
        *,
        keep_tables: bool = True,
    ) -> None:
        self._store = store
        self._keep_tables = keep_tables
        self._key_id = key_id
        self._data_key = data_key
        self._sealer = ThreadPoolExecutor(1, "seal")
        self._queue: queue.Queue[tuple[int, _Parts | _Compressed, _Chunks] | None] = queue.Queue(
            _QUEUED_BLOCKS
        )
        self._parts: tuple[_Parts, _Parts] = ([], [])
        self._chunks: tuple[_Chunks, _Chunks] = ([], [])
        self._sizes = [0, 0]
        self._open: dict[int, _OpenPack] = {}
        self._closed: list[Future[PackIndex]] = []
        self._error: BaseException | None = None
        self.stored_bytes = 0
        self._thread = threading.Thread(target=self._write_all, name="pack writer", daemon=True)
        self._thread.start()

    def add_data(self, chunk_id: bytes, data: bytes | memoryview) -> None:
        """Append a chunk of file content; large ones must not change after."""
        self._add(DATA, chunk_id, data)

    def add_node(self, chunk_id: bytes, data: bytes) -> None:
        """Append a directory node."""
        self._add(TREE, chunk_id, data)

    def _add(self, kind: int, chunk_id: bytes, data: bytes | memoryview) -> None:
        if len(data) >= LARGE_CHUNK_BYTES and self._parts[kind]:
            # Small ones with it would keep it all when only they are in use any more.
            if self._error is not None:
                raise self._error
            self._pass_on(kind, [data], [(chunk_id, len(data))])
            return
        self._parts[kind].append(data)
        self._chunks[kind].append((chunk_id, len(data)))
        self._sizes[kind] += len(data)
        if (
            self._sizes[kind] >= BLOCK_TARGET_BYTES
            or len(data) >= LARGE_CHUNK_BYTES
            or len(self._chunks[kind]) >= _BLOCK_CHUNKS
        ):
            self._flush(kind)

    def _flush(self, kind: int) -> None:
        if self._error is not None:
            raise self._error
        if not self._chunks[kind]:
            return
        parts, chunks = self._parts[kind][:], self._chunks[kind][:]
        self._parts[kind].clear()
        self._chunks[kind].clear()
        self._sizes[kind] = 0
        self._pass_on(kind, parts, chunks)

    def _pass_on(self, kind: int, parts: _Parts, chunks: _Chunks) -> None:
        """Leave a block to the writing thread; where that is behind, take the compressing off it."""
        try:
            self._queue.put_nowait((kind, parts, chunks))
        except queue.Full:
            self._queue.put((kind, compress(parts), chunks))

    def _write_all(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is not None:
                continue
            try:
                kind, block, chunks = item
                pack = self._open.get(kind)
                if pack is None:
                    pack = self._open[kind] = _OpenPack(self._store, kind, self._key_id, self._data_key)
                self.stored_bytes += pack.write(compress(block) if isinstance(block, list) else block, chunks)
                if pack.size >= pack.target or pack.chunks >= _PACK_CHUNKS:
                    self._closed.append(self._sealer.submit(self._close_pack, self._open.pop(kind)))
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that adds
                self._error = error

    def _close_pack(self, pack: _OpenPack) -> PackIndex:
        made = pack.close()
        return made if self._keep_tables else dataclasses.replace(made, table=CountedTable(made.table))

    def finish(self) -> list[PackIndex]:
        """Everything added is durable when this returns; the new packs."""
        try:
            for kind in (DATA, TREE):
                self._flush(kind)
            self._stop_thread()
            if self._error is not None:
                raise self._error
            for kind in list(self._open):
                self._closed.append(self._sealer.submit(self._close_pack, self._open.pop(kind)))
            return [future.result() for future in self._closed]
        finally:
            self.abort()

    def _stop_thread(self) -> None:
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def abort(self) -> None:
        """Stop and forget unfinished packs; may be called after `finish`."""
        self._error = self._error or ArcxoError(
            "E4142", media=self._store.location, object="pack", reason="stopped"
        )
        self._stop_thread()
        self._sealer.shutdown()
        for pack in self._open.values():
            pack.upload.abort()
        self._open.clear()
        for future in self._closed:
            if future.exception() is not None:
                continue
