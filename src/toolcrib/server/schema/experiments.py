"""The shapes of experiments in answers."""

from pydantic import BaseModel, ConfigDict, Field


class Caller(BaseModel):
    """Who asks, in a query; what is empty stands for all."""

    agent: str = ""
    tenant: str = ""
    user: str = ""
    thread_id: str = ""


class EndsDocument(BaseModel):
    """What ended in the process that answers, since it began; times are those of the last thousand."""

    model_config = ConfigDict(extra="allow")

    count: int
    failed: int
    success: float | None = Field(description="Share from 0 to 1; null before the first.")
    mean_s: float | None
    p50_s: float | None
    p95_s: float | None


class VariantDocument(BaseModel):
    """A variant: what it changes, and how it does."""

    model_config = ConfigDict(extra="allow")

    weight: float
    share: float = Field(description="Its part of those who take part, from 0 to 1.")
    tools: dict[str, str] = Field(description="Name of a tool -> name of the tool whose code goes by it.")
    agents: dict[str, list[str]] = Field(description="Name of an agent -> fields that are otherwise.")
    calls: EndsDocument
    runs: EndsDocument


class ExperimentDocument(BaseModel):
    """An experiment of the current release."""

    model_config = ConfigDict(extra="allow")

    name: str
    by: str = Field(description="Who stays on one variant: `tenant`, `user` or `thread`.")
    salt: str
    place: str
    tools: list[str] = Field(description="Names of the tools that are otherwise in any variant.")
    agents: list[str] = Field(description="Names of the agents that are.")
    outside: list[str] = Field(description="Tenants that take no part: they have what it changes otherwise.")
    variants: dict[str, VariantDocument]
