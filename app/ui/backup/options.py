"""The options of a backup beside source, media and schedule. Qt-free."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace

from app.model.backup_filters import BackupFilters
from app.model.commands import JobCommands, OnExit
from app.model.job import BackupScript
from app.model.job_log import MOST_LINES, JobLogLevel
from app.ui.backup.filter_preview import FilterText, script_filters

MOST_RETRIES = 12
LEAST_STREAMS, MOST_STREAMS = 2, 32
RESULTS = ("failed", "incomplete", "finished", "canceled")
ON_EXIT = (
    (OnExit.RUN, "Run job immediately"),
    (OnExit.SKIP_JOB, "Skip job"),
    (OnExit.SKIP_AFTER, "Skip post application"),
)
BACKUP_MEDIA, VERIFY, OPERATION, ENCRYPTION = (
    "Backup Media",
    "Verification",
    "Operation",
    "Encryption/Compression",
)
"""Pages of the options that other screens lead to."""


@dataclass(frozen=True, slots=True)
class JobLogWords:
    """How a level is offered, and what the summary says of it ("" = nothing)."""

    title: str
    hint: str
    words: str


JOB_LOG = {
    JobLogLevel.NONE: JobLogWords(
        "Disable log",
        "Only the beginning, warnings, errors and the result: they are never left out",
        "no job log",
    ),
    JobLogLevel.SUMMARY: JobLogWords("Log summary only", "The job's steps, its sessions and its summary", ""),
    JobLogLevel.DETAIL: JobLogWords(
        "Log directories",
        "Besides, each directory of which something was read, or in which something was restored",
        "a line for each directory",
    ),
    JobLogLevel.ALL: JobLogWords(
        "Log all activity",
        f"Besides, each file that was read or restored, at most {MOST_LINES:,} of one run",
        "a line for each file",
    ),
}


@dataclass(slots=True)
class CommandText:
    """Commands around the job, or around one node, as they are typed."""

    before: str = ""
    wait: bool = False
    exit_code: int = 0
    on_exit: OnExit = OnExit.RUN
    delay_minutes: int = 0
    after: str = ""
    unless: frozenset[str] = frozenset()

    @classmethod
    def of(cls, commands: JobCommands) -> CommandText:
        """As a person would have typed them."""
        return cls(
            shlex.join(commands.before),
            commands.exit_code is not None,
            commands.exit_code or 0,
            commands.on_exit,
            commands.delay_minutes,
            shlex.join(commands.after),
            frozenset(commands.after_unless),
        )

    @property
    def empty(self) -> bool:
        """Whether nothing is run."""
        return not self.before.strip() and not self.after.strip()

    def fault(self) -> str:
        """What is wrong with them, or ""."""
        for name, text in (("before", self.before), ("after", self.after)):
            try:
                words = shlex.split(text)
            except ValueError:
                return f"The command {name} has a quotation mark that is not closed"
            if words and not words[0].startswith("/"):
                return f"The command {name} begins with the absolute path of a program"
        return ""

    def commands(self) -> JobCommands:
        """As the job keeps them; nothing of them is faulty."""
        before = tuple(shlex.split(self.before))
        waits = self.wait and bool(before)
        return JobCommands(
            before,
            self.exit_code if waits else None,
            self.on_exit if waits else OnExit.RUN,
            self.delay_minutes if waits else 0,
            tuple(shlex.split(self.after)),
            tuple(result for result in RESULTS if result in self.unless) if self.after.strip() else (),
        )


@dataclass(slots=True)
class BackupOptions:
    """Retry, Operation and Pre/Post. `nodes`: by the name of a scenario, or the label of a directory."""

    retries: int = 1
    retry_minutes: int = 10
    streams: int = 4
    commands: CommandText = field(default_factory=CommandText)
    nodes: dict[str, CommandText] = field(default_factory=dict)
    retry_at: str = ""
    job_log: JobLogLevel = JobLogLevel.SUMMARY
    filter: FilterText = field(default_factory=FilterText)
    node_filters: dict[str, FilterText] = field(default_factory=dict)

    @classmethod
    def of(cls, script: BackupScript) -> BackupOptions:
        """Those of a job that is there."""
        return cls(
            script.retries,
            script.retry_minutes,
            script.streams,
            CommandText.of(script.commands),
            {node: CommandText.of(commands) for node, commands in script.node_commands},
            script.retry_at,
            script.job_log,
            FilterText.of(script.filters.every),
            {node: FilterText.of(one) for node, one in script.filters.nodes},
        )

    def copied(self) -> BackupOptions:
        """Others like these, which share nothing with them."""
        return replace(
            self,
            commands=replace(self.commands),
            nodes={node: replace(one) for node, one in self.nodes.items()},
            filter=replace(self.filter),
            node_filters={node: replace(one) for node, one in self.node_filters.items()},
        )

    def fault(self) -> str:
        """What is wrong, or ""."""
        for name, text in [("", self.commands), *self.nodes.items()]:
            if text.fault():
                return f"{name}: {text.fault()}" if name else text.fault()
        return ""

    def filter_fault(self) -> str:
        """What is wrong with the filters, or ""."""
        for name, text in [("", self.filter), *self.node_filters.items()]:
            if text.fault():
                return f"{name}: {text.fault()}" if name else text.fault()
        return ""

    def node_commands(self, nodes: tuple[str, ...]) -> tuple[tuple[str, JobCommands], ...]:
        """Of the nodes that are backed up."""
        return tuple(
            (node, text.commands()) for node, text in self.nodes.items() if node in nodes and not text.empty
        )

    def filters(self, nodes: tuple[str, ...]) -> BackupFilters:
        """What is left out of the nodes that are backed up."""
        return script_filters(self.filter, self.node_filters, nodes)

    def words(self) -> str:
        """What differs from nothing, in a line."""
        parts = (
            [f"what is missed is tried again {_times(self.retries)}"] if self.retries else ["no second try"]
        )
        if self.commands.before.strip():
            parts.append("a command before")
        if self.commands.after.strip():
            parts.append("a command after")
        parts += ["commands around nodes"] if any(not one.empty for one in self.nodes.values()) else []
        filtered = not self.filter.empty or any(not one.empty for one in self.node_filters.values())
        parts += ["filtered"] if filtered else []
        parts += [JOB_LOG[self.job_log].words] if JOB_LOG[self.job_log].words else []
        return ", ".join(parts)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
