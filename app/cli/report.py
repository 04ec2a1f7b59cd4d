"""Errors on stderr: code, sentence and what to do; with --json as an object besides."""

from __future__ import annotations

import json
import sys
import tempfile
import traceback
from collections.abc import Sequence

import click

from app.cli.table import harmless
from app.model.errors import ArcxoError, ExitCode


def report_error(error: ArcxoError, *, as_json: bool) -> int:
    """Print a known fault; returns its exit code."""
    from app.messages import exit_code

    text, reason, action = describe(error)
    code = int(exit_code(error))
    _print_error(error.code, text, reason, action, params=error.params, exit_code=code, as_json=as_json)
    return code


def report_usage(error: click.ClickException, *, as_json: bool) -> int:
    """Print wrong usage as click found it; exit code 2."""
    hint = ""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        hint = f"See: {error.ctx.command_path} --help"
    _print_error(
        "E1100",
        error.format_message(),
        "",
        hint,
        params={},
        exit_code=int(ExitCode.USAGE),
        as_json=as_json,
    )
    return int(ExitCode.USAGE)


def report_bug(error: Exception, arguments: Sequence[str], *, as_json: bool) -> int:
    """Save what is known of an unexpected exception and say where; exit code 1."""
    from app import __version__

    details = "".join(traceback.format_exception(error))
    with tempfile.NamedTemporaryFile(
        "w", prefix="arcxo-bug-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as stream:
        stream.write(f"arcxo {__version__}, Python {sys.version}\ncommand: {list(arguments)}\n\n{details}")
    # Said without the catalogue: the bug may be there.
    params = {"error": f"{type(error).__name__}: {error}", "path": stream.name}
    _print_error(
        "E1199",
        f"This is a bug in Arcxo: {params['error']}",
        "Something happened that no one foresaw",
        f"A report to pass on is in {params['path']}",
        params=params,
        exit_code=int(ExitCode.FAILED),
        as_json=as_json,
    )
    return int(ExitCode.FAILED)


def describe(error: ArcxoError) -> tuple[str, str, str]:
    """(text, reason, action) of an error from the message catalogue."""
    from app.messages import render

    message = render(error.code, error.params)
    return message.text, message.reason, message.action


def _print_error(
    code: str,
    text: str,
    reason: str,
    action: str,
    *,
    params: dict[str, str],
    exit_code: int,
    as_json: bool,
) -> None:
    if as_json:
        fields = {
            "error": {
                "code": code,
                "text": text,
                "reason": reason,
                "action": action,
                "params": params,
                "exit_code": exit_code,
            }
        }
        line = json.dumps(fields, ensure_ascii=True)
    else:
        line = f"{code}: {text}" + (f"\n{action}" if action else "")
    encoding = sys.stderr.encoding or "utf-8"
    print(harmless(line).encode(encoding, "replace").decode(encoding), file=sys.stderr, flush=True)
