"""Homes that are taken, unwritable, damaged, locked, too new or oddly named: told, nothing half changed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.arcxo_command import ARCXO, Arcxo, running_home
from tests.support.bad_input import Pair
from tests.support.capabilities import missing

pytestmark = pytest.mark.xdist_group("bad-homes")


@pytest.fixture
def stopped(tmp_path: Path) -> Arcxo:
    """A home without server or agent."""
    arcxo = Arcxo(tmp_path / "home")
    arcxo.text("init", "--password-stdin", given="caroot-secret\n")
    return arcxo


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arcxo]:
    with running_home(tmp_path_factory.mktemp("bad-homes")) as made:
        yield made


def test_second_server_and_agent_of_a_home_are_refused(running: Arcxo) -> None:
    assert "E5103" in running.text("server", "run", expect=6)
    assert "AE1002" in running.text("agent", "run", expect=6)
    state = running.json("server", "status")
    assert state["running"]
    assert state["agent_running"]


def test_places_that_lie_within_each_other_are_refused(running: Arcxo, tmp_path: Path) -> None:
    master = tmp_path / "master"
    (master / "inner").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    (tmp_path / "way in").symlink_to(master)
    (tmp_path / "way to the kernel").symlink_to("/proc")
    Pair(running, "taken", master, tmp_path / "replica")
    home = running.home
    for code, source, target in (
        ("ER00106", master, master / "inner/replica"),
        ("ER00106", master / "inner", master),
        ("ER00106", master, tmp_path / "way in/replica"),
        ("ER00107", home / "media", tmp_path / "r"),
        ("ER00107", home.parent, tmp_path / "r"),
        ("ER00107", master, home / "engine"),
        ("ER00109", master / "inner", tmp_path / "replica"),
        ("ER00109", master / "inner", tmp_path / "replica/beneath"),
        ("ER00101", tmp_path / "nowhere", tmp_path / "r"),
        ("ER00102", tmp_path / "file", tmp_path / "r"),
        ("ER00115", Path("/"), tmp_path / "r"),
        ("ER00124", master / "inner", Path("/proc/arcxo")),
        ("ER00124", master / "inner", Path("/sys/kernel/arcxo")),
        ("ER00124", master / "inner", Path("/dev/arcxo")),
        ("ER00124", master / "inner", tmp_path / "way to the kernel/x"),
    ):
        told = running.text("scenario", "create", "refused", "--root", f"{source}={target}", expect=2)
        assert code in told, (code, told)
    assert "ER00105" in running.text(
        "scenario", "create", "refused", "--root", f"{master}={tmp_path}/r1",
        "--root", f"{master}/inner={tmp_path}/r2", expect=2,
    )  # fmt: skip
    assert "E6012" in running.text(
        "scenario",
        "create",
        "refused",
        "--replica",
        "elsewhere",
        "--root",
        f"{master}={tmp_path}/r",
        expect=5,
    )
    told = running.text(
        "scenario", "create", "refused", "--include", "[", "--root", f"{master}/inner=/r", expect=2
    )
    assert "[[]" in told
    for verb in (
        ("create", "refused", "--root", f"{tmp_path}/none=/r"),
        ("preview", "--root", f"{tmp_path}/none"),
    ):
        assert "ER00101" in running.text("scenario", *verb, expect=2)
    told = running.text("scenario", "set", "taken", "script-before-sync=/no/such/script", expect=2)
    assert "ER00125" in told
    assert "/no/such/script" in told
    (tmp_path / "no program").write_text("#!/bin/sh\n")
    for place, cause in ((tmp_path / "no program", "may not be executed"), (tmp_path, "is not a file")):
        told = running.text("scenario", "set", "taken", f"script-on-trigger='{place}'", expect=2)
        assert "ER00125" in told
        assert cause in told
    assert [one["scenario"]["name"] for one in running.json("scenario", "list")].count("refused") == 0
    assert sorted(os.listdir(master)) == ["inner"]
    running.text("scenario", "delete", "taken", "--yes")


def test_definitions_that_are_none_are_refused_by_their_cause(running: Arcxo, tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY l0 "ha">{entities}]><scenario>&l9;</scenario>'
    for content, cause in (
        (b"\x00\xffgarbage", "not well-formed"),
        (bomb.encode(), "document type"),
        (b" " * (2 << 20), "larger than"),
        (b"<scenario format='99'/>", "known format"),
        (b"<scenario format='1' id='1' name='n'/>", "missing or wrong"),
        (b"", "not well-formed"),
    ):
        (tmp_path / "definition.xml").write_bytes(content)
        told = running.text("scenario", "import", str(tmp_path / "definition.xml"), expect=2)
        assert "E3370" in told
        assert "arcxo scenario export" in told
        assert cause in told, told
        assert str(tmp_path / "definition.xml") in told


@pytest.mark.slow
def test_damaged_definition_is_told_spoils_no_other_and_is_mended_by_importing(
    running: Arcxo, tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    damaged = Pair(running, "damaged", tmp_path / "one", tmp_path / "r1")
    other = Pair(running, "other", tmp_path / "two", tmp_path / "r2")
    saved = tmp_path / "saved.xml"
    saved.write_text(running.text("scenario", "export", "damaged"))
    number = damaged.status()["scenario"]["id"]
    running.stop()
    definition = running.home / f"engine/scenarios/{number}.xml"
    definition.write_bytes(definition.read_bytes()[:200])
    running.start()
    other.run()
    reasons = {one["scenario"]["name"]: one["reason"] for one in running.json("scenario", "list")}
    assert "could not be read" in reasons["damaged"]
    assert reasons["other"] == ""
    assert "E3370" in running.text("scenario", "run", "damaged", expect=1)
    assert definition.stat().st_size == 200
    running.text("scenario", "import", str(saved))
    damaged.run()
    for pair in (damaged, other):
        pair.stop()
        running.text("scenario", "delete", pair.name, "--yes")


@pytest.mark.slow
def test_catalog_locked_for_too_long_is_told(stopped: Arcxo) -> None:
    serial = stopped.json("media", "list")[0]["serial"]
    catalog = sqlite3.connect(stopped.home / "catalog.sqlite3", isolation_level=None)
    try:
        catalog.execute("BEGIN IMMEDIATE")
        told = stopped.text("media", "verify", serial, expect=6)
        assert "E6001" in told, told
        assert str(stopped.home / "catalog.sqlite3") in told
        # Reading goes on meanwhile.
        assert stopped.json("job", "list") == []
    finally:
        catalog.execute("ROLLBACK")
        catalog.close()
    stopped.text("media", "verify", serial)


@pytest.mark.slow
def test_catalog_of_a_newer_version_is_left_alone(stopped: Arcxo) -> None:
    path = stopped.home / "catalog.sqlite3"
    catalog = sqlite3.connect(path)
    catalog.execute("UPDATE alembic_version SET version_num = '9999'")
    catalog.commit()
    catalog.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    catalog.close()
    before = path.read_bytes()
    for command in (("job", "list"), ("server", "start")):
        told = stopped.text(*command, expect=1)
        assert "newer" in told.lower(), told
        assert str(path) in told or str(stopped.home) in told, told
    assert path.read_bytes() == before
    assert not stopped.processes("server run")


@pytest.mark.parametrize("content", [b"", b"no database at all" * 500])
def test_damaged_catalog_is_told_and_not_replaced(stopped: Arcxo, content: bytes) -> None:
    path = stopped.home / "catalog.sqlite3"
    for name in ("catalog.sqlite3-wal", "catalog.sqlite3-shm"):
        (stopped.home / name).unlink(missing_ok=True)
    path.write_bytes(content)
    for command in (("job", "list"), ("server", "start")):
        told = stopped.text(*command, expect=1)
        assert "catalog" in told.lower(), told
        assert "Traceback" not in told
        assert "E1199" not in told, told
    assert path.read_bytes() == content
    assert not stopped.processes("server run")


@pytest.mark.needs_root
def test_home_on_a_read_only_file_system_is_told(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "none", place], check=False).returncode:
        missing("root, to mount a tmpfs")
    try:
        arcxo = Arcxo(place / "home")
        arcxo.text("init", "--password-stdin", given="caroot-secret\n")
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        told = arcxo.text("server", "start", expect=1)
        assert "ead-only" in told, told
        assert str(arcxo.home) in told, told
        assert "E1199" not in told, told
        told = Arcxo(place / "other").text("init", "--password-stdin", given="x\n", expect=1)
        assert "ead-only" in told, told
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = Arcxo(tmp_path / "file/home").text("init", "--password-stdin", given="x\n", expect=1)
    assert str(tmp_path / "file") in told
    assert "E1199" not in told, told


@pytest.mark.slow
def test_home_with_a_long_odd_name_works(tmp_path: Path) -> None:
    place = tmp_path / "a home, mit Leerzeichen & ünïcödé" / ("x" * 120)
    place.mkdir(parents=True)
    (tmp_path / "master").mkdir()
    (tmp_path / "master/file").write_text("content")
    with running_home(place) as arcxo:
        pair = Pair(arcxo, "files", tmp_path / "master", tmp_path / "replica")
        pair.run()
        pair.in_sync()
        assert pair.back_up()["last_result"] == "finished"
        pair.restore(tmp_path / "restored")
        assert (tmp_path / "restored/file").read_text() == "content"
    shutil.rmtree(place)


def test_address_that_cannot_be_listened_at_is_told(stopped: Arcxo) -> None:
    for address in ("192.0.2.1:0", "nonsense", "127.0.0.1:99999"):
        done = subprocess.run(
            [*ARCXO, "--home", str(stopped.home), "agent", "run", "--listen", address],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode in (1, 2), (address, done.returncode, done.stderr)
        assert address in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
