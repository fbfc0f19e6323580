"""The shapes of the history of errors in answers."""

from pydantic import BaseModel, ConfigDict, Field

from toolcrib.server.schema import examples


class ErrorEntry(BaseModel):
    """A call that failed; neither its arguments nor a result."""

    model_config = ConfigDict(extra="allow")

    tool: str
    at: float = Field(description="Unix time of its end.")
    release: str
    code: str
    severity: str
    escalated: bool = Field(description="The severity is one step higher than the error's own: it is one of many.")
    layer: str
    message: str
    call_id: str
    tenant: str
    agent: str
    run_id: str


class EpisodeDocument(BaseModel):
    """A tool that fails too often for a tenant, and for how long that has been so."""

    model_config = ConfigDict(extra="allow")

    tool: str
    tenant: str
    duration_s: float


class ToolErrorsDocument(BaseModel):
    """The last errors of a tool, the newest first; and for whom it fails too often now, in the process that answers."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": dict(examples.TOOL_ERRORS)})

    escalated: list[EpisodeDocument]
    errors: list[ErrorEntry]
