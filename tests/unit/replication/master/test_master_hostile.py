"""A replica that answers what it must not: refused with a code, and nothing of the master changes."""

import functools
import os
import stat
from datetime import UTC, datetime

import msgpack
import pytest

from app.messages import render
from app.model.brake import BrakeChange, BrakeDecision
from app.model.entry import EntryKind, Metadata
from app.model.errors import ArcxoError
from app.model.scenario import ReplicaState, ScenarioState
from app.replication.frames import (
    Batch,
    BatchKind,
    Committed,
    Fault,
    Fetched,
    Hello,
    Note,
    Pong,
    Refused,
    Trouble,
    Welcome,
)
from app.replication.master import incoming_listing
from app.replication.master.bring_back import bring_back
from app.replication.master.compare import ComparedRoot
from app.replication.master.losses import Loss
from app.replication.master.rates import Rates
from app.replication.sync_frames import BlockHashes, ListedEntry, Listing, ListingEnd
from tests.support.replication_pair import until
from tests.support.tampered_pair import TamperedPair
from tests.support.trees import picture

DIRECTORY = Metadata(EntryKind.DIRECTORY, 0o755, 0, 0, 0, 0)
FILE = Metadata(EntryKind.FILE, 0o644, 0, 0, 3, 0)


def listed(path):
    return ListedEntry(path, EntryKind.DIRECTORY, 0o755, 0, 0, 0, 0, b"", b"", 0, 0, 1, 1)


@pytest.fixture
def replication(tmp_path):
    made = TamperedPair(tmp_path)
    for number in range(20):
        (made.master / f"f{number}").write_bytes(b"precious")
    yield made
    made.connector.alter = None
    made.close()


def state_of(replication):
    """All that a replica must not be able to change."""
    spool = replication.engine._runs._running[replication.id]._parts.spool
    return picture(replication.master), picture(replication.base / "outside"), spool.first_seq()


def raw(*fields):
    return msgpack.packb(list(fields), use_bin_type=True)


HOSTILE = {
    "more records than were sent": Committed(BatchKind.STREAM, 1 << 40, 1),
    "more batches than were sent": Committed(BatchKind.SYNC, 1 << 40, 1),
    "a second greeting": Welcome("x", "e", 1 << 40, 1),
    "a listing nobody asked for": Listing(0, (listed(b""),)),
    "an end nobody asked for": ListingEnd(3),
    "hashes nobody asked for": BlockHashes(77, ()),
    "an entry nobody asked for": Fetched(0, b"f1", FILE, b"bad", True),
    "trouble in another root": Trouble(99, b"f1", "ER00402"),
    "trouble outside": Trouble(0, b"../outside/f", "ER00402"),
    "trouble at an absolute path": Trouble(0, b"/etc/passwd", "ER00402"),
    "a master's frame": Batch(BatchKind.STREAM, "e", 1, ()),
    "a master's greeting": Hello(1, b"<x/>", "localhost", "e", 1, 0),
    "no message": b"\xff\x00garbage",
    "an empty frame": b"",
    "a negative sequence": raw(8, 0, -1, 0),
    "a huge sequence": raw(8, 0, (1 << 64) - 1, 0),
    "an unknown kind": raw(99, 1),
    "a text that is no UTF-8": b"\x93\x0b\xa2\xff\xfe\xa1x",
    "nesting without an end": b"\x91" * 5_000,
    "many empty arrays": b"\x92\x08\xdd" + (100_000).to_bytes(4, "big") + b"\x90" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_answer_that_cannot_be_one_ends_the_stream_and_changes_nothing(replication, name):
    (replication.base / "outside").mkdir()
    (replication.base / "outside/f").write_bytes(b"precious")
    replication.run()
    replication.assert_equal()
    replication.engine.suspend(replication.id)
    (replication.master / "f1").write_bytes(b"waits for the replica")
    status = replication.engine.status
    until(lambda: status(replication.id).replicas[0].waiting_operations >= 1)
    before = state_of(replication)
    injected = []

    def alter(frame):
        if isinstance(frame, Committed) and not injected:
            injected.append(frame)
            return [HOSTILE[name]]
        return [frame]

    replication.connector.alter = alter
    replication.engine.resume(replication.id)
    until(
        lambda: (
            injected and any(event.code == "ER00204" for event in replication.events.newer_than(0, 10_000))
        )
    )
    (event,) = [event for event in replication.events.newer_than(0, 10_000) if event.code == "ER00204"]
    assert event.params["error"] in ("ER00301", "E1010")
    assert state_of(replication) == before
    # It connects again, and nothing was lost by it.
    replication.connector.alter = None
    replication.assert_equal()


def test_what_a_replica_says_of_itself_is_shown_and_no_more(replication):
    """Codes, texts and states may be anything: they are shown."""
    replication.run()
    replication.assert_equal()
    strange = [
        Trouble(0, b"f1", "XX99999", {"\0": "{path.__class__}"}, True),
        Trouble(0, b"not/there", "", {}, False),
        Note(ReplicaState.BRAKED, "{0.__class__}" * 100),
        Pong(1 << 40),
    ]
    waiting = list(strange)

    def alter(frame):
        taken, waiting[:] = list(waiting), []
        return [*taken, frame]

    replication.connector.alter = alter
    (replication.master / "f1").write_bytes(b"new")
    until(lambda: not waiting)
    replication.connector.alter = None
    replication.assert_equal()
    shown = replication.engine.status(replication.id)
    assert [problem.path for problem in shown.problems] == [os.fsencode(replication.master / "f1")]
    assert "XX99999" not in render("WR00231", shown.problems[0].params).code


@pytest.mark.parametrize(
    "frame", [Refused("XX1", {"a": "b"}), Fault("", {}), Fault("ER00408", {"path": "x" * 4_000})]
)
def test_a_refusal_of_any_kind_is_a_problem_until_it_is_over(replication, frame):
    replication.run()
    replication.assert_equal()
    replication.connector.alter = lambda answer: [frame] if isinstance(answer, Committed) else [answer]
    (replication.master / "f1").write_bytes(b"new")
    until(lambda: replication.engine.status(replication.id).replicas[0].state is ReplicaState.PROBLEM)
    replication.connector.alter = None
    replication.assert_equal()


def listing_of(*paths):
    return Listing(0, tuple(listed(path) for path in paths))


@pytest.mark.parametrize(
    "parts",
    [
        [listing_of(b"", b"b", b"a")],
        [listing_of(b"", b"a"), listing_of(b"a")],
        [listing_of(b"", b"a"), listing_of(b"")],
        [Listing(0, ())],
        [listing_of(b"", b"../x")],
        [listing_of(b"", b"/x")],
        [listing_of(b"", b"a/./b")],
        [ListingEnd(0), listing_of(b"")],
    ],
)
def test_a_listing_out_of_order_or_place_ends_the_synchronisation(replication, parts):
    (replication.base / "outside").mkdir()
    (replication.replica / "extra").write_bytes(b"must not be removed by a lie")
    replication.connector.alter = lambda frame: parts if isinstance(frame, Listing) else [frame]
    replication.create()
    replication.engine.run(replication.id)
    before = picture(replication.master)
    until(lambda: "ER00204" in replication.codes())
    assert picture(replication.master) == before
    replication.connector.alter = None
    replication.wait()
    replication.assert_equal()


def test_a_listing_without_an_end_is_cut_off(replication, monkeypatch):
    monkeypatch.setattr(incoming_listing, "LISTING_MOST_BYTES", 1 << 18)
    endless = (listing_of(*(b"%08d" % (number * 100 + i) for i in range(100))) for number in range(1 << 30))
    replication.connector.alter = lambda frame: (
        [next(endless) for _ in range(300)] if isinstance(frame, Listing) else [frame]
    )
    replication.create()
    replication.engine.run(replication.id)
    until(lambda: "ER00204" in replication.codes())
    replication.connector.alter = None
    replication.wait()
    replication.assert_equal()


# bringing back


DISK = Metadata(EntryKind.BLOCK_DEVICE, 0o666, 0, 0, 0, 0, (), b"", 0x801)


def link(target):
    return Metadata(EntryKind.SYMLINK, 0o777, 0, 0, 0, 0, (), target)


class Answering:
    """Fetches from a table of (path: parts)."""

    def __init__(self, entries):
        self.entries = entries

    def __call__(self, root, path):
        for metadata, data, last in self.entries.get(path, [(None, b"", True)]):
            yield Fetched(root, path, metadata, data, last)


def lost(path, kind=EntryKind.FILE, size=3, permissions=0o640):
    at = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1e9)
    return Loss(0, path, BrakeChange.REMOVED, kind, size, at, BrakeDecision.UNDECIDED, permissions, 0)


@pytest.fixture
def master(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/f").write_bytes(b"precious")
    root = ComparedRoot(0, os.fsencode(tmp_path / "root"))
    root.identify()
    return root


def brought(root, entries, *losses):
    return bring_back([root], list(losses), Answering(entries))


def test_what_was_lost_comes_back_with_the_rights_it_had(master, tmp_path):
    entries = {
        b"d": [(DIRECTORY, b"", True)],
        b"d/f": [(Metadata(EntryKind.FILE, 0o6777, 0, 0, 3, 5), b"ab", False),
                 (Metadata(EntryKind.FILE, 0o6777, 0, 0, 3, 5), b"c", True)],
        b"l": [(Metadata(EntryKind.SYMLINK, 0o777, 0, 0, 0, 0, (), b"d/f"), b"", True)],
    }  # fmt: skip
    result = brought(
        master,
        entries,
        lost(b"d", EntryKind.DIRECTORY, 0, 0o750),
        lost(b"d/f"),
        lost(b"l", EntryKind.SYMLINK, 0),
    )
    assert (result.restored, result.problems) == (3, [])
    assert (tmp_path / "root/d/f").read_bytes() == b"abc"
    assert stat.S_IMODE((tmp_path / "root/d/f").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "root/d").stat().st_mode) == 0o750


@pytest.mark.parametrize(
    ("loss", "parts"),
    [
        (lost(b"f"), [(link(b"/etc"), b"", True)]),
        (lost(b"f"), [(DIRECTORY, b"", True)]),
        (lost(b"f"), [(Metadata(EntryKind.FILE, 0o644, 0, 0, 1 << 62, 0), b"x" * 1000, True)]),
        (lost(b"f"), [(FILE, b"a", True)]),
        (lost(b"d", EntryKind.DIRECTORY, 0), [(link(b"../outside"), b"", True)]),
        (lost(b"p", EntryKind.FIFO, 0), [(DISK, b"", True)]),
        (lost(b"new/f"), [(FILE, b"abc", True)]),
    ],
)  # fmt: skip
def test_something_else_than_was_lost_is_not_brought_back(master, loss, parts, tmp_path):
    result = brought(master, {loss.path: parts}, loss)
    assert (result.restored, result.done) == (0, [])
    (problem,) = result.problems
    assert problem.code == "WR00265"
    assert os.listdir(tmp_path / "root") == []


def test_nothing_is_written_through_links(master, tmp_path):
    """Neither through one that stood there, nor through one that the replica had brought back before."""
    (tmp_path / "root/away").symlink_to("../outside")
    entries = {
        b"away": [(DIRECTORY, b"", True)],
        b"away/deep": [(DIRECTORY, b"", True)],
        b"away/deep/f": [(FILE, b"bad", True)],
        b"away/f": [(FILE, b"bad", True)],
        b"sly": [(link(b"../outside"), b"", True)],
        b"sly/f": [(FILE, b"bad", True)],
    }
    before = picture(tmp_path / "outside")
    result = brought(
        master,
        entries,
        lost(b"away/deep", EntryKind.DIRECTORY, 0),
        lost(b"away/deep/f"),
        lost(b"away/f"),
        lost(b"sly", EntryKind.SYMLINK, 0),
        lost(b"sly/f"),
    )
    assert picture(tmp_path / "outside") == before
    assert result.restored == 1
    assert len(result.problems) == 4


def test_a_replaced_root_gets_nothing(master, tmp_path):
    os.rename(tmp_path / "root", tmp_path / "was")
    (tmp_path / "root").symlink_to("outside")
    before = picture(tmp_path / "outside")
    result = brought(master, {b"f": [(FILE, b"bad", True)]}, lost(b"f"))
    assert len(result.problems) == 1
    assert picture(tmp_path / "outside") == before


@pytest.fixture
def flood(replication, monkeypatch):
    """Files that are gone all at once, more than the brake allows."""
    monkeypatch.setattr("app.replication.master.brake.Rates", functools.partial(Rates, least=100))
    (replication.master / "many").mkdir()
    for number in range(120):
        (replication.master / f"many/f{number}").write_bytes(b"abc")
    replication.run(brake_percent=20)
    replication.assert_equal()
    for number in range(120):
        (replication.master / f"many/f{number}").unlink()
    replication.wait(ScenarioState.PROBLEM)
    review = functools.partial(replication.engine.brake_review, replication.id)
    until(lambda: review().counts.get("removed_files") == 120, what="all of it to be held")


@pytest.mark.parametrize(
    "answer",
    [
        Fetched(0, b"../outside/f", FILE, b"bad", True),
        Fetched(1, b"many/f0", FILE, b"bad", True),
        Fetched(0, b"many/f0", FILE, b"more than was promised", True),
        Fetched(0, b"many/f0", FILE, b"", False),
        Fetched(0, b"many/f0", None, b"bad", True),
    ],
)
def test_a_hostile_fetch_ends_the_rejecting_and_the_brake_goes_on_holding(replication, flood, answer):
    before = picture(replication.master)
    replication.connector.alter = lambda frame: [
        answer if isinstance(frame, Fetched) and frame.path == b"many/f0" else frame
    ]
    with pytest.raises(ArcxoError):
        replication.engine.brake_reject(replication.id, os.fsencode(replication.master) + b"/many/f0")
    assert picture(replication.master) == before
    assert replication.engine.brake_review(replication.id).braked
    assert len(os.listdir(replication.replica / "many")) == 120
