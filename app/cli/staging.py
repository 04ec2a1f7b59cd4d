"""`arcxo staging …`: groups that backups go to first, and what copies their sessions on."""

from __future__ import annotations

from dataclasses import replace

import click

from app.cli.arguments import Megabytes
from app.cli.context import current
from app.cli.schedule import local_zone
from app.model.errors import UsageError
from app.model.staging import MOST_DAYS, MOST_MINUTES, CopyWhen, StagingPlan, StagingPolicy


@click.group(help="Staging groups: backups go there first, and are copied on.")
def staging() -> None:
    """Commands for staging."""


@staging.command(name="list", help="The staging groups, what they hold, and what is due.")
def list_groups() -> None:
    """All policies."""
    context = current()
    context.show_list(
        context.services.staging.plans(),
        [
            ("Group", lambda item: item.policy.group),
            ("Copied to", lambda item: _to(item.policy)),
            ("When", _when),
            ("Purged", _purged),
            ("Used", lambda item: "-" if item.used_percent is None else item.used),
            ("Sessions", lambda item: f"{item.sessions:,}"),
            ("Copied", lambda item: f"{item.migrated:,}"),
            ("Due", lambda item: f"{sum(len(numbers) for _, numbers in item.copy):,}"),
        ],
        empty="No staging group. Make one: arcxo staging set GROUP --to GROUP",
        right=(4, 5, 6, 7),
    )


@staging.command(name="set", help="Make GROUP a staging group, or change its policy.")
@click.argument("group")
@click.option("--to", "target", default=None, metavar="GROUP", help="Where its sessions are copied to.")
@click.option(
    "--copy-after", type=click.IntRange(0, MOST_MINUTES), default=None, metavar="MINUTES",
    help="After the backup; 0 = as soon as it is written.",
)  # fmt: skip
@click.option(
    "--copy-at", default=None, metavar="HH:MM",
    help="At a time of day, in place of after the backup.",
)  # fmt: skip
@click.option(
    "--copy-days", default=None, metavar="DAYS",
    help="Like MO,WE,FR: the days of --copy-at; all = every day.",
)  # fmt: skip
@click.option("--time-zone", default=None, metavar="ZONE", help="Of --copy-at, like Europe/Berlin.")
@click.option("--copy-before-purge", is_flag=True, help="Copy only what is to be purged.")
@click.option("--no-copy", is_flag=True, help="Copy nothing: purge by age, without a copy.")
@click.option(
    "--purge-after", type=click.IntRange(-1, MOST_DAYS), default=None, metavar="DAYS",
    help="Of what was copied; -1 = not by age.",
)  # fmt: skip
@click.option("--purge-when-full/--keep-when-full", "purge_when_full", default=None)
@click.option("--max-percent", type=click.IntRange(2, 99), default=None, metavar="PERCENT")
@click.option("--purge-to", type=click.IntRange(1, 98), default=None, metavar="PERCENT")
@click.option(
    "--max-size", type=Megabytes(), default=None, metavar="SIZE", help="Like 200GB; in place of percent."
)
@click.option("--purge-to-size", type=Megabytes(), default=None, metavar="SIZE")
@click.option("--media", "media_name", default=None, metavar="NAME", help="Of the copies.")
def put(
    *,
    group: str,
    target: str | None,
    copy_after: int | None,
    copy_at: str | None,
    copy_days: str | None,
    time_zone: str | None,
    copy_before_purge: bool,
    no_copy: bool,
    purge_after: int | None,
    purge_when_full: bool | None,
    max_percent: int | None,
    purge_to: int | None,
    max_size: int | None,
    purge_to_size: int | None,
    media_name: str | None,
) -> None:
    """Keep a policy."""
    context = current()
    known = {one.policy.group: one.policy for one in context.services.staging.plans()}
    policy = known.get(group)
    if policy is None:
        if target is None and not no_copy:
            raise UsageError("E5760", group=group, details="--to says where its sessions are copied to")
        policy = StagingPolicy(group, target or "")
    given = {
        "target": target,
        "copy_after_minutes": copy_after,
        "purge_when_full": purge_when_full,
        "max_percent": max_percent,
        "purge_to_percent": purge_to,
        "media_name": media_name,
        "max_mb": max_size,
        "purge_to_mb": purge_to_size,
    }
    ways = {
        CopyWhen.AFTER: copy_after is not None,
        CopyWhen.AT: copy_at is not None,
        CopyWhen.BEFORE_PURGE: copy_before_purge,
        CopyWhen.NEVER: no_copy,
    }
    policy = _copied(policy, [way for way, named in ways.items() if named], copy_at, copy_days, time_zone)
    if (max_percent or purge_to) and not (max_size or purge_to_size):
        policy = replace(policy, max_mb=0, purge_to_mb=0)
    policy = replace(policy, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type] # each is checked by its option
    if purge_after is not None:
        policy = replace(policy, purge_after_days=None if purge_after < 0 else purge_after)
    context.services.staging.put(policy)
    does = f"are copied to {policy.target}" if policy.copies else "are purged by age, without a copy"
    context.show(policy, f"{group} is a staging group: its sessions {does}.")


def _copied(
    policy: StagingPolicy, ways: list[CopyWhen], at: str | None, days: str | None, zone: str | None
) -> StagingPolicy:
    """The policy with another time of its copies; what is None stays."""
    if len(ways) > 1:
        raise UsageError("E5760", group=policy.group, details="its copies are made in one way, not in two")
    if ways:
        policy = replace(policy, copy_when=ways[0])
    if at is not None:
        policy = replace(policy, copy_at=at, time_zone=policy.time_zone or local_zone())
    if zone is not None:
        policy = replace(policy, time_zone=zone)
    if days is not None:
        policy = replace(policy, copy_days="" if days.casefold() == "all" else days.upper())
    return policy


def _pause(name: str, help_text: str, *, paused: bool) -> None:
    @staging.command(name=name, help=help_text)
    @click.argument("group")
    def command(*, group: str) -> None:
        context = current()
        plans = context.services.staging.plans()
        policy = next((one.policy for one in plans if one.policy.group == group), None)
        if policy is None:
            raise UsageError("E5761", group=group)
        context.services.staging.put(replace(policy, paused=paused))
        context.show_done(f"Migration of {group} {'is paused' if paused else 'goes on'}", group=group)


_pause("pause", "Copy nothing of GROUP for now.", paused=True)
_pause("resume", "Copy on.", paused=False)


@staging.command(help="GROUP is no staging group any more. What is in it stays.")
@click.argument("group")
def remove(*, group: str) -> None:
    """Forget a policy."""
    context = current()
    context.services.staging.remove(group)
    context.show_done(f"{group} is no staging group any more", group=group)


@staging.command(help="Submit what is due now, without waiting for the server's next look.")
def run() -> None:
    """Carry out the policies."""
    context = current()
    count = context.services.staging.run()
    context.show_done(f"{count:,} jobs are in the queue" if count else "Nothing is due", jobs=count)


def _when(item: StagingPlan) -> str:
    policy = item.policy
    match policy.copy_when:
        case CopyWhen.AT:
            zone = f" {policy.time_zone}" if policy.time_zone else " UTC"
            return f"{policy.copy_days or 'daily'} {policy.copy_at}{zone}"
        case CopyWhen.BEFORE_PURGE:
            return "before purge"
        case CopyWhen.NEVER:
            return "never"
    return f"{policy.copy_after_minutes:,} min after"


def _to(policy: StagingPolicy) -> str:
    return (policy.target if policy.copies else "-") + (" (paused)" if policy.paused else "")


def _purged(item: StagingPlan) -> str:
    policy = item.policy
    parts = [] if policy.purge_after_days is None else [f"after {policy.purge_after_days:,} d"]
    if policy.purges_full:
        parts.append(f"{policy.most} to {policy.least}")
    return ", ".join(parts) or "never"
