"""Sessions whose names are not in the catalog are browsed on their media."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.model.errors import CredentialsError, NotFoundError
from app.services.connections import Connections
from app.services.restores import LocalRestores
from tests.support.media_samples import MASTER, new_key
from tests.support.media_site import MediaSite


@pytest.fixture
def site(tmp_path: Path) -> Iterator[MediaSite]:
    made = MediaSite(tmp_path)
    yield made
    made.close()


@pytest.fixture
def restores(site: MediaSite) -> Iterator[LocalRestores]:
    connections = Connections(site.home)
    yield LocalRestores(connections)
    connections.close()


def test_pruned_sessions_are_browsed_like_others(site: MediaSite, restores: LocalRestores) -> None:
    site.write({"b": "1", "a/inside": "2", "c": "3"})
    site.back_up()
    site.write({"only now": "4"})
    site.back_up()
    site.merge()
    before = restores.browse_session(site.serial, 1, MASTER)
    old = site.catalog.sessions.show(site.serial, 1)
    at = old.finished_at + timedelta(microseconds=1)
    tree = restores.browse_tree("master", MASTER, as_of=at)
    site.catalog.sessions.drop_detail(site.serial, 1)
    site.catalog.sessions.sweep()
    assert restores.browse_session(site.serial, 1, MASTER) == before
    assert [one.path for one in restores.browse_session(site.serial, 1, MASTER, limit=2, offset=1)] == [
        MASTER + b"/b",
        MASTER + b"/c",
    ]
    assert [one.path for one in restores.browse_session(site.serial, 1, b"/")] == [b"/srv"]
    assert restores.browse_session(site.serial, 1, MASTER + b"/none") == []
    assert [one.path for one in restores.browse_tree("master", MASTER, as_of=at)] == [
        one.path for one in tree
    ]
    assert [one.path for one in restores.browse_tree("master", MASTER)] == [MASTER + b"/only now"]
    shutil.move(site.path, site.place / "away")
    with pytest.raises(NotFoundError, match="E5140"):
        restores.browse_session(site.serial, 1, MASTER)
    assert restores.browse_tree("master", MASTER, as_of=at) == []


def test_names_of_encrypted_sessions_are_not_read_for_browsing(
    site: MediaSite, restores: LocalRestores
) -> None:
    site.write({"secret": "1"})
    site.back_up(key=new_key(site.path, "word"))
    site.merge()
    with pytest.raises(CredentialsError, match="E1173"):
        restores.browse_session(site.serial, 1, MASTER)
    assert restores.browse_tree("master", MASTER) == []
    site.merge("", "word")
    assert [one.path for one in restores.browse_session(site.serial, 1, MASTER)] == [MASTER + b"/secret"]
