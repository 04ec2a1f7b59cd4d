"""What a worker of another host may do with media of this one."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.agent.far_media import LineMedia, MediaAnswer, MediaLine, MediaRequest, ReadAhead
from app.agent.media_gate import MediaGate
from app.backup.api import RestoreTask, archive, restore
from app.media import far
from app.media.api import SessionHeader, format_media, introduce, read_label, sessions
from app.media.store import DirectoryMediaStore
from app.model.errors import ArcxoError
from app.model.job import Conflict, Structure
from tests.support.media_samples import archive_task, new_media
from tests.support.trees import fill


class Bench:
    """A gate to a media with one session of this host, and a worker's line to it without any network."""

    def __init__(self, base: Path) -> None:
        self.media = new_media(base)
        (base / "own").mkdir()
        fill(base / "own")
        archive(archive_task(self.media, base / "own"), lambda _: None, lambda: False, {})
        self.headers: list[SessionHeader] = []
        self.gate = MediaGate(self.media, (), self.headers.append)
        self.requests: list[MediaRequest] = []
        self.line = MediaLine(self._ask)
        self.far = LineMedia(self.line, f"far:{self.media}")
        self._numbers = itertools.count(1)

    def _ask(self, request: MediaRequest) -> None:
        self.requests.append(request)
        self.line.answered(self.gate.answer(request))

    def do(self, operation: str, **fields: object) -> MediaAnswer:
        request = MediaRequest(next(self._numbers), "m", operation, **fields)  # type: ignore[arg-type]  # by name
        return self.gate.answer(request)

    def refused(self, operation: str, **fields: object) -> bool:
        error = self.do(operation, **fields).error
        return error is not None and error.code == "E4158"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.gate.close()
    far._lent.clear()


HOSTILE = [
    "",
    "/etc/passwd",
    "../home.json",
    "packs/../label",
    "packs/..",
    "packs/a/b",
    "packs/a\0b",
    "keys/0.1",
    "tmp/x",
    "home.json",
    "packs/" + "a" * 5000,
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("operation", ["read", "size", "modified", "names", "delete", "synchronize"])
def test_names_of_nothing_of_the_media_are_refused(bench: Bench, operation: str, name: str) -> None:
    assert bench.refused(operation, name=name, length=10) or (operation, name) in {
        ("size", "tmp/x"),
        ("modified", "tmp/x"),
    }


@pytest.mark.parametrize(
    "name", [*HOSTILE, "label", "reserve", "fossils/x", "sessions/000001.refs.2", "packs/short"]
)
def test_only_new_objects_of_a_backup_are_added(bench: Bench, name: str) -> None:
    assert bench.do("write", upload=1, data=b"content").error is None
    assert bench.refused("commit", upload=1, name=name)
    assert list((Path(bench.media) / "tmp").iterdir()) == []


def test_packs_of_others_are_not_read_and_nothing_of_them_is_removed_or_replaced(bench: Bench) -> None:
    before = {path: path.read_bytes() for path in Path(bench.media).rglob("*") if path.is_file()}
    for path in (Path(bench.media) / "packs").iterdir():
        assert bench.refused("read", name=f"packs/{path.name}", length=10)
        assert bench.refused("delete", name=f"packs/{path.name}")
        bench.do("write", upload=1, data=b"other")
        assert bench.do("commit", upload=1, name=f"packs/{path.name}").value == 0
    assert bench.refused("delete", name="sessions/000001")
    assert bench.refused("delete", name="label")
    assert {path: path.read_bytes() for path in Path(bench.media).rglob("*") if path.is_file()} == before


def test_other_writers_are_neither_judged_nor_removed(bench: Bench) -> None:
    store = DirectoryMediaStore(bench.media)
    other = "ab" * 16
    store.put_if_absent(f"intents/{other}", b"{}")
    bench.do("write", upload=1, data=b"dead")
    assert bench.do("commit", upload=1, name=f"intents/{other}.end").value == 0
    assert bench.do("delete", name=f"intents/{other}").error is None
    assert [name for name, _ in store.names("intents")] == [other]


def test_a_gate_that_only_reads_takes_nothing(bench: Bench) -> None:
    gate = MediaGate(bench.media, (1,), None)
    answer = gate.answer(MediaRequest(1, "m", "write", upload=1, data=b"x"))
    assert answer.error is not None
    pack = next((Path(bench.media) / "packs").iterdir()).name
    assert gate.answer(MediaRequest(2, "m", "read", f"packs/{pack}", length=4)).error is None


def test_uploads_are_bounded_and_unfinished_ones_go_away(bench: Bench) -> None:
    answers = [bench.do("write", upload=number, data=b"x") for number in range(1, 30)]
    assert sum(answer.error is not None for answer in answers) == 13
    bench.gate.close()
    assert list((Path(bench.media) / "tmp").iterdir()) == []
    assert bench.refused("commit", upload=1, name="packs/" + "ab" * 16)
    assert bench.refused("format")


def test_a_backup_through_the_gate_is_a_session_like_any_other(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "own/only here").write_bytes(b"new" * 100_000)
    location = f"far:{bench.media}"
    far.lend(location, bench.far)
    archive(archive_task(location, tmp_path / "own"), lambda _: None, lambda: False, {})
    assert [header.number for header in sessions(bench.media)] == [1, 2]
    assert [header.number for header in bench.headers] == [2]
    written = sum(len(request.data) for request in bench.requests)
    assert written < 100_000, "what the media has already crossed the line again"
    assert not list((Path(bench.media) / "intents").iterdir())


def test_what_another_media_of_the_set_has_is_neither_sent_again_nor_missed(
    bench: Bench, tmp_path: Path
) -> None:
    first = read_label(bench.media)
    made = format_media(os.path.dirname(bench.media), first.name, set_id=first.set_id, sequence=2)
    introduce(made.path, [bench.media])
    bench.gate.close()
    bench.gate = MediaGate(made.path, (), bench.headers.append)
    location = f"far:{made.path}"
    far.lend(location, LineMedia(bench.line, location))
    archive(archive_task(location, tmp_path / "own"), lambda _: None, lambda: False, {})
    (header,) = sessions(made.path)
    assert header.number == 2, "numbers go on over the media of a set"
    assert sum(len(request.data) for request in bench.requests) < 100_000
    bench.gate = MediaGate(made.path, (2,), None)
    far.lend(location, LineMedia(bench.line, location))
    task = RestoreTask(
        location, 2, (), ((b"/", bytes(tmp_path / "out")),), Conflict.OVERWRITE, Structure.NONE, True
    )
    result = restore(task, lambda _: None, lambda: False)
    assert (result.mismatches, result.problems) == (0, 0)
    assert result.files > 0


def test_the_index_is_asked_for_ahead_of_its_reader_and_read_once(tmp_path: Path) -> None:
    objects = {f"index/{number:032x}": b"%d" % number * 10 for number in range(100)}
    asked: list[str] = []
    waiting: list[MediaRequest] = []
    line = MediaLine(waiting.append)

    def answer_all() -> None:
        while waiting:
            request = waiting.pop(0)
            asked.append(request.name)
            data = objects.get(request.name, b"")
            listed = tuple((name.partition("/")[2], 1) for name in objects) if request.name == "packs" else ()
            line.answered(MediaAnswer(request.number, len(data), data, listed))

    ahead = ReadAhead(line, "far:m")
    ahead.expect(list(objects))
    futures = []
    for name in objects:
        futures.append(ahead.first_part(name))
        assert len(waiting) <= 24 + 8
        if len(futures) % 7 == 0:
            answer_all()
    answer_all()
    assert [future.result(0).data for future in futures] == list(objects.values())
    assert sorted(asked) == sorted(objects)
    again = ahead.first_part("index/" + "0" * 32)
    answer_all()
    assert again.result(0).data == objects["index/" + "0" * 32]


def test_a_session_that_was_not_ordered_does_not_come_to_be(bench: Bench, tmp_path: Path) -> None:
    def refuse(header: SessionHeader) -> None:
        raise ArcxoError("E4158", media="m", object=header.machine)

    bench.gate = MediaGate(bench.media, (), refuse)
    source = tmp_path / "source"
    source.mkdir()
    far.lend("far:other", LineMedia(bench.line, "far:other"))
    with pytest.raises(ArcxoError, match="E4158"):
        archive(archive_task("far:other", source), lambda _: None, lambda: False, {})
    assert [header.number for header in sessions(bench.media)] == [1]


def test_a_lost_line_is_an_error_for_all_who_wait_and_all_who_ask(bench: Bench) -> None:
    line = MediaLine(lambda _: None)
    waiting = line.start("far:m", "size", name="label")
    line.end()
    with pytest.raises(ArcxoError, match="E4157"):
        waiting.result(1)
    with pytest.raises(ArcxoError, match="E4157"):
        line.ask("far:m", "size", name="label")
