"""The shapes of who sees which release: deployments, the canary, tenants held on a release."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from toolcrib.core.releases import Acceptable
from toolcrib.core.settings import BakeSeconds, MinSamples
from toolcrib.server.schema import examples
from toolcrib.server.schema.documents import CanaryPart, Name

Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Words = Annotated[str, Field(max_length=2_000, description="For the history.")]
PERCENT = "Percentage of threads that see it."
TENANTS = "Tenants that see it whatever the percentage."
BAKE = "Seconds before it may be promoted; by default the setting `canary.bake_s`."
SAMPLES = "Runs or calls that must have ended on both sides; by default the setting `canary.min_samples`."


class DeployRequest(BaseModel):
    """How the served directory, as it is now, comes to serve: for all, as a canary, or not yet."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"canary": 10, "why": "new prompt"}})

    canary: Percent | None = Field(default=None, description=PERCENT)
    tenants: list[Name] = Field(default_factory=list, max_length=1_000, description=TENANTS)
    bake_s: BakeSeconds | None = Field(default=None, description=BAKE)
    min_samples: MinSamples | None = Field(default=None, description=SAMPLES)
    activate: bool = Field(default=True, description="False keeps the release in the store; nobody sees it.")
    accept: list[Acceptable] = Field(
        default_factory=list,
        description="`permissions` takes a release that lowers the guards of a tool or an agent; `stranded` one that "
        "threads which wait for a human cannot come to, and holds these on their releases.",
    )
    why: Words = ""

    @model_validator(mode="after")
    def _is_a_plan(self) -> "DeployRequest":
        if self.canary is None and not self.tenants:
            return self
        if not self.activate:
            raise ValueError("a canary serves: leave `activate` out, or `canary` and `tenants`")
        if not (self.canary or self.tenants):
            raise ValueError("nobody would see this canary: give a percentage above 0, or tenants")
        return self


class ChangeCanaryRequest(BaseModel):
    """What is to change of the canary; what is not given stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"percent": 25}})

    percent: Percent | None = Field(default=None, description=PERCENT)
    tenants: list[Name] | None = Field(default=None, max_length=1_000, description=TENANTS)
    bake_s: BakeSeconds | None = Field(default=None, description=BAKE)
    min_samples: MinSamples | None = Field(default=None, description=SAMPLES)
    why: Words = ""


class WhyRequest(BaseModel):
    """Why something is done."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"why": "looks well"}})

    why: Words = ""


class HoldRequest(BaseModel):
    """A tenant, and the release it is to see whatever else serves."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"tenant": "acme", "release": examples.RELEASE}}
    )

    tenant: Annotated[Name, Field(min_length=1)]
    release: Name | None = Field(description="Its id; null lets go of the tenant.")
    why: Words = ""


class TallyDocument(BaseModel):
    """What runs, or calls, came to. What nothing is known of is null."""

    model_config = ConfigDict(extra="allow")

    ended: int
    errors: int = Field(description="All that failed; the others are among them.")
    timeouts: int
    invalid: int = Field(description="Calls whose arguments did not fit.")
    loops: int = Field(description="Runs that hit their iteration limit.")
    p95_s: float | None
    cost_usd: float | None = Field(description="Of one, on average.")


class SideDocument(BaseModel):
    """One release's figures: in the window that ends now, and since the canary began in this process."""

    recent: dict[Literal["runs", "calls"], TallyDocument]
    whole: dict[Literal["runs", "calls"], TallyDocument]


class CanaryDocument(CanaryPart):
    """How the canary does, by what this server saw of both sides."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": dict(examples.CANARY)})

    stable: str
    generation: int
    bake_s: float
    min_samples: int
    left_s: float = Field(description="Seconds of its bake time that are left.")
    move: Literal["go_on", "promote", "roll_back"] = Field(description="What is to be done with it.")
    why: str
    figures: dict[Literal["canary", "stable"], SideDocument]
