"""Intents: who writes to a media. No lock: a writer announces itself, and what it may use stays meanwhile."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

from app.media.document import Document, decode_document, encode_document
from app.media.store import MediaStore
from app.media.temporary import is_abandoned, owner_prefix
from app.model.errors import ArcxoError, BusyError

_RENEW_EVERY_S = 3600.0


class Intent:
    """A writer's announcement; what was unreferenced when it came is not deleted before it ended.

    Ending it is a put-if-absent of `<id>.end` that the writer and whoever judges it dead compete for. A judge
    removes `<id>` before `<id>.end`, so a writer that wins the put and still finds `<id>` was not judged.
    """

    def __init__(self, store: MediaStore, job_id: int, fence: int) -> None:
        self._store = store
        self.id = secrets.token_hex(16)
        self._renewals = 0
        self._renewed_at = time.monotonic()
        fields: Document = {
            "format": "arcxo intent",
            "job": job_id,
            "fence": fence,
            "writer": owner_prefix(),
            "started_at": datetime.now(UTC).isoformat(),
        }
        store.put_if_absent(f"intents/{self.id}", encode_document(fields))

    def renew(self) -> None:
        """Say, at most once an hour, that the writer still works: other hosts judge it by age alone."""
        now = time.monotonic()
        if now - self._renewed_at < _RENEW_EVERY_S:
            return
        self._renewed_at = now
        self._renewals += 1
        fields: Document = {"format": "arcxo intent renewal", "renewal": self._renewals}
        self._store.put_if_absent(f"intents/{self.id}.{self._renewals}", encode_document(fields))
        self._store.delete(f"intents/{self.id}.{self._renewals - 1}")

    def claim_commit(self) -> None:
        """Raises BusyError E4145 when this writer was judged dead."""
        fields: Document = {"format": "arcxo intent end", "reason": "commit"}
        if not self._store.put_if_absent(f"intents/{self.id}.end", encode_document(fields)):
            raise BusyError("E4145", media=self._store.location)
        self.confirm()

    def confirm(self) -> None:
        """Raises BusyError E4145 when this writer was judged dead, also after `claim_commit`.

        What a writer refers to that stood still for days between claiming and its header may have been
        deleted before the header was there. After the header is there, this tells.
        """
        if self._store.size(f"intents/{self.id}") is None:
            raise BusyError("E4145", media=self._store.location)

    def withdraw(self) -> None:
        """The writer is done, or gave up."""
        self._store.delete(f"intents/{self.id}")
        self._store.delete(f"intents/{self.id}.{self._renewals}")
        self._store.delete(f"intents/{self.id}.end")


def open_intents(store: MediaStore) -> dict[str, float]:
    """The writers that are announced: id → when (seconds since 1970, by the media's own clock)."""
    found: dict[str, float] = {}
    for name, _ in store.names("intents"):
        if "." in name:
            continue
        at = store.modified(f"intents/{name}")
        if at is not None:
            found[name] = at
    return found


def live_intents(store: MediaStore) -> set[str]:
    """The announced writers that `sweep_intents` would leave; changes nothing."""
    names = [name for name, _ in store.names("intents")]
    return {name for name in names if "." not in name and not _is_abandoned(store, name, names)}


def sweep_intents(store: MediaStore) -> None:
    """End the intents of writers that no longer run (known on their own host, by age from elsewhere)."""
    names = [name for name, _ in store.names("intents")]
    alive = {name for name in names if "." not in name}
    for name in names:
        if "." in name and name.partition(".")[0] not in alive:
            store.delete(f"intents/{name}")  # its writer was killed while withdrawing
    for name in sorted(alive):
        if _is_abandoned(store, name, names):
            ended: Document = {"format": "arcxo intent end", "reason": "dead"}
            store.put_if_absent(f"intents/{name}.end", encode_document(ended))
            store.delete(f"intents/{name}")
            for other in names:
                if other.startswith(f"{name}."):
                    store.delete(f"intents/{other}")
            store.delete(f"intents/{name}.end")


def _is_abandoned(store: MediaStore, name: str, names: list[str]) -> bool:
    told = [name, *(other for other in names if other.startswith(f"{name}.") and other[33:].isdigit())]
    times = [at for at in (store.modified(f"intents/{one}") for one in told) if at is not None]
    if not times:
        return False  # withdrawn meanwhile
    try:
        fields = decode_document(store.get(f"intents/{name}"), "E4148", media=store.location, slot=name)
        writer = str(fields["writer"])
    except (ArcxoError, KeyError):
        writer = ""  # withdrawn meanwhile, or damaged: its age decides
    return is_abandoned(f"{writer}-", time.time() - max(times))
