"""Intents of writers: ended when their writer is gone, left alone while it runs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from app.media.intents import Intent, sweep_intents
from app.media.store import DirectoryMediaStore
from app.model.errors import BusyError

KILLED = """
import os, sys
from app.media.intents import Intent
from app.media.store import DirectoryMediaStore
intent = Intent(DirectoryMediaStore(sys.argv[1]), 1, 1)
if sys.argv[2] == "committing":
    intent.claim_commit()
os.kill(os.getpid(), 9)
"""


def intents(media: str) -> list[str]:
    return sorted(os.listdir(f"{media}/intents"))


@pytest.mark.parametrize("at", ["writing", "committing"])
def test_what_a_killed_writer_announced_is_ended(media: str, at: str) -> None:
    subprocess.run([sys.executable, "-c", KILLED, media, at], check=False)
    assert intents(media)
    sweep_intents(DirectoryMediaStore(media))
    assert intents(media) == []


def test_a_running_writer_keeps_its_intent_and_may_commit(media: str) -> None:
    store = DirectoryMediaStore(media)
    intent = Intent(store, 1, 1)
    sweep_intents(store)
    assert intents(media) == [intent.id]
    intent.claim_commit()
    sweep_intents(store)
    assert len(intents(media)) == 2
    intent.withdraw()
    assert intents(media) == []


def test_a_writer_judged_dead_may_not_commit(media: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DirectoryMediaStore(media)
    intent = Intent(store, 1, 1)
    monkeypatch.setattr("app.media.intents.is_abandoned", lambda _name, _age: True)
    sweep_intents(store)
    with pytest.raises(BusyError, match="E4145"):
        intent.claim_commit()


def test_an_end_without_its_intent_is_removed(media: str) -> None:
    store = DirectoryMediaStore(media)
    intent = Intent(store, 1, 1)
    intent.claim_commit()
    store.delete(f"intents/{intent.id}")
    sweep_intents(store)
    assert intents(media) == []
