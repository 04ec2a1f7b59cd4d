"""A part of a file out of a session: any range, holes, links, and what is not there."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.media import api as media
from app.model.entry import EntryKind
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


def sparse(path: Path) -> bytes:
    """A file with holes at its beginning, in its middle and at its end."""
    chance = random.Random(4)
    with path.open("wb") as file:
        file.seek(1 << 20)
        file.write(chance.randbytes(3 << 20))
        file.seek(9 << 20)
        file.write(b"after the hole")
        file.truncate(12 << 20)
    return path.read_bytes()


def test_any_part_of_a_file_is_as_it_was(site: MediaSite) -> None:
    whole = random.Random(3).randbytes(5_000_000)
    site.write({"big": whole, "empty": "", "small": "text"})
    holes = sparse(site.source / "holes")
    os.symlink("small", site.source / "link")
    session = site.back_up()
    for name, expected in ((b"/big", whole), (b"/holes", holes), (b"/small", b"text"), (b"/empty", b"")):
        for begin, limit in ((0, 100), (1_048_570, 4_000_000), (len(expected) - 3, 50), (0, len(expected))):
            found = media.read_content(site.path, session, MASTER + name, offset=max(0, begin), limit=limit)
            assert found.data == expected[max(0, begin) : max(0, begin) + limit], (name, begin, limit)
            assert found.size_bytes == len(expected)
    link = media.read_content(site.path, session, MASTER + b"/link", limit=10)
    assert (link.kind, link.target, link.data) == (EntryKind.SYMLINK, b"small", b"")
    assert media.read_content(site.path, session, MASTER, limit=10).kind is EntryKind.DIRECTORY
    for path in (b"/none", b"/small/below"):
        with pytest.raises(NotFoundError, match="E4221"):
            media.read_content(site.path, session, MASTER + path, limit=10)


def test_an_encrypted_file_needs_its_password(site: MediaSite) -> None:
    site.write({"secret": "the plans"})
    session = site.back_up(key=new_key(site.path, "geheim"))
    site.merge(site.serial, "geheim")
    connections = Connections(site.home)
    restores = LocalRestores(connections)
    path = MASTER + b"/secret"
    with pytest.raises(CredentialsError, match="E1133"):
        restores.read_file(site.serial, session, path)
    with pytest.raises(CredentialsError, match="E1134"):
        restores.read_file(site.serial, session, path, session_password="wrong")
    assert restores.read_file(site.serial, session, path, session_password="geheim").data == b"the plans"
    assert (
        restores.read_file(site.serial, session, path, offset=4, limit=2, session_password="geheim").data
        == b"pl"
    )
    connections.close()
