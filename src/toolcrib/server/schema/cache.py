"""The shapes of the kept results of tools in requests and answers."""

from pydantic import BaseModel, ConfigDict, Field

from toolcrib.server.schema.documents import Name


class CacheSelection(BaseModel):
    """Which kept results are meant. A misspelt name is refused: without any, all of them are."""

    model_config = ConfigDict(extra="forbid")

    tool: Name = Field(default="", description="Results of this tool.")
    tenant: Name = Field(default="", description="Results for this tenant.")
    tag: Name = Field(default="", description="Results with this tag.")


class CacheDocument(BaseModel):
    """What the result cache did since the start; `entries` and `size_bytes` are what it holds."""

    model_config = ConfigDict(extra="allow")

    hits: int
    misses: int
    evicted: int
    entries: int
    size_bytes: int


class InvalidationDocument(BaseModel):
    """How many results were thrown away."""

    model_config = ConfigDict(extra="allow")

    removed: int
