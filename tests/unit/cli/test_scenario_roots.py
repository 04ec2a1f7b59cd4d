"""Which directory goes where, as `scenario create` is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli.scenario_roots import roots_and_replicas
from app.model.errors import UsageError
from app.model.scenario import ReplicaSpec, Root


def test_one_directory_holds_for_all_replicas() -> None:
    roots, specs = roots_and_replicas(["/data=/copy", "/mail=/copies/mail"], ["one", "two"])
    assert roots == (Root(b"/data"), Root(b"/mail"))
    assert specs == tuple(ReplicaSpec(host, (b"/copy", b"/copies/mail")) for host in ("one", "two"))


def test_a_replica_may_have_a_directory_of_its_own() -> None:
    options = ["/data=/copy", "/data=two:/elsewhere", "/mail=one:/m1", "/mail=two:/m2"]
    roots, specs = roots_and_replicas(options, ["one", "two"])
    assert roots == (Root(b"/data"), Root(b"/mail"))
    assert specs == (ReplicaSpec("one", (b"/copy", b"/m1")), ReplicaSpec("two", (b"/elsewhere", b"/m2")))


def test_names_may_hold_what_divides() -> None:
    roots, specs = roots_and_replicas(["/a=b=one:/c:/d"], ["one"])
    assert roots == (Root(b"/a=b"),)
    assert specs == (ReplicaSpec("one", (b"/c:/d",)),)
    _, specs = roots_and_replicas(["/a=/b=b/one:x"], ["one"])
    assert specs == (ReplicaSpec("one", (b"/b=b/one:x",)),)


def test_a_relative_directory_is_one_of_where_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, specs = roots_and_replicas(["/a=x:y"], ["one"])
    assert specs == (ReplicaSpec("one", (bytes(tmp_path / "x:y"),)),)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["/data"], "E1107"),
        (["/data="], "E1107"),
        (["=/copy"], "E1107"),
        (["/data=one:"], "E1107"),
        (["/data=:/copy"], "E1107"),
        (["/data=one:copy"], "E1107"),
        (["/a=/b=/c"], "E1107"),
        (["/data=other:/copy"], "E1149"),
        (["/data=/copy", "/data=/more"], "E1194"),
        (["/data=one:/copy", "/data=one:/more", "/data=/rest"], "E1194"),
        (["/data=one:/copy"], "E1194"),
    ],
)
def test_what_is_not_clear_is_refused(options: list[str], code: str) -> None:
    with pytest.raises(UsageError) as refused:
        roots_and_replicas(options, ["one", "two"])
    assert refused.value.code == code
