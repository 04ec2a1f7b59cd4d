"""`arcxo session difference` on a real catalog."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app import bootstrap
from app.cli import main
from tests.support.media_samples import MASTER
from tests.support.media_site import MediaSite


def test_what_differs_is_counted_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = MediaSite(tmp_path)
    site.write({"d/same": "1", "d/gone": "1", "outside": "1"})
    site.back_up()
    site.write({"d/same": "1", "d/new": "1", "outside": "2"})
    site.back_up()
    site.merge()
    site.close()
    words = ["--home", site.home, "session", "difference", "first", "1", "2"]
    assert main([*words, "--path", f"{MASTER.decode()}/d", "--json"], bootstrap) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["files"] == {"added": 1, "removed": 1, "changed": 0, "same": 1}
    assert [(item["path"], item["change"]) for item in found["items"]] == [
        (f"{MASTER.decode()}/d/gone", "removed"),
        (f"{MASTER.decode()}/d/new", "added"),
    ]
    assert main(words, bootstrap) == 0
    said = capsys.readouterr().out
    assert "1 files and 0 folders added" in said
    assert "outside" in said
    assert main([*words[:-1], "9"], bootstrap) == 5
