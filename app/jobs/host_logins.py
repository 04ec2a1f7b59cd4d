"""The log-ins of this home to other hosts' agents: sealed with the installation key, kept in the catalog."""

from __future__ import annotations

import base64
import json

from app.catalog.api import Catalog
from app.jobs.secrets import SecretStore
from app.model.errors import ArcxoError
from app.model.job import Credentials

_KEY = "host-login:{name}"
_PURPOSE = "log-in to host {name}"


class HostLogins:
    """User and password per host. Any thread."""

    def __init__(self, home: str, catalog: Catalog) -> None:
        self._catalog = catalog
        self._store = SecretStore(home)

    def put(self, name: str, credentials: Credentials) -> None:
        """Keep the log-in of a host."""
        content = json.dumps([credentials.user, credentials.password]).encode("utf-8")
        sealed = self._store.seal(content, _PURPOSE.format(name=name))
        self._catalog.settings.put(_KEY.format(name=name), base64.b64encode(sealed).decode("ascii"))

    def get(self, name: str) -> Credentials | None:
        """The log-in of a host, or None. Raises ArcxoError E5121 when it cannot be opened."""
        kept = self._catalog.settings.get(_KEY.format(name=name))
        if not kept:
            return None
        try:
            user, password = json.loads(self._store.open(base64.b64decode(kept), _PURPOSE.format(name=name)))
        except ValueError as error:
            raise ArcxoError("E5121", purpose=_PURPOSE.format(name=name)) from error
        return Credentials(user, password)

    def forget(self, name: str) -> None:
        """Forget the log-in of a host; none is fine."""
        if self._catalog.settings.get(_KEY.format(name=name)):
            self._catalog.settings.put(_KEY.format(name=name), "")
