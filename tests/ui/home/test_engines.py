"""Home says whether the server and its engines run, and what they are at."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtWidgets import QLabel

from app.model.job import JobStatus
from app.model.media import Device
from app.ui.home.engines import engine_lines
from app.ui.home.manager import HomeManager

NOW = datetime.now(UTC)


@pytest.fixture
def known(services):
    return services.server.state(), services.jobs.list(), services.media.devices()


def said(lines):
    return {one.name: one for one in lines}


def test_all_run(known):
    found = said(engine_lines(*known, NOW))
    assert list(found) == ["BKP-SRV-01", "Job engine", "Media engine", "Database engine", "Agent"]
    assert not any(one.bad for one in found.values())
    assert found["Job engine"].text == "1 active, 1 ready, 1 on hold, 3 done"
    assert found["Media engine"].state == "2 devices online"


def test_a_stopped_server_says_that_jobs_wait(known):
    server, jobs, devices = known
    stopped = replace(server, running=False, agent_running=False)
    found = said(engine_lines(stopped, jobs, devices, NOW))
    assert found["BKP-SRV-01"].bad
    assert "Jobs wait" in found["BKP-SRV-01"].text
    assert found["Job engine"].state == "Stopped"
    assert found["Agent"].bad


def test_devices_that_are_away_are_named(known):
    server, jobs, devices = known
    away = [replace(devices[0], online=False), *devices[1:]]
    found = said(engine_lines(server, jobs, away, NOW))["Media engine"]
    assert (found.bad, found.state, found.text) == (True, "1 of 2 devices", f"Offline: {devices[0].name}")
    many = [Device(f"d{n}", "/d", "G", online=False) for n in range(5)]
    assert said(engine_lines(server, jobs, many, NOW))["Media engine"].text == "Offline: d0, d1, d2 …"
    assert said(engine_lines(server, jobs, [], NOW))["Media engine"].bad


def test_a_catalog_that_gives_no_answer_says_how_old_the_figures_are(known):
    found = said(engine_lines(*known, NOW, NOW - timedelta(minutes=2)))["Database engine"]
    assert found.bad
    assert found.text.startswith("Last answer ")


def test_no_job_is_told(known):
    server, _jobs, devices = known
    assert said(engine_lines(server, [], devices, NOW))["Job engine"].text == "No job in the queue"


def test_home_shows_them(context, services, put_up, settled):
    manager = put_up(HomeManager(context), 1440, 900)
    settled()
    texts = [one.text() for one in manager.side.findChildren(QLabel) if one.isVisibleTo(manager.side)]
    assert {"Server and engines", "Job engine", "Database engine", "Agent"} <= set(texts)
    active = sum(job.status is JobStatus.ACTIVE for job in services.jobs_)
    assert any(text.startswith(f"{active} active") for text in texts)
