"""What a replica's host has let in: for each scenario of another host's master, its directories and its key.

A grant is made by an administrator of this host and decides alone: whatever the master says later, its
streams write only the directories that were granted, and only a stream that has the key is taken.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from app.agent.home import AgentHome, replace_durably
from app.agent.signing import only_certificate
from app.model.errors import ArcxoError, NotFoundError

_KEYS_KEPT = 2
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Grant:
    """One scenario of another host's master. `paths` are the directories here, root by root.

    `keys` are SHA-256 sums, the newest last: the one before counts until the newest was used once, so that a
    renewal that is cut short locks nobody out. `definition_xml` is the newest definition that the master
    signed, b"" before its first stream.
    """

    scenario_id: int
    name: str
    replica: str
    paths: tuple[bytes, ...]
    master_certificate: bytes
    keys: tuple[str, ...]
    definition_xml: bytes = b""
    signature: bytes = b""


class Grants:
    """The grants of `engine/grants/`. Any thread, any process; a change is durable on return."""

    def __init__(self, home: AgentHome) -> None:
        self._directory = home.directory("grants")
        self._guard = threading.Lock()
        self._seen: tuple[object, tuple[bytes, ...]] = (None, ())

    def admit(
        self, scenario_id: int, name: str, replica: str, paths: tuple[bytes, ...], master_certificate: bytes
    ) -> str:
        """Let a scenario in, or give one that is in a new key; returns the key, which is kept nowhere."""
        key = secrets.token_urlsafe(32)
        with self._guard:
            try:
                known = self.show(scenario_id)
            except (NotFoundError, ArcxoError):
                known = None
            before = known.keys[-1:] if known and known.master_certificate == master_certificate else ()
            self._write(
                Grant(
                    scenario_id, name, replica, paths, master_certificate, (*before, _sum(key))[-_KEYS_KEPT:]
                )
            )
        return key

    def show(self, scenario_id: int) -> Grant:
        """The grant of a scenario. Raises NotFoundError AE1033, ArcxoError AE1034 for a damaged file."""
        path = self._path(scenario_id)
        try:
            return _parse(Path(path).read_bytes(), path)
        except FileNotFoundError:
            raise NotFoundError("AE1033", scenario=scenario_id) from None

    def opened(self, grant: Grant, key: str, definition_xml: bytes, signature: bytes) -> None:
        """A stream was opened with `key` by this signed definition: keep it, and forget the key before."""
        keys = (_sum(key),) if _sum(key) == grant.keys[-1] else grant.keys
        now = replace(grant, keys=keys, definition_xml=definition_xml, signature=signature)
        # A signature differs each time; one good one of the same definition is enough.
        if (now.keys, definition_xml) == (grant.keys, grant.definition_xml):
            return
        with self._guard:
            self._write(now)

    def dismiss(self, scenario_id: int) -> None:
        """Let a scenario in no more. One that was not let in is fine."""
        with self._guard:
            try:
                os.unlink(self._path(scenario_id))
            except FileNotFoundError:
                return

    def certificates(self) -> tuple[bytes, ...]:
        """The certificates (PEM) of all masters that are let in. What cannot be read lets nobody in."""
        with os.scandir(self._directory) as entries:
            # Files are replaced whole: another content is another inode.
            stamp = sorted((entry.name, entry.inode()) for entry in entries)
        with self._guard:
            if self._seen[0] != stamp:
                self._seen = (stamp, tuple(sorted({grant.master_certificate for grant in self._all()})))
            return self._seen[1]

    def _all(self) -> Iterator[Grant]:
        for name in sorted(os.listdir(self._directory)):
            path = os.path.join(self._directory, name)
            if name.endswith(".json"):
                try:
                    yield _parse(Path(path).read_bytes(), path)
                except (ArcxoError, FileNotFoundError):
                    continue

    def _path(self, scenario_id: int) -> str:
        return os.path.join(self._directory, f"{int(scenario_id)}.json")

    def _write(self, grant: Grant) -> None:
        content = {
            "version": _VERSION,
            "scenario_id": grant.scenario_id,
            "name": grant.name,
            "replica": grant.replica,
            "paths": [_text(path) for path in grant.paths],
            "master_certificate": grant.master_certificate.decode("ascii"),
            "keys": list(grant.keys),
            "definition": _text(grant.definition_xml),
            "signature": _text(grant.signature),
        }
        replace_durably(self._path(grant.scenario_id), json.dumps(content, indent=1).encode("utf-8"))


def has_key(grant: Grant, key: str) -> bool:
    """Whether `key` opens the scenario's streams; takes as long for any key."""
    found = _sum(key)
    return sum(hmac.compare_digest(found, known) for known in grant.keys) > 0


def _sum(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _parse(content: bytes, path: str) -> Grant:
    try:
        found = json.loads(content)
        (_VERSION,).index(found["version"])  # a later version's is not guessed at
        return Grant(
            int(found["scenario_id"]),
            str(found["name"]),
            str(found["replica"]),
            tuple(base64.b64decode(text, validate=True) for text in found["paths"]),
            only_certificate(found["master_certificate"].encode("ascii")),
            tuple(str(key) for key in found["keys"]),
            base64.b64decode(found["definition"], validate=True),
            base64.b64decode(found["signature"], validate=True),
        )
    except (ValueError, KeyError, TypeError, AttributeError, ArcxoError) as error:
        raise ArcxoError("AE1034", path=path, reason=error) from error
