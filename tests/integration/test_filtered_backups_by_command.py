"""Filters of backups on real engines: lists of changes, directories of other hosts, restores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.agent.run import spawn_agent, stop_agent
from tests.support.arcxo_command import Arcxo

pytestmark = pytest.mark.deep
LEFT_OUT = ("--exclude", "*.tmp", "--node-exclude", "Files=cache/")


class Site:
    """A scenario `Files` here, and the host `branch`."""

    def __init__(self, base: Path) -> None:
        self.arcxo, self.branch = Arcxo(base / "central"), Arcxo(base / "branch")
        self.master = base / "master"
        for name in ("a.txt", "b.tmp", "cache/c.txt", "d/e.tmp", "d/f.txt"):
            self.write(name)
        self.arcxo.text("init", "--password-stdin", given="caroot-secret\n")
        self.branch.text("agent", "init", "--password-stdin", given="of branch\n")
        address = spawn_agent(str(self.branch.home)).address
        arguments = ("--user", "caroot", "--accept-fingerprint", "--password-stdin")
        self.arcxo.text("host", "add", "branch", address, *arguments, given="of branch\n")
        self.arcxo.start()
        root = f"{self.master}={base / 'replica'}"
        self.arcxo.text("scenario", "create", "Files", "--root", root)
        self.arcxo.text("scenario", "run", "Files")
        self.in_sync()

    def write(self, name: str) -> None:
        path = self.master / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")

    def in_sync(self) -> None:
        self.arcxo.wait("Files", "in-sync")

    def back_up(self, *arguments: str) -> dict[str, object]:
        """The session that a backup wrote."""
        self.arcxo.text("backup", "--wait", *arguments)
        sessions: list[dict[str, object]] = self.arcxo.json("session", "list")
        return max(sessions, key=lambda one: int(str(one["number"])))

    def files(self, session: dict[str, object], target: Path) -> set[str]:
        """What comes back of a session."""
        number = (str(session["media_name"]), str(session["number"]))
        self.arcxo.text("restore", "session", *number, "--to", str(target), "--wait")
        return {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}

    def log(self) -> str:
        return self.arcxo.text("log")

    def close(self) -> None:
        self.arcxo.stop()
        stop_agent(str(self.branch.home))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "site")
    yield made
    made.close()


def test_a_scenarios_filter_holds_with_lists_of_changes_and_when_it_changes(
    site: Site, tmp_path: Path
) -> None:
    first = site.back_up("--scenario", "Files", *LEFT_OUT)
    assert site.files(first, tmp_path / "one") == {"a.txt", "d/f.txt"}
    for name in ("g.txt", "h.tmp", "cache/i.txt"):
        site.write(name)
    (site.master / "d" / "f.txt").rename(site.master / "f.tmp")
    site.in_sync()
    second = site.back_up("--scenario", "Files", *LEFT_OUT, "--verify", "compare")
    assert site.files(second, tmp_path / "two") == {"a.txt", "g.txt"}
    assert "the filter is another one" not in site.log()
    site.write("only.txt")
    site.in_sync()
    third = site.back_up("--scenario", "Files", "--exclude", "cache/", "--verify", "compare")
    assert "the filter is another one" in site.log()
    everything = {"a.txt", "b.tmp", "d/e.tmp", "f.tmp", "g.txt", "h.tmp", "only.txt"}
    assert site.files(third, tmp_path / "three") == everything
    fourth = site.back_up("--scenario", "Files")
    whole = {str(path.relative_to(site.master)) for path in site.master.rglob("*") if path.is_file()}
    assert site.files(fourth, tmp_path / "four") == whole
    found = site.arcxo.json("query", "*.tmp")
    assert {Path(one["path"]).name for one in found} == {"b.tmp", "e.tmp", "h.tmp", "f.tmp"}


def test_a_session_says_what_was_left_out_and_goes_back_exactly_nowhere(site: Site, tmp_path: Path) -> None:
    session = site.back_up("--scenario", "Files", *LEFT_OUT)
    told = site.arcxo.text("session", "show", str(session["media_name"]), str(session["number"]))
    assert "exclude *.tmp, cache/" in told
    assert "*.tmp: 2 files" in told
    number = (str(session["media_name"]), str(session["number"]))
    for place in ("original-master", "original-replica"):
        refused = site.arcxo.text("restore", "session", *number, "--to", place, "--exact", "--yes", expect=2)
        assert "E5303" in refused
    assert (site.master / "b.tmp").exists()


def test_the_preview_counts_on_the_replica_and_on_another_host(site: Site) -> None:
    far = f"branch:{site.master}"
    options = ("--scenario", "Files", "--source", far, *LEFT_OUT, "--preview")
    here, there = site.arcxo.json("backup", *options)
    assert (here["node"], here["included_files"], here["excluded_files"]) == ("Files", 2, 3)
    assert (there["node"], there["included_files"], there["excluded_files"]) == (far, 3, 2)
    assert {Path(one["path"]).parent for one in here["included"]} == {site.master, site.master / "d"}
    assert site.arcxo.json("job", "list") == []


def test_a_directory_of_another_host_is_filtered_there_and_a_job_script_keeps_it(
    site: Site, tmp_path: Path
) -> None:
    session = site.back_up("--source", f"branch:{site.master}", "--include", "*.txt", "--exclude", "d/")
    assert site.files(session, tmp_path / "far") == {"a.txt", "cache/c.txt"}
    (job,) = [one["id"] for one in site.arcxo.json("job", "list") if one["kind"] == "backup"]
    script = tmp_path / "job.arcxojob"
    site.arcxo.text("script", "save", str(job), str(script))
    document = json.loads(script.read_text())
    assert document["filters"] == {"include": ["*.txt"], "exclude": ["d/"]}
