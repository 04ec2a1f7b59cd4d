"""Objects of a media that say what no writer says, with checksums that fit: that is damage, nothing worse."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest
from blake3 import blake3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.catalog.session_rows import session_values
from app.jobs.session_records import session_info
from app.media import api
from app.media.fossils import generations, read
from app.media.index import read_index
from app.media.node import decode_node
from app.media.refs import decode_moved_refs, decode_refs, encode_refs
from app.media.store import WHOLE_MOST_BYTES, DirectoryMediaStore
from app.model.errors import ArcxoError
from tests.support.media_samples import back_up, new_key, new_media, restore_to

SOME = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
ODD = [None, True, 0, -1, 2**31, 2**63, 2**64, 10**30, "", "x", "\ud800", "\0", "\x1b[2J", "../../x", "/etc"]
ODD += ["A" * 70_000, [], [[]], {}, {"a": 1}, [None], "2026-01-01", "0001-01-01T00:00:00+14:00", "00" * 32]
VALUES = st.sampled_from(ODD) | st.floats() | st.text(max_size=5) | st.integers()
PACKED = [None, True, 0, -1, 2**33, 10**9, 2**64 - 1, float("inf"), b"", b"x", b"\0" * 32, "", [], [[]], {}]
PACKED += [[1], msgpack.ExtType(5, b"x"), msgpack.Timestamp(5, 5)]
CHOICES = st.lists(st.integers(0, 1000), min_size=4, max_size=4)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A media with a session in the clear and an encrypted one."""
    place = tmp_path_factory.mktemp("original")
    source = place / "source"
    (source / "d").mkdir(parents=True)
    (source / "a").write_text("a")
    (source / "d/b").write_bytes(os.urandom(5000))
    media = new_media(place)
    back_up(media, source)
    back_up(media, source, key=new_key(media))
    return Path(media)


@pytest.fixture(scope="module")
def copy(original: Path) -> Callable[[], Path]:
    """The same again, as it was."""
    place = original.parent.parent / "copy"

    def made() -> Path:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(original.parent, place)
        return place / original.name

    return made


def fields_of(path: Path) -> Any:
    data = path.read_bytes()
    return json.loads(data[: data[:-1].rindex(b"\n")])


def put(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def put_document(path: Path, fields: object) -> None:
    body = json.dumps(fields).encode() + b"\n"
    put(path, body + b"blake3 " + blake3(body).hexdigest().encode() + b"\n")


def put_refs(media: Path, number: int, data: bytes) -> None:
    """Refs that the header knows."""
    header = media / f"sessions/{number:06d}"
    put(media / f"sessions/{number:06d}.refs", data)
    put_document(header, fields_of(header) | {"refs_hash": blake3(data).hexdigest()})


def signed(body: bytes) -> bytes:
    return body + blake3(body).digest()


def spoilt(value: Any, choices: list[int], odd: Any) -> Any:
    """`value` with one thing in it replaced."""
    choice, *rest = choices or [0]
    if isinstance(value, dict) and value and choices:
        key = sorted(value)[choice % len(value)]
        return value | {key: spoilt(value[key], rest, odd)}
    if isinstance(value, list) and value and choices and choice % 5:
        at = choice % len(value)
        return [*value[:at], spoilt(value[at], rest, odd), *value[at + 1 :]]
    return odd


def use(media: Path, restored: Path | None = None) -> None:
    """All that is asked of media that came from somewhere. What is wrong has a code of its own."""
    place = str(media)

    def catalogued() -> None:
        label = api.read_label(place)
        for header in sorted(api.sessions(place), key=lambda one: one.finished_at):
            for value in session_values(session_info(header, label)).values():
                assert not isinstance(value, int) or -(1 << 63) <= value < 1 << 63
                assert not isinstance(value, str) or value.encode("utf-8", "surrogateescape") is not None

    steps: list[Callable[[], object]] = [
        lambda: sorted(one.label.created_at for one in api.list_media(str(media.parent)) if one.label),
        catalogued,
        lambda: api.unreadable_sessions(place),
        lambda: api.list_slots(place),
        lambda: api.open_slots(place, "secret"),
        lambda: api.verify(place, full=False),
        lambda: [api.absence(place, number) for number in (1, 2)],
        lambda: api.plan_purge(place, [1]),
        lambda: api.collect(place),
    ]
    if restored is not None:
        steps.append(lambda: restore_to(place, restored, 1))
    for step in steps:
        fault = ""
        try:
            step()
        except ArcxoError as error:
            fault = error.code
        assert not fault.startswith("AE")


@pytest.mark.parametrize(
    "name", ["label", "sessions/000001", "sessions/000002", "keys", "fossils", "members"]
)
@SOME
@given(choices=CHOICES, odd=VALUES)
def test_small_objects_with_odd_fields(
    copy: Callable[[], Path], name: str, choices: list[int], odd: Any
) -> None:
    media = copy()
    path = media / name
    if name == "keys":
        path = next(path.iterdir())
        fields = fields_of(path)
    elif name == "fossils":
        path, fields = path / "0123456789abcdef", {"format": "arcxo fossils", "packs": ["0" * 32]}
    elif name == "members":
        path, fields = path / "x", {"serial": "x", "path": "/nowhere"}
    else:
        fields = fields_of(path)
    put_document(path, spoilt(fields, choices, odd))
    use(media)


@SOME
@given(choices=CHOICES, odd=st.sampled_from(PACKED), moved=st.booleans())
def test_refs_with_odd_rows(copy: Callable[[], Path], choices: list[int], odd: Any, moved: bool) -> None:
    media = copy()
    rows = msgpack.unpackb((media / "sessions/000001.refs").read_bytes()[8:-32])
    if moved:
        told = bytes.fromhex(fields_of(media / "sessions/000001")["refs_hash"])
        document = spoilt([1, told, "writer", rows], choices, odd)
        put(media / "sessions/000001.refs.1", signed(b"ARCXREFM" + msgpack.packb(document)))
    else:
        put_refs(media, 1, signed(b"ARCXREFS" + msgpack.packb(spoilt(rows, choices, odd))))
    use(media)


@SOME
@given(
    at=st.integers(8, 400), new=st.sampled_from([b"\xff" * 8, b"\xff\xff\xff\x7f", b"\0" * 4, b"\1", b"\x80"])
)
def test_tables_of_packs_with_odd_numbers(
    copy: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory, at: int, new: bytes
) -> None:
    media = copy()
    for path in (media / "index").iterdir():
        body = bytearray(path.read_bytes()[:-32])
        at %= len(body) - 8
        body[8 + at : 8 + at + len(new)] = new
        put(path, signed(bytes(body)))
    use(media, tmp_path_factory.mktemp("restored"))


@SOME
@given(choices=CHOICES, odd=st.sampled_from(PACKED))
def test_directory_nodes_with_odd_entries(choices: list[int], odd: Any) -> None:
    extra = {"x": [[b"user.a", b"1"]], "h": [1, 2], "s": [[0, 10]]}
    rows = [
        [b"a", 0, 0o644, 0, 0, 10, 1, 1, 1, extra, b"\0" * 36],
        [b"b", 2, 0, 0, 0, 1, 1, 1, 1, {"t": b"a"}, b""],
    ]
    for document in ([1, spoilt(rows, choices, odd)], spoilt([1, rows], choices, odd)):
        with contextlib.suppress(ValueError):
            decode_node(msgpack.packb(document))


def test_a_number_is_no_length_of_bytes_to_be_made() -> None:
    for rows in ([[b"i" * 16, 1, 4 << 30, 1, None]], [[4 << 30, 1, b"h" * 32, 1, None]], 4 << 30):
        with pytest.raises(ValueError, match=r"as expected|what cannot be"):
            decode_refs(signed(b"ARCXREFS" + msgpack.packb(rows)))
    for moved in ([1, 4 << 30, "w", []], [1, b"", "../label", []], [1.5, b"", "w", []], {}):
        with pytest.raises(ValueError, match=r"shape|no object"):
            decode_moved_refs(signed(b"ARCXREFM" + msgpack.packb(moved)))
    assert decode_refs(encode_refs([])) == []


def test_chunks_in_use_of_another_type_are_damage_of_that_session(copy: Callable[[], Path]) -> None:
    media = copy()
    rows = msgpack.unpackb((media / "sessions/000001.refs").read_bytes()[8:-32])
    rows[0][4] = "all"
    put_refs(media, 1, signed(b"ARCXREFS" + msgpack.packb(rows)))
    damage = api.verify(str(media), full=True).damage
    assert [(one.code, one.sessions) for one in damage] == [("E4124", (1,))]
    with pytest.raises(ArcxoError) as told:
        api.plan_purge(str(media), [2])
    assert not told.value.code.startswith("AE")


def test_nothing_outside_a_media_is_named_by_its_lists_of_what_to_delete(copy: Callable[[], Path]) -> None:
    media = copy()
    outside = media.parent / "precious"
    outside.write_text("of somebody else")
    os.utime(outside, (1, 1))
    for name in ("../../precious", "..", "/etc/passwd", "a\0b", ""):
        put_document(media / "fossils/0123456789abcdef", {"format": "arcxo fossils", "packs": [name]})
        put_document(media / "fossils/0123456789abcdef.known", {"intents": []})
        put_document(media / "fossils/0123456789abcdef.end", {"delete": [name]})
        store = DirectoryMediaStore(str(media))
        assert [read(store, one) for one in generations(store)] == [None]
        api.collect(str(media))
        assert outside.read_text() == "of somebody else"


def test_what_is_nested_too_deep_or_too_large_is_named(copy: Callable[[], Path]) -> None:
    media = copy()
    body = b"[" * 100_000 + b"\n"
    put(media / "sessions/000001", body + b"blake3 " + blake3(body).hexdigest().encode() + b"\n")
    with open(media / "sessions/000002", "r+b") as file:
        file.truncate(WHOLE_MOST_BYTES + 1)
    codes = {number: error.code for number, error in api.unreadable_sessions(str(media))}
    assert codes == {1: "E4122", 2: "E4122"}
    assert api.sessions(str(media)) == []


def test_a_set_of_a_million_media_is_no_set(copy: Callable[[], Path]) -> None:
    media = copy()
    put_document(media / "label", fields_of(media / "label") | {"sequence": 1_000_000})
    with pytest.raises(ArcxoError, match="E4106"):
        api.read_label(str(media))
    assert [one.label for one in api.list_media(str(media.parent))] == [None]


def test_a_block_of_gigabytes_is_no_block(copy: Callable[[], Path]) -> None:
    media = copy()
    path = min((media / "index").iterdir())
    body = bytearray(path.read_bytes()[:-32])
    # Magic, size, header, counts, then offsets; the stored sizes follow those.
    blocks = int.from_bytes(body[16 + 64 : 16 + 64 + 4], "little")
    at = 16 + 64 + 8 + 8 * blocks
    body[at : at + 4] = b"\xff\xff\xff\xff"
    put(path, signed(bytes(body)))
    assert read_index(DirectoryMediaStore(str(media)), path.name) is None
