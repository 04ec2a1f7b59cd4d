"""A part of one file of a session, checked chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator

from app.media.node import CONTENT, DIRECTORY, EXTRA, FILE, KIND, NAME, PIECE, Entry, to_metadata
from app.media.reader import ChunkReader, open_session
from app.model.content import FileContent
from app.model.errors import NotFoundError
from app.model.paths import shown


def read_content(
    media_path: str, number: int, path: bytes, data_key: bytes | None, offset: int, limit: int
) -> FileContent:
    """See `app.media.api.read_content`."""
    header, reader = open_session(media_path, number, data_key)
    entry = _find(reader, header.root_id, path, number)
    known = to_metadata(entry)
    size = known.size_bytes if entry[KIND] == FILE else 0
    begin = min(max(0, offset), size)
    end = min(size, begin + max(0, limit))
    return FileContent(
        path=path,
        kind=known.kind,
        size_bytes=known.size_bytes,
        modified_ns=known.modified_ns,
        permissions=known.permissions,
        owner=(known.uid, known.gid),
        offset=begin,
        data=_data(reader, entry, begin, end) if end > begin else b"",
        target=known.link_target,
    )


def _find(reader: ChunkReader, root_id: bytes, path: bytes, number: int) -> Entry:
    names = [name for name in path.split(b"/") if name]
    node_id, found = root_id, None
    for position, name in enumerate(names):
        found = next((entry for entry in reader.node(node_id) if entry[NAME] == name), None)
        if found is None or (position + 1 < len(names) and found[KIND] != DIRECTORY):
            raise NotFoundError("E4221", path=shown(path), session=number)
        node_id = found[CONTENT]
    if found is None:
        raise NotFoundError("E4221", path=shown(path), session=number)
    return found


def _data(reader: ChunkReader, entry: Entry, begin: int, end: int) -> bytes:
    """The bytes from `begin` to `end`; holes are zeros. Only chunks that are needed are read."""
    found = bytearray(end - begin)
    for at, chunk_id, skipped, length in _places(entry):
        low, high = max(begin, at), min(end, at + length)
        if low < high:
            chunk = reader.chunk(chunk_id)
            found[low - begin : high - begin] = chunk[skipped + low - at : skipped + high - at]
    return bytes(found)


def _places(entry: Entry) -> Iterator[tuple[int, bytes, int, int]]:
    """(offset in the file, chunk, offset in the chunk, length): a chunk may lie across several extents."""
    extents = list((entry[EXTRA] or {}).get("s") or [[0, _length(entry)]])
    number, used = 0, 0
    for chunk_id, length in PIECE.iter_unpack(entry[CONTENT]):
        skipped = 0
        while skipped < length and number < len(extents):
            begin, room = extents[number]
            part = min(length - skipped, room - used)
            yield begin + used, chunk_id, skipped, part
            skipped, used = skipped + part, used + part
            if used >= room:
                number, used = number + 1, 0


def _length(entry: Entry) -> int:
    return sum(length for _, length in PIECE.iter_unpack(entry[CONTENT]))
