"""What was lost comes back from what a replica answers, over nothing that stands there."""

import os
import stat

import pytest

from app.model.brake import BrakeChange, BrakeDecision
from app.model.entry import EntryKind, Metadata
from app.replication.frames import Fetched
from app.replication.master.bring_back import bring_back
from app.replication.master.compare import ComparedRoot
from app.replication.master.losses import Loss

OLD_NS = 1_500_000_000 * 10**9


class Site:
    """A root of the master, and what a replica has of it."""

    def __init__(self, directory):
        self.top = directory / "root"
        self.top.mkdir()
        self.root = ComparedRoot(0, os.fsencode(self.top))
        self.root.identify()
        self.has = {}
        self.inodes = iter(range(1000, 2000))

    def file(self, path, content=b"content", *, inode=None, change=BrakeChange.REMOVED):
        metadata = Metadata(EntryKind.FILE, 0o640, os.getuid(), os.getgid(), len(content), OLD_NS)
        self.has[path] = (metadata, content)
        return self._loss(path, EntryKind.FILE, len(content), 0o640, inode, change)

    def folder(self, path):
        metadata = Metadata(EntryKind.DIRECTORY, 0o750, os.getuid(), os.getgid(), 0, OLD_NS)
        self.has[path] = (metadata, b"")
        return self._loss(path, EntryKind.DIRECTORY, 0, 0o750, None, BrakeChange.REMOVED)

    def link(self, path, target):
        metadata = Metadata(EntryKind.SYMLINK, 0o777, os.getuid(), os.getgid(), 0, OLD_NS, (), target)
        self.has[path] = (metadata, b"")
        return self._loss(path, EntryKind.SYMLINK, 0, 0o777, None, BrakeChange.REMOVED)

    def _loss(self, path, kind, size, permissions, inode, change):
        inode = next(self.inodes) if inode is None else inode
        return Loss(0, path, change, kind, size, OLD_NS, BrakeDecision.UNDECIDED, permissions, inode)

    def fetch(self, root, path):
        metadata, content = self.has.get(path, (None, b""))
        yield Fetched(root, path, metadata, content, True)

    def bring(self, *losses):
        return bring_back([self.root], list(losses), self.fetch)


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def aside(site, name):
    (found,) = [
        entry for entry in os.listdir(os.fsencode(site.top)) if entry.startswith(name + b".rejected-")
    ]
    return site.top / os.fsdecode(found)


@pytest.mark.parametrize("stands", ["file", "link"])
def test_a_folder_comes_back_where_something_else_has_its_name(site, stands):
    losses = [site.folder(b"d"), site.file(b"d/a"), site.folder(b"d/e"), site.file(b"d/e/b", b"b")]
    if stands == "file":
        (site.top / "d").write_bytes(b"newer")
    else:
        (site.top / "d").symlink_to("/etc")
    result = site.bring(*losses)
    assert (len(result.done), result.restored, result.kept_aside, result.problems) == (4, 4, 1, [])
    assert (site.top / "d/a").read_bytes() == b"content"
    assert (site.top / "d/e/b").read_bytes() == b"b"
    assert (site.top / "d").stat().st_mtime_ns == OLD_NS
    kept = aside(site, b"d")
    assert os.readlink(kept) == "/etc" if stands == "link" else kept.read_bytes() == b"newer"


def test_a_link_comes_back_where_a_file_has_its_name_and_a_new_link_stays(site):
    losses = [site.link(b"one", b"old"), site.link(b"two", b"old")]
    (site.top / "one").write_bytes(b"newer")
    (site.top / "two").symlink_to("new")
    result = site.bring(*losses)
    assert (len(result.done), result.restored, result.kept_aside) == (2, 1, 1)
    assert (os.readlink(site.top / "one"), os.readlink(site.top / "two")) == ("old", "new")
    assert aside(site, b"one").read_bytes() == b"newer"


def test_what_is_in_a_folder_that_is_none_any_more_says_so(site):
    site.folder(b"d")
    lost = site.file(b"d/a")
    (site.top / "d").write_bytes(b"newer")
    result = site.bring(lost)
    assert (result.done, result.kept_aside) == ([], 0)
    (problem,) = result.problems
    assert "folder above it" in problem.params["cause"]


@pytest.mark.parametrize("name", [b"n" * 255, b"\xc3\xbc" * 127, b"\xff" * 255])
def test_a_name_that_leaves_no_room_for_more_is_cut_where_its_file_is_kept(site, name):
    lost = site.file(name, change=BrakeChange.REWRITTEN)
    place = os.fsencode(site.top) + b"/" + name
    for content in (b"newer", b"newest"):
        with open(place, "wb") as file:
            file.write(content)
        result = site.bring(lost)
        assert (result.restored, result.kept_aside, result.problems) == (1, 1, [])
    kept = sorted(entry for entry in os.listdir(os.fsencode(site.top)) if entry != name)
    assert len(kept) == 2
    assert all(b".rejected-" in entry and len(entry) <= 255 for entry in kept)
    assert name[0] == 0xFF or all(entry.decode() for entry in kept)


def test_names_of_one_file_share_one_again(site):
    losses = [
        site.folder(b"d"),
        site.file(b"d/a", b"shared", inode=7),
        site.file(b"d/b", b"shared", inode=7),
        site.file(b"z", b"shared", inode=7),
        site.file(b"other", b"shared"),
    ]
    result = site.bring(*losses)
    assert (len(result.done), result.restored, result.problems) == (5, 5, [])
    inodes = [(site.top / path).stat().st_ino for path in ("d/a", "d/b", "z", "other")]
    assert len(set(inodes[:3])) == 1
    assert inodes[3] != inodes[0]
    assert stat.S_IMODE((site.top / "z").stat().st_mode) == 0o640


def test_names_whose_contents_differ_share_nothing(site):
    site.bring(site.file(b"a", b"one", inode=7), site.file(b"b", b"two", inode=7))
    assert ((site.top / "a").read_bytes(), (site.top / "b").read_bytes()) == (b"one", b"two")


class StreamEndedError(Exception):
    """What ends it all in the midst, as a stream that breaks does."""


def test_folders_that_came_back_before_the_stream_ended_are_what_they_were(site):
    losses = [site.folder(b"a"), site.folder(b"a/b"), site.file(b"a/b/f"), site.file(b"a/b/g")]

    def fetch(root, path):
        if path == b"a/b/g":
            raise StreamEndedError
        return site.fetch(root, path)

    with pytest.raises(StreamEndedError):
        bring_back([site.root], losses, fetch)
    for folder in ("a", "a/b"):
        status = (site.top / folder).stat()
        assert stat.S_IMODE(status.st_mode) == 0o750
        assert status.st_mtime_ns == OLD_NS
    assert (site.top / "a/b/f").read_bytes() == b"content"


def test_a_folder_has_its_rights_before_anything_is_in_it(site):
    # Who kills the engine here must not leave a folder that only the engine may enter: the next
    # decision would take it for a newer one, and the replicas would follow.
    losses = [site.folder(b"a"), site.file(b"a/f")]
    seen = []

    def fetch(root, path):
        if path == b"a/f":
            seen.append(stat.S_IMODE((site.top / "a").stat().st_mode))
        return site.fetch(root, path)

    bring_back([site.root], losses, fetch)
    assert seen == [0o750]


def test_what_took_the_place_of_a_folder_meanwhile_is_left_as_it_is(site):
    losses = [site.folder(b"a"), site.file(b"a/f"), site.file(b"z")]

    def fetch(root, path):
        if path == b"z":
            (site.top / "a").rename(site.top / "elsewhere")
            (site.top / "a").write_text("another one's")
            (site.top / "a").chmod(0o604)
        return site.fetch(root, path)

    bring_back([site.root], losses, fetch)
    assert stat.S_IMODE((site.top / "a").stat().st_mode) == 0o604
    assert (site.top / "a").read_text() == "another one's"
