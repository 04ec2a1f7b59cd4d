"""The composition root: makes and opens homes, and starts the processes of one.

The module itself satisfies `app.services.composition.Composition`. Everything heavy is imported where
it is used, so that plain commands stay quick.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from app.model.errors import NotFoundError, UsageError
from app.services.api import AgentHomeService, AgentState, Services

if TYPE_CHECKING:
    from app.catalog.api import Catalog
    from app.jobs.secrets import SecretStore
    from app.model.recovery import RecoveryPlan
    from app.model.server import CatalogChoice

HOME_VARIABLE = "ARCXO_HOME"


def default_home(override: str | None = None) -> str:
    """The absolute directory of the home: `override` (--home), ARCXO_HOME, or the user's data directory."""
    if override:
        return os.path.abspath(override)
    from_environment = os.environ.get(HOME_VARIABLE)
    if from_environment:
        return os.path.abspath(from_environment)
    import platformdirs

    return platformdirs.user_data_dir("arcxo", appauthor=False)


def home_exists(home: str) -> bool:
    """Whether `home` is a complete home (the making of one ends with the file `home.json`)."""
    from app.jobs.home import is_home

    return is_home(home)


def init_home(
    home: str, *, caroot_password: str, media_name: str = "", catalog: CatalogChoice | None = None
) -> None:
    """Make a home with the account caroot, and GROUP0 with a first media on the default device.

    `media_name` defaults to the date and time; `catalog`: the database that its catalog is in (None: a file
    of its own). A making that was cut short is done again from the start.

    Raises:
        UsageError: E5101 when a home is there already, or something that is not one; E6043 the database is
            an installation's already, E6045 its address.
    """
    from app.jobs.home import create_home

    create_home(home, caroot_password=caroot_password, media_name=media_name, choice=catalog)


def join_home(
    home: str, invitation: str, code: str, *, caroot_password: str, server: str = "", url: str = ""
) -> str:
    """Make a home whose server works on the catalog of the installation that invited; its name there.

    Raises:
        ArcxoError: E5780 the file is no invitation, E6042. CredentialsError: E5781 the code is another's.
        UsageError: E5783 the name is taken, E5101, E5106.
    """
    from app.jobs.invitation import read_invitation
    from app.jobs.shared_home import join

    opened = read_invitation(invitation, code)
    return join(home, opened, caroot_password=caroot_password, server=server, url=url)


def set_catalog(home: str, *, url: str = "", password: str | None = None) -> None:
    """Lead a home to where the catalog that it shares is now. Running processes of it take it at their start.

    Raises:
        NotFoundError: E5102 when `home` is not a home. UsageError: E5782. ArcxoError: E6042, as at opening.
    """
    if not home_exists(home):
        raise NotFoundError("E5102", home=home)
    from app.jobs.shared_home import set_location

    set_location(home, url=url, password=password)


def plan_from_media(home: str, directories: Sequence[str], secrets: Sequence[str] = ()) -> RecoveryPlan:
    """What the media in these directories hold, and what a home made from them knows. Changes nothing.

    `secrets`: passwords or recovery keys of encrypted sessions. Raises as `app.jobs.from_media`, and
    UsageError E5101 when there is a home already.
    """
    from app.jobs.from_media import plan_from_media as plan

    if home_exists(home):
        raise UsageError("E5101", home=home)
    return plan(home, directories, secrets)


def open_found_home(plan: RecoveryPlan, secrets: Sequence[str]) -> RecoveryPlan:
    """The plan with what comes back of the lost home; as it is when the media hold none. Changes nothing.

    Raises:
        CredentialsError: E5231 no secret (the password of caroot, a recovery key) opens it.
    """
    from app.jobs.from_media import open_found_home as implementation

    return implementation(plan, secrets)[0]


def init_from_media(
    plan: RecoveryPlan,
    *,
    caroot_password: str,
    secrets: Sequence[str] = (),
    media_name: str = "",
    without_home: bool = False,
) -> Sequence[int]:
    """Make a home as `init_home` does, with the devices of a plan; the jobs that will merge its media.

    They run when a server runs. What the lost home knew comes back, jobs in Hold, unless `without_home`. A
    making that was cut short is done again from the start.

    Raises:
        CredentialsError: E5231 neither password nor secrets open what the media keep of the home; nothing
            was made.
    """
    from app.jobs.from_media import open_found_home as opened
    from app.jobs.from_media import recover
    from app.jobs.home import create_home

    jobs: list[int] = []
    content = b"" if without_home else opened(plan, [caroot_password, *secrets])[1]

    def more(catalog: Catalog, store: SecretStore) -> None:
        jobs[:] = [job.id for job in recover(catalog, store, plan, secrets, content)]

    create_home(plan.home, caroot_password=caroot_password, media_name=media_name, more=more)
    return jobs


def _check_home(home: str) -> None:
    if not home_exists(home):
        raise NotFoundError("E5108" if agent_home(home).exists else "E5102", home=home)


def open_services(home: str) -> Services:
    """The services of the home's owner on this machine. Close them when done.

    Raises:
        NotFoundError: E5102 when `home` is not a home, E5108 when it is an agent's alone.
    """
    _check_home(home)
    from app.services.local import open_local

    return open_local(home)


def run_server(home: str) -> int:
    """Be the server of `home` until SIGTERM or `stop_server`; returns the exit code.

    Raises:
        BusyError: E5103 when a server of this home runs already.
        NotFoundError: E5102 when `home` is not a home, E5108 when it is an agent's alone.
    """
    _check_home(home)
    from app.jobs.server import serve

    return serve(home)


def run_agent(home: str, listen: str, ready: Callable[[AgentState], None] | None = None) -> int:
    """Be the agent of `home` until SIGTERM, listening on `listen` (HOST:PORT, port 0 = a free one).

    `ready` is told how it is reached, once it answers.
    """
    from app.agent.run import run_agent as run

    return run(home, listen, ready=None if ready is None else lambda _: ready(agent_home(home).state()))


def agent_home(home: str) -> AgentHomeService:
    """The agent's part of `home`, whether a backup server's home was made of it or not."""
    from app.services.agent_home import LocalAgentHome

    return LocalAgentHome(home)


def start_server(home: str, timeout_s: float = 30) -> None:
    """Return when the server of `home` is ready; a detached one is started if none runs.

    Raises:
        BusyError: E5104 when it is not ready within `timeout_s` (or ended; the log's end is in the text).
        NotFoundError: E5102 when `home` is not a home, E5108 when it is an agent's alone.
    """
    _check_home(home)
    from app.jobs.process import start

    start(home, timeout_s)


def stop_server(home: str, timeout_s: float = 60) -> None:
    """Stop the server of `home` and its agent; returns when both are gone. None running: nothing to do.

    Raises:
        BusyError: E5105 when it still runs after `timeout_s`.
    """
    from app.jobs.process import stop

    stop(home, timeout_s)
