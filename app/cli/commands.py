"""The nouns of the command line; each file is imported when its command is used."""

from __future__ import annotations

import importlib

import click

COMMANDS = {
    "init": ("app.cli.home", "init", "Make a home, new or from the media of a lost one."),
    "demo": ("app.cli.demo", "demo", "Run the whole story on real files and verify it."),
    "server": ("app.cli.server", "server", "The backup server of a home."),
    "agent": ("app.cli.agent", "agent", "The engine of a host."),
    "account": ("app.cli.account", "account", "Accounts of the home's agent."),
    "host": ("app.cli.host", "host", "Known hosts."),
    "preflight": ("app.cli.preflight", "preflight", "Check hosts before they are used."),
    "scenario": ("app.cli.scenario", "scenario", "Replication scenarios."),
    "backup": ("app.cli.backup", "backup", "Submit a backup of scenarios."),
    "restore": ("app.cli.restore", "restore", "Submit a restore."),
    "query": ("app.cli.query", "query", "Search all sessions for names."),
    "versions": ("app.cli.query", "versions", "Every version of one path."),
    "job": ("app.cli.job", "job", "The job queue."),
    "script": ("app.cli.job_script", "script", "Backup jobs as files."),
    "alert": ("app.cli.alert", "alert", "Who is told of what."),
    "protection": ("app.cli.alert", "protection", "What is protected until when."),
    "log": ("app.cli.log", "log", "The activity log."),
    "session": ("app.cli.session", "session", "Backup sessions."),
    "media": ("app.cli.media", "media", "Media."),
    "device": ("app.cli.device", "device", "Devices."),
    "group": ("app.cli.group", "group", "Device groups."),
    "staging": ("app.cli.staging", "staging", "Groups that backups go to first."),
    "pool": ("app.cli.pool", "pool", "Media pools."),
    "help": ("app.cli.help", "help_", "Pages of the help."),
}


class Nouns(click.Group):
    """The top-level group; knows every noun without importing it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All nouns in the order people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command object of `cmd_name`, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of nouns for --help, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The global options (taken out before click sees the arguments) and the commands."""
        with formatter.section("Options (anywhere in the line)"):
            formatter.write_dl(
                [
                    ("--home DIR", "The home to work with (else ARCXO_HOME, else the user's own)."),
                    ("--json", "One JSON document on stdout (JSON lines for streams)."),
                    ("--version", "Show the version."),
                    ("--help", "Show this help, or that of a command."),
                ]
            )
        self.format_commands(ctx, formatter)


def root_command() -> click.Command:
    """The command `arcxo`."""
    from app import __version__

    group = Nouns(
        "arcxo",
        help="Continuous replication, and backup of the replica. Without a command the console opens.",
        no_args_is_help=False,
    )
    version: click.Command = click.version_option(__version__, prog_name="arcxo")(group)
    return version
