"""What a replica answers to requests for hashes, and to those that no master sends."""

import os
import queue

import pytest
from blake3 import blake3

from app.model.errors import ArcxoError
from app.replication import content, sync_frames
from app.replication.frame_codec import decode_frame, encode_frame
from app.replication.records import BLOCK_BYTES, SYNC_STAGE_FIRST
from app.replication.replica.hashing import HashAnswers
from app.replication.sync_frames import (
    HASH_BLOCKS_MAX,
    HASH_REQUESTS_MAX,
    NO_FILE,
    BlockHashes,
    HashedPart,
    HashItem,
    HashRequest,
)


@pytest.fixture
def place(tmp_path):
    for name in ("root", "other", "side/stage"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def answers(place):
    found: queue.Queue[BlockHashes] = queue.Queue()

    def known(name):
        path = os.fsencode(place / name)
        status = os.stat(path)
        return path, (status.st_dev, status.st_ino)

    made = HashAnswers([known("root"), known("other")], known("side"), found.put)

    def ask(*items, root=0, stage=0):
        made.ask(HashRequest(1, root, tuple(HashItem(*item) for item in items), stage))
        return found.get(timeout=10).parts

    yield ask, made
    made.close()


def hashes_of(data):
    return b"".join(
        blake3(data[at : at + BLOCK_BYTES]).digest(content.HASH_BYTES)
        for at in range(0, len(data), BLOCK_BYTES)
    )


def test_the_blocks_of_a_range_are_hashed_as_the_master_hashes_them(place, answers):
    ask, _ = answers
    data = os.urandom(5 * BLOCK_BYTES + 100)
    (place / "other/f").write_bytes(data)
    (place / "other/empty").touch()
    whole = (b"f", 0, 10 * BLOCK_BYTES)
    parts = ask(
        whole, (b"f", 3 * BLOCK_BYTES, BLOCK_BYTES), (b"f", 9 * BLOCK_BYTES, 1), (b"empty", 0, 9), root=1
    )
    assert parts == (
        HashedPart(len(data), hashes_of(data)),
        HashedPart(len(data), hashes_of(data[3 * BLOCK_BYTES : 4 * BLOCK_BYTES])),
        HashedPart(len(data), b""),
        HashedPart(0, b""),
    )


def test_holes_hash_like_the_zeros_they_are_read_as(place, answers):
    ask, _ = answers
    with (place / "root/f").open("wb") as file:
        file.seek(7 * BLOCK_BYTES + 5)
        file.write(b"x" * 10)
        file.truncate(40 * BLOCK_BYTES + 3)
    data = (place / "root/f").read_bytes()
    assert ask((b"f", 0, 100 * BLOCK_BYTES)) == (HashedPart(len(data), hashes_of(data)),)


@pytest.mark.parametrize("path", [b"gone", b"directory", b"link", b"linked/f", b"pipe", b""])
def test_what_is_no_file_beneath_the_root_has_no_hashes(place, answers, path):
    ask, _ = answers
    (place / "other/f").write_bytes(b"secret")
    (place / "root/directory").mkdir()
    (place / "root/link").symlink_to("../other/f")
    (place / "root/linked").symlink_to("../other")
    os.mkfifo(place / "root/pipe")
    assert ask((path, 0, 1)) == (HashedPart(NO_FILE, b""),)


def test_a_root_that_is_another_directory_by_now_has_no_hashes(place, answers):
    ask, _ = answers
    (place / "root").rename(place / "before")
    (place / "root").mkdir()
    (place / "root/f").write_bytes(b"x")
    assert ask((b"f", 0, 1)) == (HashedPart(NO_FILE, b""),)


def test_staged_content_is_hashed_unless_it_is_a_file_in_place_already(place, answers):
    ask, _ = answers
    number = SYNC_STAGE_FIRST + 77
    staged = place / "side/stage" / f"{number:x}"
    staged.write_bytes(b"part")
    assert ask((b"", 0, 9), stage=number) == (HashedPart(4, hashes_of(b"part")),)
    os.link(staged, place / "root/f")
    assert ask((b"", 0, 9), stage=number) == (HashedPart(NO_FILE, b""),)


def test_requests_beyond_the_roots_or_too_many_are_refused(place, answers, monkeypatch):
    _, made = answers
    with pytest.raises(ArcxoError, match="ER00301"):
        made.ask(HashRequest(1, 2, (HashItem(b"f", 0, 1),)))
    monkeypatch.setattr(made, "_open", HASH_REQUESTS_MAX)
    with pytest.raises(ArcxoError, match="ER00301"):
        made.ask(HashRequest(1, 0, (HashItem(b"f", 0, 1),)))


@pytest.mark.parametrize(
    "request_",
    [
        HashRequest(1, 0, ()),
        HashRequest(0, 0, (HashItem(b"f", 0, 1),)),
        HashRequest(1, 0, (HashItem(b"f", 1, 1),)),
        HashRequest(1, 0, (HashItem(b"f", 0, 0),)),
        HashRequest(1, 0, (HashItem(b"f", -BLOCK_BYTES, 1),)),
        HashRequest(1, 0, (HashItem(b"f", 1 << 62, (1 << 62) + 1),)),
        HashRequest(1, 0, (HashItem(b"f", 0, HASH_BLOCKS_MAX * BLOCK_BYTES + 1),)),
        HashRequest(1, 0, (HashItem(b"f", 0, HASH_BLOCKS_MAX * BLOCK_BYTES), HashItem(b"g", 0, 1))),
        HashRequest(1, 0, tuple(HashItem(b"f", 0, 1) for _ in range(sync_frames.HASH_ITEMS_MAX + 1))),
        HashRequest(1, 0, (HashItem(b"../f", 0, 1),)),
        HashRequest(1, 0, (HashItem(b"/f", 0, 1),)),
        HashRequest(1, -1, (HashItem(b"f", 0, 1),)),
        HashRequest(1, 0, (HashItem(b"f", 0, 1),), stage=5),
        HashRequest(1, 0, (HashItem(b"", 0, 1), HashItem(b"", 0, 1)), stage=5),
    ],
)
def test_a_request_that_breaks_the_rules_is_refused(request_):
    with pytest.raises(ArcxoError) as caught:
        decode_frame(encode_frame(request_))
    assert caught.value.code in {"ER00301", "E1010"}


@pytest.mark.parametrize(
    "answer",
    [
        BlockHashes(1, ()),
        BlockHashes(1, (HashedPart(5, b"short"),)),
        BlockHashes(1, (HashedPart(-2, b""),)),
        BlockHashes(1, (HashedPart(1 << 60, b"0" * 16 * (HASH_BLOCKS_MAX + 1)),)),
    ],
)
def test_an_answer_that_breaks_the_rules_is_refused(answer):
    with pytest.raises(ArcxoError, match="ER00301"):
        decode_frame(encode_frame(answer))


@pytest.mark.parametrize(
    "parts",
    [
        (HashedPart(10, b"0" * 32),),
        (HashedPart(NO_FILE, b"0" * 16),),
        (HashedPart(10, b""),),
        (HashedPart(10, b"0" * 16), HashedPart(10, b"0" * 16)),
    ],
)
def test_an_answer_to_another_question_is_refused(parts):
    asked = HashRequest(1, 0, (HashItem(b"f", 0, 1),))
    with pytest.raises(ArcxoError, match="ER00301"):
        sync_frames.check_answer(asked, BlockHashes(1, parts))
