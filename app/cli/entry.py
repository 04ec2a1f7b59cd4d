"""From arguments to an exit code: runs one command and reports every way it can end."""

from __future__ import annotations

import errno
import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

import click

from app.cli.arguments import take_global_options
from app.cli.context import CommandContext
from app.cli.report import report_bug, report_error, report_usage
from app.model.errors import ArcxoError, ExitCode, UsageError

if TYPE_CHECKING:
    from app.services.composition import Composition

_ENVIRONMENT = frozenset(
    {
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.ENOTDIR,
        errno.ELOOP,
        errno.EIO,
        errno.ENAMETOOLONG,
    }
)
"""What a disk or its permissions may refuse: no fault of the program."""


def run_command(argv: list[str], composition: Composition) -> int:
    """Run the command `argv` and return its exit code. Errors go to stderr."""
    as_json = "--json" in argv
    try:
        options = take_global_options(argv)
    except ArcxoError as error:
        return report_error(error, as_json=as_json)
    context = CommandContext(composition, options.home, as_json=options.json)
    if not options.rest:
        if not has_display():
            return report_error(UsageError("E1146"), as_json=options.json)
        return _open_console(context)
    try:
        return _invoke(context, list(options.rest))
    except ArcxoError as error:
        return report_error(error, as_json=options.json)
    except click.ClickException as error:
        return report_usage(error, as_json=options.json)
    except (KeyboardInterrupt, click.Abort):
        print(file=sys.stderr)
        return int(ExitCode.CANCELED)
    except BrokenPipeError:
        # The reader of our output went away (`arcxo … | head`): not an error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.DONE)
    except OSError as error:
        if error.errno not in _ENVIRONMENT or not error.filename:
            return report_bug(error, list(options.rest), as_json=options.json)
        path = os.fsdecode(error.filename)
        refusal = ArcxoError("E1147", path=path, cause=error.strerror or str(error))
        return report_error(refusal, as_json=options.json)
    except Exception as error:  # noqa: BLE001 - the one place where a bug becomes a report
        return report_bug(error, list(options.rest), as_json=options.json)
    finally:
        context.close()


def _invoke(context: CommandContext, arguments: list[str]) -> int:
    from app.cli.commands import root_command

    previous = signal.getsignal(signal.SIGTERM)
    if previous == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        result = root_command().main(arguments, prog_name="arcxo", standalone_mode=False, obj=context)
    finally:
        if previous == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return int(result) if isinstance(result, int) else int(ExitCode.DONE)


def has_display() -> bool:
    """Whether a window could be shown (on Linux; true elsewhere). Without one Qt would dump core."""
    if not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _open_console(context: CommandContext) -> int:
    """`arcxo --home DIR` alone: the console on that home."""
    from app.ui.application import run_console

    if context.home_option:
        os.environ["ARCXO_HOME"] = context.home
    return run_console(context.composition)
