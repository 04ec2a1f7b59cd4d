"""What a pruning by age would drop, told beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.model.errors import NotFoundError
from app.services.connections import Connections
from app.services.utilities import LocalUtilities
from tests.support.media_site import MediaSite


@pytest.fixture
def site(tmp_path: Path) -> Iterator[MediaSite]:
    made = MediaSite(tmp_path)
    yield made
    made.close()


def test_only_old_sessions_with_names_go_and_the_newest_stay(site: MediaSite) -> None:
    for number in range(3):
        site.write({"a": str(number)})
        site.back_up()
    site.merge()
    newest = site.catalog.sessions.show(site.serial, 3)
    later = newest.finished_at + timedelta(seconds=1)
    connections = Connections(site.home)
    utilities = LocalUtilities(connections)
    assert [one.number for one in utilities.plan_prune(site.serial, before=later)] == [2, 1]
    assert [one.number for one in utilities.plan_prune(before=later, keep=2)] == [1]
    assert utilities.plan_prune(before=newest.finished_at - timedelta(days=1)) == []
    site.catalog.sessions.drop_detail(site.serial, 1)
    assert [one.number for one in utilities.plan_prune(before=later)] == [2]
    with pytest.raises(NotFoundError):
        utilities.plan_prune("none", before=later)
    connections.close()
