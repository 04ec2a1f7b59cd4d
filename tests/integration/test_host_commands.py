"""Adding hosts, setting up agents and preflight by the command line, with an agent of another home here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.agent.home import AgentHome
from app.agent.run import spawn_agent, stop_agent
from tests.support.arcxo_command import Arcxo
from tests.support.tcp_proxy import TcpProxy

PASSWORD = "of the branch"

_AGENT_MODULES = (
    "app.cli.agent",
    "app.bootstrap",
    "app.services.agent_home",
    "app.agent.run",
    "app.agent.host_process",
    "app.agent.master_role",
    "app.agent.replica_role",
    "app.agent.worker_main",
)
_NOT_THERE = ("sqlalchemy", "alembic", "PySide6", "app.catalog", "app.jobs", "app.ui")


class Branch:
    """The other home with its agent, and the home that adds it."""

    def __init__(self, base: Path) -> None:
        self.there = Arcxo(base / "branch")
        self.here = Arcxo(base / "home")
        self.fingerprint = str(
            self.there.json("agent", "init", "--password-stdin", given=f"{PASSWORD}\n")["fingerprint"]
        )
        self.address = spawn_agent(str(self.there.home)).address
        self.here.text("init", "--password-stdin", given="caroot-secret\n")

    def add(self, *arguments: str, name: str = "branch", expect: int = 0, given: str = PASSWORD) -> str:
        fixed = ["host", "add", name, self.address, "--user", "caroot", "--password-stdin"]
        return self.here.text(*fixed, *arguments, expect=expect, given=f"{given}\n")

    def forget(self) -> None:
        """As before it was added, for the next test."""
        for host in self.here.json("host", "list"):
            if host["name"] != "localhost":
                self.here.text("host", "remove", host["name"])


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Branch]:
    made = Branch(tmp_path_factory.mktemp("commands"))
    yield made
    stop_agent(str(made.there.home))


@pytest.fixture
def branch(homes: Branch) -> Iterator[Branch]:
    yield homes
    homes.forget()


def test_an_agent_needs_no_catalog_and_no_console() -> None:
    program = (
        "import importlib, sys\n"
        f"for name in {_AGENT_MODULES!r}: importlib.import_module(name)\n"
        f"print([name for name in sys.modules if name.startswith({_NOT_THERE!r})])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_certificate_is_confirmed_once_and_a_changed_one_refused_with_the_way_out(branch: Branch) -> None:
    told = branch.add(expect=2)
    shown = ":".join(branch.fingerprint[start : start + 2] for start in range(0, 64, 2)).upper()
    assert "E1157" in told
    assert shown in told
    assert "AE1006" in branch.add("--fingerprint", "ab" * 32, expect=4)
    assert "AE1026" in branch.add("--fingerprint", shown, given="wrong", expect=4)
    assert [host["name"] for host in branch.here.json("host", "list")] == ["localhost"]
    branch.add("--fingerprint", shown)
    assert branch.here.json("host", "show", "branch")["info"]["fingerprint"] == branch.fingerprint
    assert PASSWORD.encode() not in (branch.here.home / "catalog.sqlite3").read_bytes()

    assert "AE1002" in branch.there.text("agent", "certificate", "--new", expect=6)
    stop_agent(str(branch.there.home))
    pem = branch.there.home / "engine/tls/agent.pem"
    shutil.copy(pem, branch.there.home / "kept.pem")
    assert "E1182" in branch.there.text("agent", "certificate", expect=2)
    made = branch.there.json("agent", "certificate", "--new")
    assert made["fingerprint"] != branch.fingerprint
    branch.address = spawn_agent(str(branch.there.home), branch.address).address
    try:
        lines = branch.here.json("preflight", "branch", expect=1)
        assert [line["code"] for line in lines] == ["I1160", "AE1006"]
        assert "`arcxo host add NAME ADDRESS` again" in lines[-1]["fix"]
        assert "AE1006" in branch.here.text(
            "scenario", "create", "x", "--master", "branch", "--root", "/a=/b", expect=4
        )
        branch.add("--fingerprint", made["fingerprint"])
        assert branch.here.json("host", "show", "branch")["info"]["fingerprint"] == made["fingerprint"]
    finally:
        stop_agent(str(branch.there.home))
        shutil.copy(branch.there.home / "kept.pem", pem)
        branch.address = spawn_agent(str(branch.there.home), branch.address).address


@pytest.mark.slow
def test_preflight_tells_each_step_and_goes_as_far_as_it_can(branch: Branch, tmp_path: Path) -> None:
    branch.add("--accept-fingerprint")
    lines = branch.here.json("preflight", "branch", "--path", str(tmp_path))
    codes = [line["code"] for line in lines]
    assert codes[:5] == ["I1160", "I1161", "I1162", "I1163", "I1164"]
    assert {"IR00411", "I1167"} < set(codes)
    assert all(line["outcome"] != "error" for line in lines)
    stop_agent(str(branch.there.home))
    try:
        lines = branch.here.json("preflight", "branch", expect=1)
        assert [(line["outcome"], line["code"]) for line in lines] == [("error", "AE1001")]
        assert "branch" in lines[0]["text"]
        assert lines[0]["fix"]
    finally:
        branch.address = spawn_agent(str(branch.there.home), branch.address).address


@pytest.mark.slow
def test_preflight_warns_of_a_data_port_that_is_shut_while_the_log_in_port_is_open(branch: Branch) -> None:
    # The agent listens on 127.0.0.1 alone: at another address only what the proxy lets through is there.
    direct, proxy = branch.address, TcpProxy(branch.address, "127.0.0.9")
    try:
        branch.address = proxy.address
        branch.add("--accept-fingerprint")
        lines = branch.here.json("preflight", "branch")
    finally:
        branch.address = direct
        proxy.close()
    (warning,) = [line for line in lines if line["code"] == "W1168"]
    assert warning["outcome"] == "warning"
    running = AgentHome(str(branch.there.home)).running()
    assert running is not None
    port = running.data_address.rpartition(":")[2]
    assert f"127.0.0.9:{port}" in warning["text"]
    assert port in warning["fix"]


@pytest.mark.slow
def test_a_host_that_a_scenario_uses_is_not_forgotten(branch: Branch, tmp_path: Path) -> None:
    branch.add("--accept-fingerprint")
    (tmp_path / "m").mkdir()
    root = f"{tmp_path / 'm'}={tmp_path / 'r'}"
    told = branch.here.text("scenario", "create", "s", "--master", "branch", "--root", root, expect=2)
    assert "E1153" in told
    branch.here.text("scenario", "create", "s", "--master", "branch", "--replica", "branch", "--root", root)
    assert "E1155" in branch.here.text("host", "remove", "branch", expect=6)
    branch.there.text("account", "add", "caroot", "--password-stdin", given="another\n")
    try:
        assert "AE0459" in branch.here.text("scenario", "run", "s", expect=4)
    finally:
        branch.there.text("account", "add", "caroot", "--password-stdin", given=f"{PASSWORD}\n")
    branch.here.text("scenario", "delete", "s", "--yes")
    branch.here.text("host", "remove", "branch")
    assert "E6012" in branch.here.text("host", "show", "branch", expect=5)


def test_an_agent_is_set_up_once_and_its_accounts_have_roles(branch: Branch) -> None:
    assert "AE1032" in branch.there.text("agent", "init", "--password-stdin", given="x\n", expect=2)
    branch.there.text("account", "add", "CORP\\anna", "--role", "monitor", "--password-stdin", given="anna\n")
    roles = {item["name"]: item["role"] for item in branch.there.json("account", "list")}
    assert roles == {"caroot": "administrator", "CORP\\anna": "monitor"}
    arguments = ["--user", "CORP\\anna", "--accept-fingerprint", "--password-stdin"]
    told = branch.here.text("host", "add", "b2", branch.address, *arguments, given="anna\n", expect=4)
    assert "AE1018" in told
    branch.there.text("agent", "scripts", "allow", "/usr/bin/true")
    assert branch.there.json("agent", "scripts", "list") == [{"program": "/usr/bin/true"}]
    branch.there.text("agent", "scripts", "disallow", "/usr/bin/true")


@pytest.mark.parametrize("address", ["branch", "branch:", ":25000", "branch:0", "branch:70000", "branch:²"])
def test_what_is_no_address_is_refused(branch: Branch, address: str) -> None:
    arguments = ["host", "add", "x", address, "--user", "u", "--accept-fingerprint", "--password-stdin"]
    assert "E1154" in branch.here.text(*arguments, given="x\n", expect=2)


def test_agent_run_says_where_it_listens_as_one_json_line(tmp_path: Path) -> None:
    arcxo = Arcxo(tmp_path / "alone")
    made = arcxo.json("agent", "init", "--user", "root", "--password-stdin", given="x\n")
    command = [sys.executable, "-m", "app", "--json", "--home", str(arcxo.home), "agent", "run"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        state = json.loads(process.stdout.readline())
        process.terminate()
    assert process.returncode == 0
    assert (state["fingerprint"], state["accounts"]) == (made["fingerprint"], 1)
    assert state["address"].startswith("127.0.0.1:")
