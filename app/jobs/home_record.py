"""The record of a home is put on the media that a job wrote to, and found again on bare media."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from app.agent.home_key import HomeKey
from app.catalog.api import Catalog
from app.jobs.control import JobControl
from app.jobs.home import home_id
from app.jobs.home_content import content_of, outline
from app.jobs.hosts import server_name
from app.jobs.media_choice import OnlineMedia
from app.jobs.secrets import SecretStore
from app.media.homes import HomeRecord, home_records, open_home, put_home
from app.model.errors import ArcxoError
from app.model.recovery import HomeFound


class HomeRecorder:
    """Puts the record of one home on media. Any thread."""

    def __init__(self, home: str, catalog: Catalog, store: SecretStore) -> None:
        self._home = home
        self._catalog = catalog
        self._store = store

    def record(self, control: JobControl, written: Iterable[OnlineMedia]) -> None:
        """Put what is known now on these media; a failure is a warning of the job, not its end."""
        paths = list(dict.fromkeys(one.path for one in written))
        try:
            if paths and not self.put(paths):
                control.note("N5235")
        except ArcxoError as error:
            control.warn("W5234", details=str(error))

    def put(self, paths: Iterable[str]) -> bool:
        """Put what is known now on the media in these directories; False when the home has no key yet.

        Raises:
            ArcxoError: E4141, E4142 a media takes nothing; what is sealed cannot be opened.
        """
        key = HomeKey(self._home).read()
        if key is None:
            return False
        content = content_of(self._home, self._catalog, self._store)
        now = datetime.now(UTC)
        for path in paths:
            put_home(path, home_id(self._home), server_name(self._home), content, key.key, key.slots, now)
        return True


def newest_records(paths: Sequence[str]) -> list[HomeRecord]:
    """Of every home whose records are on these media, all of them, the newest first."""
    found = [one for path in paths for one in home_records(path)]
    return sorted(found, key=lambda one: (one.made_at, one.number), reverse=True)


def look_for_home(paths: Sequence[str], secrets: Sequence[str]) -> tuple[HomeFound | None, bytes, str]:
    """(the newest home on these media, its content, the secret that opens it); b"" and "" when none does.

    Of a home whose newest record is damaged, the one before it. Blocks for argon2id at each secret.
    """
    records = newest_records(paths)
    if not records:
        return None, b"", ""
    newest = records[0]
    failed: ArcxoError | None = None
    for one in (record for record in records if record.home_id == newest.home_id):
        for secret in secrets:
            try:
                opened = open_home(one, secret)
                if opened is not None:
                    known = outline(opened[1])
                    return HomeFound(one.home_id, one.server, one.made_at, known), opened[1], secret
            except ArcxoError as error:
                failed = failed or error
    if failed is not None:
        raise failed
    return HomeFound(newest.home_id, newest.server, newest.made_at), b"", ""
