import os
from pathlib import Path

import pytest

from app.media.api import (
    create_key,
    erase_media,
    erased_media,
    format_media,
    list_media,
    read_label,
    remove_erased,
    unlock,
)
from app.media.intents import Intent
from app.media.keys import PUBLIC_CHUNK_KEY, chunk_key
from app.media.node import DIRECTORY, FILE, decode_node, encode_node
from app.media.pack import PackTable
from app.media.store import DirectoryMediaStore
from app.media.temporary import is_abandoned, owner_prefix
from app.model.errors import ArcxoError, CredentialsError, NotFoundError, UsageError


def test_formatted_media_is_listed_with_its_label(tmp_path: Path):
    made = format_media(str(tmp_path / "device"), "Weekly backups", "ab12")
    assert made.label is not None
    assert (made.label.name, made.label.media_id, made.label.sequence) == ("Weekly backups", "AB12", 1)
    (tmp_path / "device/not a media").mkdir()
    assert list(list_media(str(tmp_path / "device"))) == [made]
    assert read_label(made.path) == made.label


def test_media_is_not_formatted_over(tmp_path: Path):
    first = format_media(str(tmp_path), "A")
    with pytest.raises(ArcxoError, match="E4102"):
        format_media(str(tmp_path), "A")
    assert read_label(first.path) == first.label


def test_names_with_slashes_get_a_directory_without(tmp_path: Path):
    found = format_media(str(tmp_path), "5/29/07 10:56 AM")
    assert found.path == f"{tmp_path}/5-29-07 10:56 AM"
    assert read_label(found.path).name == "5/29/07 10:56 AM"


@pytest.mark.parametrize("name", ["", "..", ".hidden", " blank", "x" * 65, "new\nline"])
def test_impossible_names_are_refused(tmp_path: Path, name: str):
    with pytest.raises(UsageError, match="E4101"):
        format_media(str(tmp_path), name)


def test_damaged_label_is_listed_as_such_and_never_read(tmp_path: Path):
    made = format_media(str(tmp_path), "A")
    label = Path(made.path, "label")
    label.write_bytes(label.read_bytes().replace(b'"A"', b'"B"'))
    assert [one.problem for one in list_media(str(tmp_path))] == ["E4106"]
    with pytest.raises(ArcxoError, match="E4106"):
        read_label(made.path)


def test_only_the_named_media_is_erased(tmp_path: Path):
    made = format_media(str(tmp_path), "A")
    assert made.label is not None
    with pytest.raises(ArcxoError, match="E4108"):
        erase_media(made.path, "another")
    erase_media(made.path, made.label.serial)
    assert not os.path.exists(made.path)
    assert list_media(str(tmp_path)) == []
    assert erased_media(str(tmp_path)) == [made.label.serial]
    remove_erased(str(tmp_path), made.label.serial)
    remove_erased(str(tmp_path), made.label.serial)
    assert os.listdir(tmp_path) == []
    with pytest.raises(NotFoundError, match="E4105"):
        read_label(made.path)


def test_nothing_is_formatted_over_data_whose_label_is_lost(tmp_path: Path):
    made = format_media(str(tmp_path), "A")
    pack = Path(made.path, "packs", "0" * 32)
    pack.write_bytes(b"data")
    Path(made.path, "label").unlink()
    with pytest.raises(ArcxoError, match="E4110"):
        format_media(str(tmp_path), "A")
    assert pack.exists()
    pack.unlink()
    assert format_media(str(tmp_path), "A").label is not None


def test_each_password_opens_its_own_key(tmp_path: Path):
    media = format_media(str(tmp_path), "A").path
    one = create_key(media, "one", minimal=True)
    two = create_key(media, "two", minimal=True)
    assert unlock(media, "one") == one
    assert unlock(media, "two") == two
    assert one.data_key != two.data_key
    with pytest.raises(CredentialsError):
        unlock(media, "one", two.key_id)
    with pytest.raises(CredentialsError):
        unlock(media, "three")
    assert chunk_key(one.data_key) != chunk_key(two.data_key) != PUBLIC_CHUNK_KEY
    assert "one" not in repr(one)


def test_taken_object_is_never_replaced(tmp_path: Path):
    store = DirectoryMediaStore(format_media(str(tmp_path), "A").path)
    assert store.put_if_absent("sessions/000001", b"first")
    assert not store.put_if_absent("sessions/000001", b"second")
    assert store.get("sessions/000001") == b"first"
    assert store.names("tmp") == []


def test_temporaries_of_dead_writers_are_swept_and_living_ones_kept(tmp_path: Path):
    store = DirectoryMediaStore(format_media(str(tmp_path), "A").path)
    upload = store.upload()
    host, boot, _, start = owner_prefix().split("-")
    dead = f"{host}-{boot}-{2**22 + 1}-{start}-0011"
    Path(store.path("tmp/" + dead)).write_bytes(b"left")
    store.sweep_temporaries()
    names = [name for name, _ in store.names("tmp")]
    assert len(names) == 1
    assert not is_abandoned(names[0], 1e9)
    assert is_abandoned("elsewhere-boot-1-1-00", 1e9)
    assert not is_abandoned("elsewhere-boot-1-1-00", 10)
    upload.abort()


GOOD = [b"a", FILE, 0o644, 0, 0, 3, 0, 0, 1, None, b"i" * 32 + b"\x03\0\0\0"]


@pytest.mark.parametrize(
    "changes",
    [
        {0: b"../x"},
        {0: b".."},
        {0: b""},
        {0: b"a/b"},
        {0: b"a\0b"},
        {0: b"n" * 4096},
        {0: "text"},
        {1: 9},
        {1: "file"},
        {5: -1},
        {5: "3"},
        {10: b"short"},
        {9: {"zz": 1}},
        {9: {"x": [[b"one"]]}},
        {9: {"s": [[0, 10]]}},
        {9: {"s": [[2, 1], [0, 1]]}},
        {9: {"d": -1}},
        {1: DIRECTORY, 10: b"x"},
    ],
)
def test_hostile_nodes_are_refused(changes: dict[int, object]):
    assert decode_node(encode_node([list(GOOD)]))
    entry: list[object] = list(GOOD)
    for position, value in changes.items():
        entry[position] = value
    with pytest.raises(ValueError):
        decode_node(encode_node([entry]))


def test_names_out_of_order_or_twice_are_refused():
    with pytest.raises(ValueError):
        decode_node(encode_node([list(GOOD), list(GOOD)]))


def test_tables_survive_encoding():
    table = PackTable()
    table.add_block(64, b"stored", 12, 1, [(b"a" * 32, 4), (b"b" * 32, 8)])
    again = PackTable.decode(table.encode())
    assert again.encode() == table.encode()
    assert (again.chunk_offset[1], again.chunk_length[1], again.chunk_id(1)) == (4, 8, b"b" * 32)
    with pytest.raises(ValueError):
        PackTable.decode(table.encode()[:-1])


def test_judged_writer_cannot_claim_the_commit(tmp_path: Path):
    store = DirectoryMediaStore(format_media(str(tmp_path), "A").path)
    intent = Intent(store, 1, 1)
    store.put_if_absent(f"intents/{intent.id}.end", b"dead")
    with pytest.raises(ArcxoError, match="E4145"):
        intent.claim_commit()
