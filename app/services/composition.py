"""What the command line and the console are handed by `app.__main__`: how to open, make and serve a home.

User interfaces may not import the composition root; the module `app.bootstrap` satisfies this protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from app.model.recovery import RecoveryPlan
from app.model.server import CatalogChoice
from app.services.api import AgentHomeService, AgentState, Services


class Composition(Protocol):
    """The functions of `app.bootstrap`. All block; errors are `ArcxoError`s."""

    def default_home(self, override: str | None = None) -> str:
        """The home to use: `override` (--home), else ARCXO_HOME, else the user's data directory."""
        ...

    def home_exists(self, home: str) -> bool:
        """Whether `home` was made by `init_home` (finished)."""
        ...

    def init_home(
        self, home: str, *, caroot_password: str, media_name: str = "", catalog: CatalogChoice | None = None
    ) -> None:
        """Make a home. UsageError E5101 when there is one or the directory is not empty, E6043, E6045."""
        ...

    def join_home(
        self, home: str, invitation: str, code: str, *, caroot_password: str, server: str = "", url: str = ""
    ) -> str:
        """Make a home whose server works on an installation's catalog; its name there. E5780 to E5783."""
        ...

    def set_catalog(self, home: str, *, url: str = "", password: str | None = None) -> None:
        """Lead a home to where the shared catalog is now. UsageError E5782, ArcxoError E6042."""
        ...

    def plan_from_media(
        self, home: str, directories: Sequence[str], secrets: Sequence[str] = ()
    ) -> RecoveryPlan:
        """What the media in these directories hold. NotFoundError E5230, CredentialsError E4131, others."""
        ...

    def open_found_home(self, plan: RecoveryPlan, secrets: Sequence[str]) -> RecoveryPlan:
        """The plan with what comes back of the lost home. CredentialsError E5231 nothing opens it."""
        ...

    def init_from_media(
        self,
        plan: RecoveryPlan,
        *,
        caroot_password: str,
        secrets: Sequence[str] = (),
        media_name: str = "",
        without_home: bool = False,
    ) -> Sequence[int]:
        """Make a home that knows these media, and what the lost home knew; the jobs that merge the media,
        which a server will run. CredentialsError E5231 before anything is made.
        """
        ...

    def open_services(self, home: str) -> Services:
        """The services of the home's owner. Raises NotFoundError E5102 when there is no home."""
        ...

    def run_server(self, home: str) -> int:
        """Be the server of this home until SIGTERM. Raises BusyError E5103 when one runs already."""
        ...

    def run_agent(self, home: str, listen: str, ready: Callable[[AgentState], None] | None = None) -> int:
        """Be the agent of this home until SIGTERM. `listen` is HOST:PORT (port 0 = any free one).

        `ready` is told once it answers.
        """
        ...

    def agent_home(self, home: str) -> AgentHomeService:
        """The agent's part of a home, which needs no backup server's. Nothing is made or opened."""
        ...

    def start_server(self, home: str, timeout_s: float = 30) -> None:
        """Return when a server of this home is ready; starts a detached one if none runs."""
        ...

    def stop_server(self, home: str, timeout_s: float = 60) -> None:
        """Stop the server of this home and its own agent; returns when both are gone."""
        ...
