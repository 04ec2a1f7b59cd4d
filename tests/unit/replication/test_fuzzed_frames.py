"""Real frames, damaged by chance: refused with a code or carried out; never anything else, never outside.

`ARCXO_FUZZ=N` tries N times as much; `ARCXO_FUZZ_SEED` begins elsewhere.
"""

from __future__ import annotations

import os
import queue
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.errors import ArcxoError
from app.replication.codec import decode
from app.replication.frame_codec import decode_frame, encode_frame
from app.replication.frames import Batch, Hello
from app.replication.master import connection
from tests.support.frame_fuzzer import Fuzzer
from tests.support.replica_link import pair
from tests.support.replication_pair import until
from tests.support.tampered_pair import TamperedPair
from tests.support.trees import fill, picture

TIMES = int(os.environ.get("ARCXO_FUZZ", "1"))
SEED = int(os.environ.get("ARCXO_FUZZ_SEED", "1"))


def change(root: Path) -> None:
    """Something of every kind of record."""
    (root / "plain/one.txt").write_text("changed through one of two names\n")
    (root / "large").write_bytes(os.urandom(3_000_000))
    os.chmod(root / "empty", 0o750)
    (root / "new/deep").mkdir(parents=True)
    (root / "new/deep/f").write_bytes(b"f")
    os.link(root / "new/deep/f", root / "new/second")
    os.symlink("deep", root / "new/link")
    os.rename(root / "plain", root / "renamed")
    shutil.rmtree(root / "new/deep")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[bytes], list[bytes]]:
    """(what the master sent, what the replica answered), small frames only."""
    replication = TamperedPair(tmp_path_factory.mktemp("recorded"))
    try:
        fill(replication.master)
        replication.run()
        change(replication.master)
        replication.settle()
        with (replication.master / "large").open("r+b") as file:
            file.write(b"blocks")
        replication.assert_equal()
    finally:
        replication.close()
    connector = replication.connector
    return [f for f in connector.sent if len(f) < 200_000], [
        f for f in connector.received if len(f) < 200_000
    ]


def test_decoding_ends_in_a_value_or_a_code(recorded: tuple[list[bytes], list[bytes]]) -> None:
    frames = [frame for frame in (*recorded[0], *recorded[1]) if len(frame) < 20_000]
    values = 0
    codes = set()
    for seed in range(SEED, SEED + 8_000 * TIMES):
        fuzzer = Fuzzer(seed)
        damaged = fuzzer.damaged(fuzzer.choice(frames))
        try:
            frame = decode_frame(damaged)
            for record in frame.records if isinstance(frame, Batch) else ():
                decode(record)
            values += 1
        except ArcxoError as error:
            codes.add(error.code)
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
    assert values
    assert codes == {"ER00301", "E1010"}


class Engine:
    """Plays a master to the replica engine of a pair."""

    def __init__(self, replication: TamperedPair, hello: bytes) -> None:
        self.replication = replication
        self.hello = hello

    def play(self, frames: list[bytes]) -> None:
        """Greet, send the frames, and wait until they are answered or the stream has ended."""
        ours, theirs = pair()
        thread = threading.Thread(target=self.replication.replica_engine.serve, args=(theirs,))
        thread.start()
        try:
            ours.send(self.hello)
            for frame in frames:
                ours.send(frame)
            ours.tell(_PING)
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                try:
                    ours.receive(0.05)
                except (ArcxoError, queue.Empty):
                    break
                if theirs._incoming.empty():
                    break
        finally:
            ours.close()
            thread.join(60)
            assert not thread.is_alive(), "it hangs"


_PING = decode_frame(b"\x92\x0c\x05")


@pytest.fixture
def raised(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    found: list[object] = []
    monkeypatch.setattr(threading, "excepthook", found.append)
    yield found
    assert found == []


def outside(base: Path) -> dict[bytes, object]:
    return dict(picture(base / "outside"))


@pytest.mark.slow
def test_a_replica_survives_damaged_frames(
    recorded: tuple[list[bytes], list[bytes]], tmp_path: Path, raised: list[object]
) -> None:
    replication = TamperedPair(tmp_path)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/f").write_bytes(b"precious")
    os.symlink(tmp_path / "outside", replication.master / "away")
    fill(replication.master)
    try:
        replication.run()
        replication.assert_equal()
        before = outside(tmp_path)
        hello = next(f for f in replication.connector.sent if isinstance(decode_frame(f), Hello))
        replication.engine.stop(replication.id)
        engine = Engine(replication, hello)
        frames = [frame for frame in recorded[0] if not isinstance(decode_frame(frame), Hello)]
        for seed in range(SEED, SEED + 100 * TIMES):
            fuzzer = Fuzzer(seed)
            played = [
                fuzzer.damaged(frame) if fuzzer.chance(0.3) else frame
                for frame in rebased(replication, frames)
            ]
            engine.play(played)
            assert raised == [], f"seed {seed}"
            assert outside(tmp_path) == before, f"seed {seed}"
        # And it is still a replica: an honest master makes it equal.
        replication.engine.run(replication.id)
        replication.wait()
        replication.assert_equal()
    finally:
        replication.close()


def rebased(replication: TamperedPair, frames: list[bytes]) -> list[bytes]:
    """The frames as batches of the stream that the replica would take next."""
    with replication.replica_engine._replicas[replication.id].lock:
        store = replication.replica_engine._replicas[replication.id].opened()[1]
        position = store.index.position
    found = []
    following = position.sequence + 1
    for data in frames:
        frame = decode_frame(data)
        if isinstance(frame, Batch):
            epoch = position.epoch or frame.epoch
            found.append(encode_frame(Batch(frame.kind, epoch, following, frame.records)))
            following += len(frame.records) * (frame.kind == 0)
        else:
            found.append(data)
    return found


@pytest.mark.slow
def test_a_master_survives_damaged_answers(
    tmp_path: Path, raised: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BACK_OFF_MOST_S", 0.02)
    monkeypatch.setattr(connection, "BACK_OFF_FIRST_S", 0.02)
    replication = TamperedPair(tmp_path)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/f").write_bytes(b"precious")
    fill(replication.master)
    try:
        replication.run()
        replication.assert_equal()
        fuzzer = Fuzzer(SEED)
        damaged = []
        written: dict[str, bytes] = {}

        def alter(frame: object) -> list[bytes]:
            data = encode_frame(frame)  # type: ignore[arg-type]
            if fuzzer.chance(0.3):
                data = fuzzer.damaged(data)
                damaged.append(data)
            return [data]

        before = outside(tmp_path)
        replication.connector.alter = alter
        number = 0
        deadline = time.monotonic() + 15 * TIMES
        while len(damaged) < 60 * TIMES and time.monotonic() < deadline:
            number += 1
            name = f"churn{number % 50}"
            written[name] = os.urandom(100)
            (replication.master / name).write_bytes(written[name])
            replication.connector.cut() if number % 20 == 0 else None
            time.sleep(0.02)
            assert raised == [], damaged[-3:]
        assert damaged
        replication.connector.alter = None
        until(lambda: outside(tmp_path) == before)
        replication.wait(timeout_s=60)
        replication.assert_equal()
        assert {name: (replication.master / name).read_bytes() for name in written} == written
    finally:
        replication.connector.alter = None
        replication.close()
