"""The lines that end a job in the activity log, in the order of the specification's sample."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.jobs.control import JobControl
from app.model.job import JobResult

_BACKUP_END = {
    JobResult.FINISHED: "N5040",
    JobResult.INCOMPLETE: "W5041",
    JobResult.FAILED: "E5042",
    JobResult.RUN_FAILED: "E5042",
    JobResult.CRASHED: "E5042",
    JobResult.CANCELED: "W5043",
}
_RESTORE_END = {
    JobResult.FINISHED: "N5070",
    JobResult.INCOMPLETE: "W5071",
    JobResult.FAILED: "E5072",
    JobResult.RUN_FAILED: "E5072",
    JobResult.CRASHED: "E5072",
    JobResult.CANCELED: "W5073",
}


@dataclass(slots=True)
class NodeSummary:
    """What became of one scenario of a backup, or of a directory (`scenario_id` 0).

    It is a node of the summary; its entities are the volumes.
    """

    scenario: str
    scenario_id: int
    master: str
    replica: str
    volumes: int = 1
    volumes_written: int = 0
    sessions: list[int] = field(default_factory=list)
    directories: int = 0
    files: int = 0
    size_bytes: int = 0
    new_bytes: int = 0
    stored_bytes: int = 0
    seconds: float = 0.0
    media: list[tuple[str, str, str, int]] = field(default_factory=list)
    """(name, ID, serial, sequence) of each media written to."""

    @property
    def missed(self) -> bool:
        """Whether a volume of it was not backed up."""
        return self.volumes_written < self.volumes


def write_node_summary(control: JobControl, node: NodeSummary) -> None:
    """`** Summary for … **`: sessions, directories and files, elapsed time, throughput, errors."""
    scenario = node.scenario
    control.note("N5010", scenario=scenario, node=node.master)
    _node_line(control, node)
    control.note("N5011", scenario=scenario, sessions=len(node.sessions))
    control.note(
        "N5012",
        scenario=scenario,
        directories=f"{node.directories:,}",
        files=f"{node.files:,}",
        size=size_text(node.size_bytes),
    )
    control.note(
        "N5013",
        scenario=scenario,
        new_size=size_text(node.new_bytes),
        stored_size=size_text(node.stored_bytes),
    )
    control.note("N5014", scenario=scenario, elapsed=elapsed_text(node.seconds))
    control.note("N5015", scenario=scenario, throughput=throughput_text(node.size_bytes, node.seconds))
    control.note("N5016", scenario=scenario, errors=control.errors, warnings=control.warnings)


def write_backup_summary(control: JobControl, nodes: list[NodeSummary], group: str) -> None:
    """`*** Backup Summary for Job ID n ***`: group, media, sessions, nodes, volumes, files, the missed."""
    control.note("N5020", job=control.job.id)
    control.note("N5021", group=group)
    control.note("N5022", pool="N/A")
    for name, media_id, serial, sequence in dict.fromkeys(
        media for node in nodes for media in node.media
    ) or {("N/A", "N/A", "N/A", 1): None}:
        control.note("N5023", media=name)
        control.note("N5024", media_id=media_id)
        control.note("N5026", sequence=sequence, serial=serial)
    control.note("N5025", count=sum(len(node.sessions) for node in nodes))
    missed_nodes = sum(1 for node in nodes if not node.volumes_written)
    _counted(control, "N5027", len(nodes), missed_nodes)
    volumes = sum(node.volumes for node in nodes)
    _counted(control, "N5030", volumes, volumes - sum(node.volumes_written for node in nodes))
    control.note("N5031", count=f"{sum(node.directories for node in nodes):,}")
    control.note("N5032", count=f"{sum(node.files for node in nodes):,}")
    control.note("N5035", size=size_text(sum(node.stored_bytes for node in nodes)))
    control.note("N5033")
    for node in nodes:
        if node.missed:
            _node_line(control, node)


def write_backup_end(control: JobControl, result: JobResult) -> None:
    """The line that says how the backup ended."""
    control.conclude(_BACKUP_END[result])


def write_restore_end(control: JobControl, result: JobResult) -> None:
    """The line that says how the restore ended."""
    control.conclude(_RESTORE_END[result])


def size_text(size_bytes: int) -> str:
    """A size for people: `3.52 MB`; binary units under their customary names."""
    value, unit = float(size_bytes), "bytes"
    for unit in ("bytes", "KB", "MB", "GB", "TB"):
        if value < 1024 or unit == "TB":
            break
        value /= 1024
    return f"{size_bytes:,} bytes" if unit == "bytes" else f"{value:,.2f} {unit}"


def elapsed_text(seconds: float) -> str:
    """A duration as the log writes it: `0s`, `2m 5s`, `1h 0m 9s`."""
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}h {minutes}m {rest}s"
    return f"{minutes}m {rest}s" if minutes else f"{rest}s"


def throughput_text(size_bytes: int, seconds: float) -> str:
    """KB a minute."""
    return f"{size_bytes / 1024 / max(seconds, 0.001) * 60:,.0f}"


def _counted(control: JobControl, code: str, total: int, failed: int) -> None:
    control.note(code, count=total)
    control.note("N5028", count=total - failed)
    control.note("N5029", count=failed)


def _node_line(control: JobControl, node: NodeSummary) -> None:
    if not node.scenario_id:
        control.note("N5036", scenario=node.scenario, source=node.scenario, result=node.master)
        return
    control.note(
        "N5034",
        scenario=node.scenario,
        master=node.master,
        id=node.scenario_id,
        replica=node.replica,
        result=node.master,
    )
