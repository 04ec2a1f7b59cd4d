"""Directories of any host that are backed up by themselves, listed, and brought back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.agent.run import spawn_agent, stop_agent
from tests.support.arcxo_command import Arcxo
from tests.support.trees import fill, picture, without_folder_times

pytestmark = pytest.mark.slow


class Site:
    """A server here, and another host with an agent of its own."""

    def __init__(self, base: Path) -> None:
        self.server = Arcxo(base / "central")
        self.server.text("init", "--password-stdin", given="caroot-secret\n")
        self.branch = Arcxo(base / "branch")
        self.branch.text("agent", "init", "--password-stdin", given="of branch\n")
        self.branch.text(
            "account", "add", "watcher", "--role", "operator", "--password-stdin", given="look\n"
        )
        address = spawn_agent(str(self.branch.home)).address
        arguments = ["--user", "caroot", "--accept-fingerprint", "--password-stdin"]
        self.server.text("host", "add", "branch", address, *arguments, given="of branch\n")
        self.server.start()

    def back_up(self, *arguments: str, expect: int = 0) -> None:
        self.server.text("backup", "--wait", *arguments, expect=expect)

    def newest(self) -> dict[str, object]:
        found: list[dict[str, object]] = self.server.json("session", "list")
        return max(found, key=lambda session: int(str(session["number"])))

    def session(self) -> list[str]:
        newest = self.newest()
        return ["restore", "session", str(newest["media_name"]), str(newest["number"]), "--wait"]

    def log(self) -> str:
        # (a job that failed has left a makeup job, which is newer)
        job = max(int(one["id"]) for one in self.server.json("job", "list") if one["status"] == "done")
        return self.server.text("log", "--job", str(job))

    def stop(self) -> None:
        self.server.stop()
        stop_agent(str(self.branch.home))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.stop()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    fill(made)
    (made / "big").write_bytes(os.urandom(600_000))
    return made


@pytest.mark.parametrize("host", [pytest.param("localhost", marks=pytest.mark.deep), "branch"])
def test_a_directory_becomes_a_session_and_comes_back(
    site: Site, data: Path, tmp_path: Path, host: str
) -> None:
    before = picture(data)
    site.back_up("--source", f"{host}:{data}")
    first = site.newest()
    assert (first["machine"], first["entity"], first["scenario_id"]) == (host, str(data), None)
    assert (first["consistency"], first["snapshot_provider"], first["incomplete"]) == ("fuzzy", "none", False)
    (data / "one more").write_bytes(os.urandom(100_000))
    site.back_up("--source", f"{host}:{data}", "--verify", "compare")
    second = site.newest()
    assert 100_000 <= int(str(second["new_bytes"])) < 110_000
    assert second["files"] == int(str(first["files"])) + 1
    found = site.server.json("query", "one more", "--machine", host)
    assert [entry["path"] for entry in found] == [str(data / "one more")]
    assert len(site.server.json("versions", host, str(data / "big"))) == 1
    # It has no replica: what it is compared with is where it came from.
    compare = ["media", "compare", str(second["media_name"]), str(second["number"]), "--wait"]
    site.server.text(*compare)
    (data / "one more").unlink()
    (data / "big").write_text("spoilt")
    site.server.text(*compare, expect=3)
    number = ["restore", "session", str(first["media_name"]), str(first["number"]), "--wait"]
    site.server.text(*number, "--to", f"{host}:{tmp_path / 'out'}")
    assert without_folder_times(picture(tmp_path / "out")) == without_folder_times(before)
    site.server.text(*number, "--to", "original-master", "--exact", "--yes")
    assert without_folder_times(picture(data)) == without_folder_times(before)
    job = str(max(int(one["id"]) for one in site.server.json("job", "list")))
    site.server.text("restore", "undo", job, "--wait")
    assert (data / "big").read_text() == "spoilt"
    site.server.text(
        "restore", "tree", "--machine", host, "--path", str(data / "big"), "--to", "original-master", "--wait"
    )
    assert (data / "big").read_bytes() != b"spoilt"


@pytest.mark.deep
def test_a_session_of_a_directory_goes_to_another_host(site: Site, data: Path, tmp_path: Path) -> None:
    site.back_up("--source", f"localhost:{data}")
    site.server.text(*site.session(), "--to", f"branch:{tmp_path / 'there'}")
    assert without_folder_times(picture(tmp_path / "there")) == without_folder_times(picture(data))
    site.server.text(*site.session(), "--to", "original-replica", expect=2)


@pytest.mark.deep
def test_several_sources_are_jobs_of_their_own_and_one_that_fails_fails_alone(
    site: Site, data: Path, tmp_path: Path
) -> None:
    before = len(site.server.json("session", "list"))
    gone = tmp_path / "gone"
    sources = ["--source", f"localhost:{data}", "--source", f"branch:{data}", "--source", f"branch:{gone}"]
    site.back_up(*sources, expect=3)
    sessions = site.server.json("session", "list")
    assert len(sessions) == before + 2
    assert {one["machine"] for one in sessions[-2:]} == {"localhost", "branch"}
    assert "AE1061" in site.server.text("log", "--type", "errors")


@pytest.mark.deep
def test_what_cannot_be_a_source_is_refused_and_named(site: Site, data: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(data)
    refused = {
        f"localhost:{tmp_path / 'nothing'}": "AE1061",
        f"localhost:{data / 'big'}": "AE1062",
        f"localhost:{tmp_path / 'link'}": "AE1062",
        "localhost:/proc": "AE1064",
        f"localhost:{site.server.home / 'media'}": "AE1065",
        f"branch:{site.branch.home}": "AE1065",
    }
    for source, code in refused.items():
        site.back_up("--source", source, expect=1)
        assert code in site.log(), source
    for source in ("relative", "localhost:a/b", "localhost:/a/../b"):
        site.server.text("backup", "--source", source, expect=2)
    site.server.text("backup", "--source", "nobody:/a", expect=5)
    site.server.text("backup", expect=2)


def test_what_is_arcxos_own_is_left_out_and_stays_in_an_exact_restore(site: Site, tmp_path: Path) -> None:
    top = site.branch.home.parent
    (top / "mine").write_text("kept")
    site.back_up("--source", f"branch:{top}")
    newest = site.newest()
    assert int(str(newest["files"])) == 1
    assert "I4272" in site.log()
    (top / "mine").write_text("spoilt")
    (top / "surplus").write_text("goes")
    site.server.text(*site.session(), "--to", "original-master", "--exact", "--yes")
    assert (top / "mine").read_text() == "kept"
    assert not (top / "surplus").exists()
    assert (site.branch.home / "engine").is_dir()


@pytest.mark.deep
def test_a_log_in_that_is_refused_or_may_not_back_up_fails_the_job(
    site: Site, data: Path, tmp_path: Path
) -> None:
    wrong, look = tmp_path / "wrong", tmp_path / "look"
    wrong.write_text("guess\n")
    look.write_text("look\n")
    source = ["--source", f"branch:{data}"]
    site.back_up(*source, "--host-user", "caroot", "--host-password-file", str(wrong), expect=1)
    assert "AE1067" in site.log()
    site.back_up(*source, "--host-user", "watcher", "--host-password-file", str(look), expect=1)
    assert "AE1018" in site.log()


@pytest.mark.deep
def test_an_agent_that_is_away_fails_the_job_and_is_named(site: Site, data: Path) -> None:
    stop_agent(str(site.branch.home))
    try:
        site.back_up("--source", f"branch:{data}", expect=1)
        assert "AE1001" in site.log()
    finally:
        address = site.server.json("host", "list")[-1]["address"]
        spawn_agent(str(site.branch.home), address)
    site.back_up("--source", f"branch:{data}")
