"""A mistyped session password is told before a backup is made with it."""

from __future__ import annotations

from app.model.errors import CredentialsError
from app.model.job import BackupScript
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
    checked: set[int] = set()
    tried: dict[str, bool] = {}
    for session in connections.catalog.sessions.list():
        one = online.get(session.media_serial)
        known = session.scenario_id in script.scenario_ids and session.scenario_id not in checked
        if one is None or not known or not session.encrypted or session.scenario_id is None:
            continue
        checked.add(session.scenario_id)
        key_id = media.read_session(one.path, session.number).key_id
        if key_id not in tried:
            tried[key_id] = any(slot.key_id == key_id for slot in media.open_slots(one.path, password))
        if not tried[key_id]:
            raise CredentialsError(
                "E1164", scenario=session.scenario_name, session=session.number, media=session.media_name
            )
