"""The tables, for any database SQLAlchemy speaks to: those of the project's state, and those of what is large.

A database of an older version gets the tables and columns it lacks when it is opened: so a new column needs a
`server_default`, and none is ever renamed or retyped.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData()

releases = Table(
    "toolcrib_releases",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("manifest", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("at", Float, nullable=False),
)

# A table of its own: databases from before there were shapes get it when they are opened.
shapes = Table(
    "toolcrib_shapes",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("data", LargeBinary, nullable=False),
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
    Column("canary", Text, nullable=False, server_default=""),
    Column("held", Text, nullable=False, server_default=""),
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
    Column("process", String(64), nullable=False, server_default=""),
    Index("toolcrib_journal_began", "began_at"),
)

errors = Table(
    "toolcrib_errors",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("tool", String(64), nullable=False),
    Column("tenant", String(255), nullable=False),
    Column("at", Float, nullable=False),
    Column("release", String(64), nullable=False),
    Column("code", String(64), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("escalated", Boolean, nullable=False),
    Column("layer", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("call_id", String(255), nullable=False),
    Column("agent", String(64), nullable=False),
    Column("run_id", String(255), nullable=False),
    Index("toolcrib_errors_newest", "tool", "tenant", "id"),
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
    Column("paused_at", Text, nullable=False, server_default="[]"),
    Column("moved_to", String(64), nullable=False, server_default=""),
    Column("state", String(32), nullable=False, server_default=""),
    Column("revision", String(255), nullable=False, server_default=""),
    Column("process", String(64), nullable=False, server_default=""),
    Column("user", String(255), nullable=False, server_default=""),
    Column("variants", Text, nullable=False, server_default="{}"),
    Column("cost_usd", BigInteger, nullable=True),  # as in `accounts`
    Column("input_tokens", BigInteger, nullable=False, server_default="0"),
    Column("output_tokens", BigInteger, nullable=False, server_default="0"),
    Index("toolcrib_runs_thread", "tenant", "thread_id", "started_at"),
    Index("toolcrib_runs_status", "status", "started_at"),
)

tasks = Table(
    "toolcrib_tasks",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tool", String(64), nullable=False),
    Column("args", Text, nullable=False),
    Column("tenant", String(255), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("approved", Boolean, nullable=False, server_default=false()),
    Column("key", String(255), nullable=True),  # null without one: nulls are not equal, so they may be many
    Column("call_key", String(255), nullable=False, server_default=""),
    Column("priority", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("progress", Float, nullable=False),
    Column("message", Text, nullable=False),
    Column("release", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float, nullable=True),
    Column("finished_at", Float, nullable=True),
    Column("result", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("ttl_s", Float, nullable=False),
    Column("expires_at", Float, nullable=True),
    Column("batch", String(64), nullable=False),
    Column("stop_on_failure", Boolean, nullable=False),
    Column("callback_error", Text, nullable=False),
    Column("cancel_asked", Boolean, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("leased_until", Float, nullable=True),
    Column("starts", Integer, nullable=False),
    Column("crashes", Integer, nullable=False),
    Column("repeatable", Boolean, nullable=False),
    Column("sensitive", Text, nullable=False, server_default="{}"),
    UniqueConstraint("tenant", "key"),
    Index("toolcrib_tasks_next", "state", "priority", "created_at"),
    Index("toolcrib_tasks_batch", "batch"),
    Index("toolcrib_tasks_expiry", "expires_at"),
)

# Money in millionths of a millionth of a dollar: whole numbers are added exactly, on every database.
accounts = Table(
    "toolcrib_accounts",
    metadata,
    Column("scope", String(16), primary_key=True),
    Column("tenant", String(255), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("period", String(16), primary_key=True),
    Column("renews_at", Float, nullable=True),
    Column("spent_usd", BigInteger, nullable=False),
    Column("reserved_usd", BigInteger, nullable=False),
    Column("spent_tokens", BigInteger, nullable=False),
    Column("reserved_tokens", BigInteger, nullable=False),
    Column("touched_at", Float, nullable=False),
)

reservations = Table(
    "toolcrib_reservations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("accounts", Text, nullable=False),
    Column("usd", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("process", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Index("toolcrib_reservations_process", "process"),
)

large = MetaData()

artifacts = Table(
    "toolcrib_artifacts",
    large,
    Column("handle", String(64), primary_key=True),
    Column("tenant", String(255), nullable=False),
    Column("total_chars", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("is_whole", Boolean, nullable=False),  # false while its text is being written
    Index("toolcrib_artifacts_expiry", "expires_at"),
)

artifact_texts = Table(
    "toolcrib_artifact_texts",
    large,
    Column("handle", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)
