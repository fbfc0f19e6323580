"""The shapes of projects that are sent as archives."""

from types import MappingProxyType
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from toolcrib.server.schema.channel import DeployRequest

BINARY = MappingProxyType({"type": "string", "format": "binary"})
ARCHIVES = MappingProxyType[str, Any](
    {"application/gzip": {"schema": dict(BINARY)}, "application/zip": {"schema": dict(BINARY)}}
)
Said = Annotated[str, Field(max_length=255)]


class UploadQuery(DeployRequest):
    """How the project in the archive comes to serve, and what git says of it where it was packed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={})

    git_commit: Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})?$")] = ""
    git_branch: Said = ""
    git_dirty: bool | None = Field(default=None, description="Whether the files differ from the commit.")
