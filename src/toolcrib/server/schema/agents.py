"""The shapes of agents, and of requests to run them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from toolcrib.core.agents import StreamMode
from toolcrib.core.models import Tier
from toolcrib.server.schema.documents import Name


class RunRequestBody(BaseModel):
    """A run of an agent: a question, an input state for a graph, or the answer a paused run waits for."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"question": "Where is order A-42?"}})

    question: str | None = Field(default=None, description="What to ask.")
    input: list[Any] | dict[str, Any] | str | None = Field(
        default=None, description="The input state of a graph, or a list of messages."
    )
    thread_id: Name = Field(default="", description="Continue this conversation; a new one is made when empty.")
    tenant: Name = Field(default="", description="On whose behalf; part of the thread's identity.")
    user: Name = Field(default="", description="The same within the tenant; for experiments that go by user.")
    resume: Any = Field(default=None, description="The human's answer for the run that waits on the thread.")
    tier: Tier | None = Field(
        default=None, description="Which of the agent's models to ask; its `route` decides by default."
    )
    stream: bool = Field(default=False, description="Answer with server-sent events.")
    modes: list[StreamMode] = Field(
        default=[], description="With `stream`: also what LangGraph tells in these modes, as events of these names."
    )

    @model_validator(mode="after")
    def _asks_one_thing(self) -> "RunRequestBody":
        given = [value for value in (self.question, self.input, self.resume) if value is not None]
        if len(given) != 1:
            raise ValueError("give one of `question`, `input` and `resume`; null is none of them")
        if self.modes and not self.stream:
            raise ValueError("`modes` are told in a stream: add `stream: true`")
        return self

    @property
    def asked(self) -> dict[str, Any]:
        """Arguments of `Crib.run` and `Crib.stream`."""
        question = self.input if self.question is None else self.question
        who = {"thread_id": self.thread_id, "tenant": self.tenant, "user": self.user}
        return {"question": question, **who, "resume": self.resume, "tier": self.tier}


class AgentDocument(BaseModel):
    """An agent of the current release: what its author wrote, and what it came to."""

    model_config = ConfigDict(extra="allow")

    name: str
    kind: str
    model: str | dict[str, Any] = Field(description="A model's name, or tiers with fallbacks.")
    prompt: str = Field(description="The system prompt as it is sent, variables filled in.")
    tools: list[str] = Field(description="Names of the tools it may call.")
    limits: dict[str, Any]
    description: str
    release: str
