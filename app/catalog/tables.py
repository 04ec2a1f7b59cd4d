"""The catalog's tables. Times are microseconds since 1970 UTC; structured values are JSON text.

A version row says: this path had this content from session ordinal `first_ordinal` on, up to but not
including `next_ordinal` (NULL = still so). Rows of a session that is being staged carry an ordinal that no
session has yet, which is what keeps them invisible.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    true,
)
from sqlalchemy import text as sql_text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
RowId = BigInteger().with_variant(Integer, "sqlite")


def _text(name: str, default: str | None = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _flag(name: str, *, on: bool = False) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=true() if on else false())


settings = Table("settings", metadata, Column("key", Text, primary_key=True), _text("value"))

hosts = Table(
    "hosts",
    metadata,
    Column("name", Text, primary_key=True),
    _text("address"),
    _text("user_name"),
    _text("fingerprint"),
)

scenarios = Table(
    "scenarios",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    _text("master"),
    _text("replicas", "[]"),
    _text("roots", "[]"),
    _text("server_type"),
    _text("product"),
    Column("registered_at", BigInteger, nullable=False),
)

device_groups = Table("device_groups", metadata, Column("name", Text, primary_key=True))

devices = Table(
    "devices",
    metadata,
    Column("name", Text, primary_key=True),
    _text("path"),
    _text("group_name"),
    Column("total_bytes", BigInteger),
    Column("free_bytes", BigInteger),
    _flag("online", on=True),
    _text("problem"),
    _text("identity"),
)

media = Table(
    "media",
    metadata,
    Column("serial", Text, primary_key=True),
    _text("name"),
    _text("media_id"),
    Column("sequence", Integer, nullable=False),
    _text("set_id"),
    _text("device"),
    _text("group_name"),
    Column("created_at", BigInteger, nullable=False),
    Column("used_bytes", BigInteger),
    _flag("online", on=True),
    Column("expires_at", BigInteger),
)

media_sets = Table(
    "media_sets",
    metadata,
    Column("set_id", Text, primary_key=True),
    _text("pool"),
    _text("pool_set"),
    Column("last_written_at", BigInteger),
    _flag("retired"),
    _text("run"),
)

pools = Table(
    "pools",
    metadata,
    Column("name", Text, primary_key=True),
    Column("retention_days", Integer, nullable=False),
    Column("minimum_save", Integer, nullable=False),
)

lineages = Table(
    "lineages",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("machine", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("set_id", Text, nullable=False),
    Column("roots", Text, nullable=False),
    Column("last_ordinal", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("machine", "entity", "set_id", "roots"),
)

stagings = Table(
    "stagings",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("lineage_id", ForeignKey("lineages.id"), nullable=False, unique=True),
    Column("ordinal", BigInteger, nullable=False),
    Column("job_id", BigInteger),
    _count("fence"),
    Column("touched_at", BigInteger, nullable=False),
    _flag("dead"),
    _text("source_serial"),
    _count("source_number"),
    Column("position", LargeBinary),
)

rebuilds = Table(
    "rebuilds",
    metadata,
    Column("lineage_id", RowId, ForeignKey("lineages.id"), primary_key=True, autoincrement=False),
    Column("replaces", BigInteger, nullable=False, unique=True),
    _text("plan", "[]"),
    _count("after_name"),
)

folders = Table(
    "folders",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("machine", Text, nullable=False),
    Column("path", LargeBinary, nullable=False),
    UniqueConstraint("machine", "path"),
)

names = Table(
    "names",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("folder_id", ForeignKey("folders.id"), nullable=False),
    Column("name", LargeBinary, nullable=False),
    _text("text"),
    _flag("ever_folder"),
    UniqueConstraint("folder_id", "name"),
    Index(
        "ix_names_folders",
        "folder_id",
        "name",
        sqlite_where=sql_text("ever_folder"),
        postgresql_where=sql_text("ever_folder"),
    ),
)

versions = Table(
    "versions",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("name_id", ForeignKey("names.id"), nullable=False),
    Column("lineage_id", ForeignKey("lineages.id"), nullable=False),
    Column("first_ordinal", BigInteger, nullable=False),
    Column("next_ordinal", BigInteger),
    _text("kind"),
    _count("size_bytes"),
    _count("modified_ns"),
    _text("content_id"),
    UniqueConstraint("name_id", "lineage_id", "first_ordinal"),
    Index(None, "lineage_id", "next_ordinal"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("lineage_id", ForeignKey("lineages.id"), nullable=False),
    Column("ordinal", BigInteger, nullable=False),
    Column("media_serial", Text, nullable=False),
    _text("media_name"),
    _text("media_id"),
    Column("number", Integer, nullable=False),
    Column("job_id", BigInteger, index=True),
    Column("scenario_id", BigInteger),
    _text("scenario_name"),
    _text("machine"),
    _text("replica"),
    _text("entity"),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger, nullable=False),
    _count("files"),
    _count("directories"),
    _count("size_bytes"),
    _count("new_bytes"),
    _count("stored_bytes"),
    _text("consistency"),
    _text("snapshot_provider"),
    _flag("encrypted"),
    _flag("incomplete"),
    _count("problems"),
    Column("written_at", BigInteger),
    Column("verified_at", BigInteger),
    Column("restore_tested_at", BigInteger),
    _count("restore_tested_percent"),
    _flag("damaged"),
    _flag("detail", on=True),
    Column("detail_at", BigInteger),
    _text("origin_serial"),
    _count("origin_number"),
    _text("filters"),
    _text("left_out"),
    Index(None, "origin_serial", "origin_number"),
    UniqueConstraint("media_serial", "number"),
    UniqueConstraint("lineage_id", "ordinal"),
)

comparisons = Table(
    "comparisons",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("older_id", ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("newer_id", ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    _flag("whole"),
    UniqueConstraint("older_id", "newer_id"),
    sqlite_autoincrement=True,
)
"""Sessions that were compared; see `app.catalog.departures`. An id is never used twice: rows outlive it."""

departures = Table(
    "departures",
    metadata,
    Column("comparison_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name_id", BigInteger, primary_key=True, autoincrement=False, index=True),
    sqlite_with_rowid=False,
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("parent_id", BigInteger, index=True),
    _text("kind"),
    _text("name"),
    _text("status"),
    Column("last_result", Text),
    _text("owner"),
    _text("server"),
    _text("device_group"),
    Column("created_at", BigInteger, nullable=False),
    Column("execution_at", BigInteger),
    _text("schedule", "{}"),
    _text("script", "{}"),
    Column("credentials", LargeBinary),
    _text("waits_for"),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    _count("files"),
    _count("read_bytes"),
    _count("stored_bytes"),
    _count("errors"),
    _count("warnings"),
    _count("fence"),
    _text("claimed_by"),
    Column("lease_until", BigInteger),
    _flag("stop_requested"),
    Index(None, "status", "execution_at"),
    sqlite_autoincrement=True,
)

TROUBLE = sql_text("severity IN ('warning', 'error', 'critical')")
"""Lines that somebody has to look at. An index has them alone: a question says it in just these words."""

activity = Table(
    "activity",
    metadata,
    Column("id", RowId, primary_key=True),
    _text("severity"),
    Column("at", BigInteger, nullable=False, index=True),
    _text("server"),
    _text("code"),
    Column("job_id", BigInteger, index=True),
    Column("parent_job_id", BigInteger, index=True),
    Column("session", BigInteger),
    _text("scenario"),
    _text("params", "{}"),
    Index("ix_activity_trouble", "id", sqlite_where=TROUBLE, postgresql_where=TROUBLE),
    sqlite_autoincrement=True,
)

alert_targets = Table(
    "alert_targets",
    metadata,
    Column("name", Text, primary_key=True),
    _text("method"),
    _text("address"),
    _text("events", "[]"),
    _text("codes", "[]"),
    _flag("enabled", on=True),
    Column("sealed", LargeBinary),
)

alert_deliveries = Table(
    "alert_deliveries",
    metadata,
    Column("id", RowId, primary_key=True),
    _text("target"),
    _text("key"),
    _text("code"),
    _text("severity"),
    _text("params", "{}"),
    Column("job_id", BigInteger),
    _text("scenario"),
    Column("at", BigInteger, nullable=False),
    _text("state"),
    _count("attempts"),
    Column("next_at", BigInteger),
    Column("sent_at", BigInteger),
    _text("error"),
    UniqueConstraint("target", "key"),
    Index(None, "state", "next_at"),
)
