from __future__ import annotations

from pathlib import Path

import pytest

from app import bootstrap
from app.model.errors import NotFoundError


def test_the_home_of_an_agent_alone_is_told_apart_from_none(tmp_path: Path) -> None:
    for ask in (bootstrap.open_services, bootstrap.start_server, bootstrap.run_server):
        with pytest.raises(NotFoundError, match="E5102"):
            ask(str(tmp_path / "home"))
    bootstrap.agent_home(str(tmp_path / "home")).set_up("caroot", "secret")
    for ask in (bootstrap.open_services, bootstrap.start_server, bootstrap.run_server):
        with pytest.raises(NotFoundError, match="E5108"):
            ask(str(tmp_path / "home"))
