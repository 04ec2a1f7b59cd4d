"""A mistyped session password is told before a backup is made with it."""

from __future__ import annotations

from app.model.errors import CredentialsError
from app.model.job import BackupScript
from app.model.paths import shown
from app.services.connections import Connections


def check_backup_password(connections: Connections, script: BackupScript, password: str) -> None:
    """Whether a password opens what is there of these scenarios; a first one opens nothing, and is right.

    Raises:
        CredentialsError: E1164 the newest encrypted session of a scenario, on media that are online, has
            another password.
    """
    from app.jobs.media_choice import online_media
    from app.media import api as media

    online = {one.label.serial: one for one in online_media(connections.catalog, script.device_group)}
    checked: set[tuple[int | None, str, str]] = set()
    sources = {(source.host, shown(source.path)) for source in script.sources}
    tried: dict[str, bool] = {}
    for session in connections.catalog.sessions.list():
        one = online.get(session.media_serial)
        what = (session.scenario_id, "", "")
        known = session.scenario_id in script.scenario_ids
        if session.scenario_id is None:
            what = (None, session.machine, session.entity)
            known = what[1:] in sources
        if one is None or not known or what in checked or not session.encrypted:
            continue
        checked.add(what)
        key_id = media.read_session(one.path, session.number).key_id
        if key_id not in tried:
            tried[key_id] = any(slot.key_id == key_id for slot in media.open_slots(one.path, password))
        if not tried[key_id]:
            raise CredentialsError(
                "E1164",
                scenario=session.scenario_name or session.entity,
                session=session.number,
                media=session.media_name,
            )
