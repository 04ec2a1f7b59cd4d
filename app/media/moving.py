"""Blocks are written into new packs as they are stored: no password is needed, nothing is sealed again."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from blake3 import blake3

from app.media.pack import FOOTER, PackHeader, PackIndex, PackTable, encode_index, footer, pack_hash
from app.media.repack import NewPack, origin_of
from app.media.store import DirectoryMediaStore, MediaStore


def write_moved(
    source: MediaStore, target: DirectoryMediaStore, new: NewPack, checkpoint: Callable[[], None]
) -> PackIndex | None:
    """A new pack of `target` and its index object, durable. None when a block is not as it was written.

    A damaged pack is left as it is: a check tells it, and it may be healed.
    """
    first = new.sources[0].pack.header
    origins = new.origins()
    header = PackHeader(first.kind, first.key_id, secrets.token_bytes(32), bool(origins))
    places = {origin: number for number, origin in enumerate(origins)}
    table = PackTable()
    table.origins = origins
    pack_id = secrets.token_hex(16)
    upload = target.upload()
    try:
        upload.write(header.encode())
        size = len(header.encode())
        for worn in new.sources:
            chunks = _chunks_by_block(worn.pack)
            for block in worn.live:
                checkpoint()
                table_there = worn.pack.table
                stored = source.get_range(
                    worn.pack.object_name, table_there.offsets[block], table_there.stored[block]
                )
                if blake3(stored).digest() != table_there.block_hash(block):
                    upload.abort()
                    return None
                upload.write(stored)
                table.add_block(size, stored, table_there.raw[block], table_there.flags[block], chunks[block])
                if origins:
                    origin, number = origin_of(worn.pack, block)
                    table.block_origin.append(places[origin])
                    table.block_number.append(number)
                size += len(stored)
        columns = table.encode()
        upload.write(columns + footer(size, header.encode(), columns))
        size += len(columns) + FOOTER.size
        upload.commit(f"packs/{pack_id}")
    except BaseException:
        upload.abort()
        raise
    target.put_if_absent(f"index/{pack_id}", encode_index(header.encode(), columns, size))
    return PackIndex(pack_id, size, header, table, pack_hash(header.encode(), columns))


def _chunks_by_block(pack: PackIndex) -> dict[int, list[tuple[bytes, int]]]:
    """(id, length) of the chunks of each block, in their order."""
    table = pack.table
    found: dict[int, list[tuple[int, bytes, int]]] = {}
    for chunk, block in enumerate(table.chunk_block):
        entry = (table.chunk_offset[chunk], table.chunk_id(chunk), table.chunk_length[chunk])
        found.setdefault(block, []).append(entry)
    return {block: [one[1:] for one in sorted(chunks)] for block, chunks in found.items()}
