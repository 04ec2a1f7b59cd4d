"""The limit of bandwidth and why changes wait, as the command line shows it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.arcxo_command import running_home, until

pytestmark = pytest.mark.deep


def test_a_limit_is_set_kept_named_and_counted(tmp_path: Path) -> None:
    master, replica = tmp_path / "master", tmp_path / "replica"
    master.mkdir()
    (master / "first").write_text("first")
    with running_home(tmp_path) as arcxo:
        arcxo.json("scenario", "create", "files", "--root", f"{master}={replica}")
        arcxo.json("scenario", "set", "files", "spool_min_free_mb=0", "bandwidth=MON-SUN 00-24  2000")
        arcxo.json("scenario", "set", "files", "localhost:compress_transfer=on")
        assert arcxo.json("scenario", "get", "files")["bandwidth"] == "daily 00-24 2000"
        refused = arcxo.text("scenario", "set", "files", "bandwidth=2000", expect=2)
        assert "mon-fri 08-18 2048" in refused
        refused = arcxo.text("scenario", "set", "files", f"spool_directory={master}", expect=2)
        assert "ER00292" in refused
        arcxo.json("scenario", "run", "files")
        arcxo.json("scenario", "wait", "files", "--state", "in-sync", "--timeout", "30")
        (master / "large").write_bytes(os.urandom(1_500_000))
        (master / "text").write_bytes(b"the same again\n" * 40_000)

        def held() -> str:
            return str(arcxo.json("scenario", "show", "files")["replicas"][0]["waiting"])

        until(lambda: "waiting: limit 2,000 Kbps" in held(), "the limit to be named")
        late = arcxo.text("scenario", "wait", "files", "--state", "in-sync", "--timeout", "0.2", expect=6)
        assert "limit 2,000 Kbps" in late
        arcxo.json("scenario", "wait", "files", "--state", "in-sync", "--timeout", "60")
        status = arcxo.json("scenario", "show", "files")["replicas"][0]
        assert (replica / "text").read_bytes() == (master / "text").read_bytes()
        assert status["waiting"] == ""
        assert status["waiting_bytes"] == status["waiting_operations"] == 0
        assert 1_500_000 < status["sent_bytes"] < status["uncompressed_bytes"] - 500_000
        arcxo.json("scenario", "stop", "files")
