"""`arcxo scenario …`: replication scenarios; the verbs are in the files beside this one."""

from __future__ import annotations

import importlib

import click

VERBS = {
    "create": ("app.cli.scenario_define", "create", "Make a scenario."),
    "check": ("app.cli.scenario_define", "check", "Check what `create` would make; changes nothing."),
    "preview": ("app.cli.scenario_preview", "preview", "Show what filters take and leave out."),
    "list": ("app.cli.scenario_show", "list_scenarios", "List the scenarios and how they stand."),
    "show": ("app.cli.scenario_show", "show", "Show one scenario."),
    "set": ("app.cli.scenario_define", "set_properties", "Change properties."),
    "get": ("app.cli.scenario_define", "get_properties", "Show properties."),
    "import": ("app.cli.scenario_define", "import_xml", "Make a scenario from its XML definition."),
    "export": ("app.cli.scenario_define", "export", "Print the XML definition."),
    "register": ("app.cli.scenario_define", "register", "Register a scenario that only its host knows."),
    "template": ("app.cli.scenario_template", "template", "What new scenarios may begin with."),
    "discover": ("app.cli.scenario_discover", "discover", "Find scenarios of hosts that are not listed."),
    "delete": ("app.cli.scenario_delete", "delete", "Delete a scenario; directories stay as they are."),
    "leftovers": ("app.cli.scenario_delete", "leftovers", "What hosts keep of deleted scenarios."),
    "run": ("app.cli.scenario_control", "run", "Start replicating; returns once started."),
    "stop": ("app.cli.scenario_control", "stop", "Stop replicating; returns when stopped."),
    "suspend": ("app.cli.scenario_control", "suspend", "Stop updating a replica; changes wait in the spool."),
    "resume": ("app.cli.scenario_control", "resume", "Go on updating a suspended replica."),
    "synchronize": ("app.cli.scenario_control", "synchronize", "Compare everything and make it equal."),
    "bookmark": ("app.cli.scenario_control", "bookmark", "Name this moment as a rewind point."),
    "wait": ("app.cli.scenario_control", "wait", "Wait for a state: replicating, in-sync or stopped."),
    "files": ("app.cli.scenario_files", "files", "How the entries of a directory stand on a replica."),
    "rewind-points": ("app.cli.scenario_rewind", "rewind_points", "List rewind points."),
    "rewind-density": ("app.cli.scenario_rewind", "rewind_density", "Count changes by when they came."),
    "rewind": ("app.cli.scenario_rewind", "rewind", "Take the replica back to a point."),
    "recover": ("app.cli.scenario_rewind", "recover", "Make the master equal to a replica."),
    "brake": ("app.cli.scenario_brake", "brake", "Review and decide what the safety brake holds."),
    "difference": ("app.cli.scenario_report", "difference", "Compare master and replica; change nothing."),
    "drift": ("app.cli.scenario_report", "drift", "What others changed on the replicas."),
    "audit": ("app.cli.scenario_report", "audit", "Compare contents in the background, from now on."),
    "reports": ("app.cli.scenario_report", "reports", "List the reports of a scenario."),
    "report": ("app.cli.scenario_report", "report", "Show one report."),
    "statistics": ("app.cli.scenario_show", "statistics", "Counters of a scenario."),
    "events": ("app.cli.scenario_show", "events", "Events of the engines."),
}


class Verbs(click.Group):
    """The verbs of `scenario`, each imported when used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs in the order of a scenario's life."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command object of `cmd_name`."""
        if cmd_name not in VERBS:
            return None
        module, attribute, _ = VERBS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs for --help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in VERBS.items()])


scenario = Verbs("scenario", help="Replication scenarios.")
