"""Devices, groups, pools and whole media sets in the catalog, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.catalog import migration
from app.catalog.store import SqlCatalog
from app.catalog.store import open_catalog as open_store
from app.model.errors import BusyError, NotFoundError
from app.model.media import Device, MediaInfo, Pool, PoolSet
from tests.support.catalog_rows import back_up, tree

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def media(name: str, serial: str, sequence: int = 1, set_id: str = "") -> MediaInfo:
    return MediaInfo(name, f"{sequence:04X}", serial, sequence, set_id or serial, "disk", "GROUP0", NOW)


def test_a_device_goes_and_its_media_stay_known(catalog: SqlCatalog) -> None:
    catalog.media.put_device(Device("disk", "/disk", "GROUP0", identity="1234"))
    catalog.media.put_media(media("A", "S1"))
    catalog.media.put_device(replace(catalog.media.devices()[0], group="GROUP7"))
    assert catalog.media.groups() == ["GROUP0", "GROUP7"]
    assert catalog.media.show_media("A").group == "GROUP7"
    assert catalog.media.devices()[0].identity == "1234"
    with pytest.raises(BusyError, match="E6023"):
        catalog.media.remove_group("GROUP7")
    catalog.media.remove_device("disk")
    catalog.media.remove_group("GROUP7")
    assert [one.name for one in catalog.media.media()] == ["A"]
    with pytest.raises(NotFoundError, match="E6021"):
        catalog.media.remove_device("disk")
    with pytest.raises(NotFoundError, match="E6022"):
        catalog.media.remove_group("GROUP7")


def test_what_holds_for_a_set_holds_for_each_of_its_media(catalog: SqlCatalog) -> None:
    for sequence in (1, 2):
        catalog.media.put_media(media("A", f"S{sequence}", sequence, "set"))
    catalog.media.put_pool(Pool("weekly", 6, 2))
    later = NOW + timedelta(days=3)
    catalog.media.put_set("set", pool="weekly", pool_set=PoolSet.SAVE, last_written_at=later, run="7.1")
    # What a label says replaces nothing of that.
    catalog.media.put_media(replace(media("A", "S2", 2, "set"), expires_at=later))
    found = catalog.media.media()
    assert [(one.pool, one.pool_set, one.last_written_at, one.run) for one in found] == [
        ("weekly", PoolSet.SAVE, later, "7.1")
    ] * 2
    assert [one.expires_at for one in found] == [None, later]
    # A name that all media of a set have names the set: its first media.
    assert catalog.media.show_media("A").serial == "S1"
    catalog.media.put_set("set", retired=True)
    assert catalog.media.show_media("S2").retired
    catalog.media.remove_pool("weekly")
    assert [(one.pool, one.pool_set) for one in catalog.media.media()] == [("", PoolSet.NONE)] * 2
    with pytest.raises(NotFoundError, match="E6024"):
        catalog.media.put_set("set", pool="weekly")


def test_a_set_is_forgotten_with_its_last_media(catalog: SqlCatalog) -> None:
    catalog.media.put_pool(Pool("weekly", 6, 2))
    for sequence in (1, 2):
        catalog.media.put_media(media("A", f"S{sequence}", sequence, "set"))
    catalog.media.put_set("set", pool="weekly", pool_set=PoolSet.SCRATCH)
    catalog.media.put_set("made soon", run="8.1")
    catalog.media.remove_media("S1")
    assert catalog.media.show_media("A").pool == "weekly"
    catalog.media.remove_media("S2")
    catalog.media.put_media(media("A", "S1", 1, "set"))
    assert catalog.media.show_media("A").pool == ""
    # What is recorded of a set before it has media stays.
    catalog.media.put_media(media("B", "S9", 1, "made soon"))
    assert catalog.media.show_media("B").run == "8.1"


def test_sessions_show_the_new_name_of_their_media(catalog: SqlCatalog) -> None:
    session = back_up(catalog, 1, tree({b"f": "1"}))
    known = MediaInfo("old", "9C43", session.media_serial, 1, "set", "disk", "GROUP0", NOW)
    catalog.media.put_media(known)
    catalog.media.put_media(replace(known, name="new"))
    assert {one.media_name for one in catalog.sessions.list()} == {"new"}
    assert catalog.sessions.show("new", session.number).number == session.number


def test_settings_can_be_removed(catalog: SqlCatalog) -> None:
    catalog.settings.put("erasing.1", "x")
    catalog.settings.remove("erasing.1")
    catalog.settings.remove("erasing.1")
    assert "erasing.1" not in catalog.settings.all()


def test_media_sets_come_and_go_with_the_form_of_the_catalog(tmp_path: Path) -> None:
    catalog = open_store(str(tmp_path))
    session = back_up(catalog, 1, tree({b"f": "1"}))
    catalog.media.put_device(Device("disk", "/disk", "GROUP0", identity="1234"))
    catalog.media.put_media(replace(media("A", session.media_serial), expires_at=NOW))
    catalog.media.put_pool(Pool("weekly", 6, 2))
    migration.downgrade(catalog._database, "0002")
    catalog.close()
    catalog = open_store(str(tmp_path))
    try:
        found = catalog.media.show_media("A")
        assert (found.expires_at, found.pool, found.retired) == (None, "", False)
        # When it was last written to is found again from its sessions.
        assert found.last_written_at == session.finished_at
        assert (catalog.media.pools(), catalog.media.devices()[0].identity) == ([], "")
    finally:
        catalog.close()
