"""`arcxo init --from-media DIR`: a home for the media of a server that was lost."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

import click

from app.cli.context import CommandContext, interactive, read_password_file, with_fields
from app.cli.job import EXIT_BY_RESULT
from app.cli.table import size_text, table, time_text
from app.model.errors import ExitCode
from app.model.job import Job, JobResult
from app.model.paths import shown
from app.model.recovery import HeldData, RecoveryPlan, Returned


def init_from_media(
    context: CommandContext,
    directories: Sequence[str],
    password_files: Sequence[str],
    caroot: Callable[[], str],
    *,
    media_name: str,
    without_home: bool,
    only_plan: bool,
) -> int:
    """Show what the media hold, make the home, start its server and merge; returns the exit code."""
    composition, home = context.composition, context.home
    secrets = [read_password_file(file) for file in password_files]
    plan = composition.plan_from_media(home, directories, secrets)
    if plan.locked and not only_plan and interactive():
        secrets += _asked(plan)
        plan = composition.plan_from_media(home, directories, secrets)
    if only_plan:
        context.show(plan, plan_text(plan))
        return int(ExitCode.DONE)
    context.note(plan_text(plan) + "\n")
    password = caroot()
    if not without_home:
        plan = composition.open_found_home(plan, [password, *secrets])
    jobs = composition.init_from_media(
        plan, caroot_password=password, secrets=secrets, media_name=media_name, without_home=without_home
    )
    context.note(f"Home made in {home}. Its server starts and reads the media.")
    composition.start_server(home)
    done = [context.services.jobs.wait(number) for number in jobs]
    code = max([int(ExitCode.DONE), *(int(EXIT_BY_RESULT[job.last_result]) for job in done)])
    commands = [restore_command(home, one) for one in plan.held]
    document = with_fields(plan, account="caroot", jobs=done, first_restores=commands)
    context.show(document, _done_text(plan, done, commands))
    return code


def _asked(plan: RecoveryPlan) -> list[str]:
    """What a person types for sessions that nothing given opens."""
    names = ", ".join(dict.fromkeys(one.name for one in plan.media if not one.opened))
    text = f"Password or recovery key of the encrypted sessions of {names} (empty: without)"
    given = str(click.prompt(text, hide_input=True, default="", show_default=False, err=True))
    return [given] if given else []


def plan_text(plan: RecoveryPlan) -> str:
    """What is there, and what will be made of it."""
    lines = [
        table(
            ["Media", "ID", "Sequence", "Sessions", "Used", "State", "Directory"],
            [
                [
                    one.name,
                    one.media_id,
                    str(one.sequence),
                    f"{one.sessions:,}",
                    size_text(one.size_bytes),
                    one.problem or _state(one.damaged_sessions, opened=one.opened),
                    one.path,
                ]
                for one in plan.media
            ],
            (2, 3, 4),
        )
    ]
    if plan.held:
        headings = ["Machine", "Data", "Scenario", "Sessions", "From", "To", "Files", "Size", "Encrypted"]
        rows = [
            [
                one.machine,
                one.entity,
                one.scenario_name,
                f"{one.sessions:,}",
                time_text(one.first_at),
                time_text(one.last_at),
                f"{one.files:,}",
                size_text(one.size_bytes),
                ("opened" if one.opened else "closed") if one.encrypted else "no",
            ]
            for one in plan.held
        ]
        lines += ["", table(headings, rows, (3, 6, 7))]
    lines += ["", f"A home in {plan.home} will know {plan.sessions:,} session(s) of this."]
    if plan.locked:
        lines.append(
            "Sessions that nothing given opens are known without the names in them. Give their password or "
            "recovery kit with --session-password-file, or later: arcxo media merge."
        )
    lines += [f"Not found, and needed by what lies there: {what}" for what in plan.missing]
    if plan.found_home is not None:
        found = plan.found_home
        lines.append(f"The media keep the home of {found.server}, as it was {time_text(found.made_at)}.")
        if found.known is None:
            lines.append(
                "It comes back when the password of caroot is as it was then, or with a recovery kit "
                "(--session-password-file); leave it with --without-home."
            )
        else:
            lines.append(f"It brings back {home_text(found.known)}.")
    return "\n".join(lines)


def home_text(known: Returned) -> str:
    """What comes back of a home, in words."""
    counts = {
        "job": known.jobs,
        "account": known.accounts,
        "host": known.hosts,
        "scenario registration": len(known.scenarios),
        "alert target": known.alerts,
        "media pool": known.pools,
    }
    parts = [f"{count:,} {name}{'' if count == 1 else 's'}" for name, count in counts.items() if count]
    return ", ".join(parts) or "nothing but its settings"


def _state(damaged: int, *, opened: bool) -> str:
    if damaged:
        return f"{damaged:,} damaged session(s)"
    return "ready" if opened else "needs a password"


def restore_command(home: str, one: HeldData) -> str:
    """The command that restores the newest session of a volume into a new directory."""
    words = ["arcxo", "--home", home, "restore", "session", one.media_serial, str(one.number)]
    words += ["--to", f"/restored/{one.machine}", "--structure", "full", "--wait"]
    if one.encrypted:
        words += ["--session-password-file", "FILE"]
    return shlex.join(words)


def _done_text(plan: RecoveryPlan, done: Sequence[Job], commands: Sequence[str]) -> str:
    lines = [f"The home {plan.home} knows what was on the media."]
    for job in done:
        if job.last_result is not JobResult.FINISHED:
            result = job.last_result.value if job.last_result else "-"
            lines.append(f"{job.name} ended {result}; why: arcxo --home {plan.home} log --job {job.id}")
    if commands:
        lines += ["", "To restore the newest session of each volume into a directory of this machine:"]
        for one, command in zip(plan.held, commands, strict=True):
            lines += [f"  {one.machine} {shown(one.path)} ({time_text(one.last_at)})", f"    {command}"]
    if plan.found_home is not None and plan.found_home.known is not None:
        known = plan.found_home.known
        lines += ["", f"The home of {plan.found_home.server} is back: {home_text(known)}."]
        if known.jobs:
            lines.append(
                "Its jobs are in Hold, so that nothing runs by surprise. Look at them (arcxo job list), then "
                "let them run: arcxo job ready NUMBER."
            )
        if known.definitions:
            lines.append(
                f"{known.definitions:,} scenario(s) whose Master was that server are stopped; their "
                "directories must be there again before they run."
            )
    lines += [
        "",
        "Nothing is written to these media; new backups go to the media of GROUP0. To let backups go on with",
        "them as before, put their device into that group: arcxo group assign GROUP0 found1.",
        "Other hosts' scenarios are kept by their masters: `arcxo host add`, then `arcxo scenario register`.",
    ]
    return "\n".join(lines)
