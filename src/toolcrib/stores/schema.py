"""The tables, for any database SQLAlchemy speaks to."""

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

metadata = MetaData()

releases = Table(
    "toolcrib_releases",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("manifest", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("at", Float, nullable=False),
)

blobs = Table(
    "toolcrib_blobs",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

channels = Table(
    "toolcrib_channels",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("seen_tree", String(64), nullable=False),
)

deployments = Table(
    "toolcrib_deployments",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("record", Text, nullable=False),
)

journal = Table(
    "toolcrib_journal",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("tool", String(64), nullable=False),
    Column("tenant", String(255), nullable=False),
    Column("args_digest", String(64), nullable=False),
    Column("release", String(64), nullable=False),
    Column("began_at", Float, nullable=False),
    Column("result", Text, nullable=True),
    Index("toolcrib_journal_began", "began_at"),
)

runs = Table(
    "toolcrib_runs",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("thread_id", String(255), nullable=False),
    Column("tenant", String(255), nullable=False),
    Column("agent", String(64), nullable=False),
    Column("release", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("error", Text, nullable=False),
    Column("releases_seen", Text, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("finished_at", Float, nullable=True),
    Index("toolcrib_runs_thread", "tenant", "thread_id", "started_at"),
)
