"""`python -m app.agent.worker_main PIPE_FD PARENT_PID LOG`: one archive or restore, at lower priority."""

from __future__ import annotations

import os
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from app.agent.children import end_with_parent
from app.agent.far_media import MediaLine, lend_media
from app.agent.logs import log_beside
from app.agent.row_packing import pack_rows
from app.agent.secrecy import keep_memory_private
from app.collecting import collect_seldom
from app.model.archive import ArchiveEvent, CatalogRows
from app.model.errors import ArcxoError

_NICE = 10


class ControlPipe:
    """The worker's end of its pipe. A thread reads it: its end means *cancel*."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._canceled = threading.Event()
        self._sending = threading.Lock()
        self._answered = threading.Condition()
        self._answers: list[tuple[bool, Any]] = []
        self.line = MediaLine(lambda request: self.tell("media", request))
        self.work = connection.recv()
        threading.Thread(target=self._read, name="control", daemon=True).start()

    def canceled(self) -> bool:
        """Whether nobody wants the result any more."""
        return self._canceled.is_set()

    def tell(self, kind: str, value: object = None) -> None:
        """Send; after a cancel nobody listens, and that is fine."""
        with self._sending:
            try:
                self._connection.send((kind, value))
            except OSError:
                self._canceled.set()

    def ask_applier(self, method: str, *arguments: object) -> Any:
        """Call the replica's applier through the control process. Raises what it raises."""
        self.tell("apply", (method, arguments))
        with self._answered:
            self._answered.wait_for(lambda: self._answers or self.canceled())
            if not self._answers:
                raise ArcxoError("AE1016", role="replica")
            good, value = self._answers.pop()
        if not good:
            raise value
        return value

    def _read(self) -> None:
        try:
            while True:
                kind, answer = self._connection.recv()
                if kind == "media":
                    self.line.answered(answer)
                    continue
                with self._answered:
                    self._answers.append(answer)
                    self._answered.notify_all()
        except (EOFError, OSError):
            with self._answered:
                self._canceled.set()
                self._answered.notify_all()
            self.line.end()


def main() -> None:
    """Do the work that comes through the pipe."""
    pipe_fd, parent, log_path = sys.argv[1:]
    end_with_parent(int(parent))
    keep_memory_private()
    os.nice(_NICE)
    log_beside(log_path)
    os.set_inheritable(int(pipe_fd), False)
    _prepare()
    collect_seldom()
    try:
        pipe = ControlPipe(Connection(int(pipe_fd)))
    except (EOFError, ConnectionError):
        return  # there was no work
    kind, *arguments = pipe.work
    try:
        if kind == "archive":
            _archive(pipe, *arguments)
        elif kind == "compare":
            _compare(pipe, *arguments)
        else:
            from app.agent.restore_worker import carry_out

            carry_out(pipe, log_path, kind, *arguments)
    except ArcxoError as error:
        pipe.tell("error", error)
    except Exception as error:
        pipe.tell("error", ArcxoError("AE1099", where=kind, error=f"{type(error).__name__}: {error}"))
        raise
    else:
        pipe.tell("done")


def _prepare() -> None:
    """What every archive needs is there before the work comes: it may come later."""
    import app.backup.archiver
    import app.backup.followed  # noqa: F401 - for what importing it takes


def _compare(pipe: ControlPipe, order: Any) -> None:
    from app.backup.comparing import CompareTask, compare

    task = CompareTask(
        media_path=order.media_path,
        session=order.session,
        targets=order.targets,
        paths=order.paths,
        data_key=order.data_key,
        metadata=order.metadata,
        job_id=order.job_id,
    )
    compare(task, lambda event: pipe.tell("event", event), pipe.canceled)


def _archive(pipe: ControlPipe, task: Any, manifests: dict[bytes, bytes]) -> None:
    from app.backup.api import archive
    from app.backup.followed import FollowedManifest
    from app.backup.manifests import SnapshotManifest

    def tell(event: ArchiveEvent) -> None:
        for part in pack_rows(event) if isinstance(event, CatalogRows) else (event,):
            pipe.tell("event", part)

    lend_media(pipe.line, [task.media_path])
    loaded = {
        path: FollowedManifest(manifest, pipe.canceled) if task.following else SnapshotManifest(manifest)
        for path, manifest in manifests.items()
    }
    archive(task, tell, pipe.canceled, loaded)


if __name__ == "__main__":
    main()
