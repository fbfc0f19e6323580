"""A chat model that says what a test wrote down, and the scope a graph needs to run outside of a project."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableConfig
from pydantic import Field

from tests.support import InlineWorkers
from toolcrib.agents.scope import SCOPE_KEY, RunScope
from toolcrib.agents.state.graph_values import GraphValueTexts
from toolcrib.core.chain import CallNext
from toolcrib.core.ports import CallJournal
from toolcrib.core.redaction import Secrets
from toolcrib.core.releases import Manifest
from toolcrib.core.tools import Tool
from toolcrib.execution.chain import build_chain
from toolcrib.execution.executor import Executor
from toolcrib.execution.ports import ChainPorts
from toolcrib.execution.state.breaker import Circuits
from toolcrib.execution.state.escalation import Escalations
from toolcrib.execution.state.gates import Gates
from toolcrib.observability.hub import EventHub
from toolcrib.registry.release import Release
from toolcrib.runners.inline import InlineRunner
from toolcrib.runners.threads import ThreadRunner
from toolcrib.runtime.clock import SystemClock, SystemRandom, new_handle
from toolcrib.stores.artifact_texts import Bounds
from toolcrib.stores.memory.artifacts import MemoryArtifactStore
from toolcrib.stores.memory.journal import MemoryJournal
from toolcrib.stores.memory.locks import MemoryLocks
from toolcrib.stores.memory.rate_limits import MemoryRateLimiter
from toolcrib.stores.memory.result_cache import MemoryResultCache
from toolcrib.testing import CountingIds
from toolcrib.tools.resources.pool import ResourcePool


class ScriptedModel(BaseChatModel):
    """Answers with the script's messages in turn, and keeps what it was asked and which tools it was given."""

    script: list[AIMessage]
    asked: list[list[BaseMessage]] = Field(default_factory=list)
    offered: list[Any] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> "ScriptedModel":
        """Remember the tools; the script goes on."""
        self.offered.extend(tools)
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.asked.append(list(messages))
        said = self.script[min(len(self.asked), len(self.script)) - 1].model_copy(update={"id": None})
        return ChatResult(generations=[ChatGeneration(message=said)])


class OneModel:
    """Stands where `Models` stands: every name is the same model."""

    def __init__(self, model: BaseChatModel) -> None:
        self._model = model

    async def get(self, name: str, options: Mapping[str, Any]) -> BaseChatModel:
        """The model."""
        return self._model


def calls(*wanted: tuple[str, Mapping[str, Any]]) -> AIMessage:
    """An answer that asks for tool calls."""
    return AIMessage(
        "", tool_calls=[{"name": n, "args": dict(a), "id": f"call-{i}"} for i, (n, a) in enumerate(wanted)]
    )


def release_of(
    *tools: Tool, name: str = "r-test0001", circuits: Circuits | None = None, journal: CallJournal | None = None
) -> Release:
    """A release with these tools, on real runners."""
    clock, events = SystemClock(), EventHub()
    ports = ChainPorts(
        graph_values=GraphValueTexts(),
        clock=clock,
        random=SystemRandom(),
        events=events,
        inline=InlineRunner(),
        threads=ThreadRunner(workers=4),
        cache=MemoryResultCache(max_bytes=1 << 20, clock=clock, memory_used=lambda: 0.0),
        circuits=circuits or Circuits(events=events),
        escalations=Escalations(events=events),
        rates=MemoryRateLimiter(clock=clock),
        journal=journal or MemoryJournal(),
        gates=Gates(),
        locks=MemoryLocks(),
        processes=InlineWorkers(),
        resources=ResourcePool(env={}, clock=SystemClock()),
        artifacts=MemoryArtifactStore(bounds=Bounds(max_bytes=1 << 20, ttl_s=60), clock=clock, new_handle=new_handle),
        secrets=Secrets({}),
    )
    chains: dict[str, CallNext] = {}
    release = Release(
        id=name,
        manifest=Manifest(digest=name.removeprefix("r-"), files={}),
        tools={tool.name: tool for tool in tools},
        chains=chains,
    )
    chains.update((tool.name, build_chain(tool, release=release, ports=ports)) for tool in tools)
    return release


def config_for(
    release: Release,
    model: BaseChatModel,
    *,
    notify: Callable[[str, Mapping[str, Any]], None] = lambda event, data: None,
    thread_id: str = "t1",
    circuits: Circuits | None = None,
    **scope: Any,
) -> RunnableConfig:
    """A LangGraph config that pins a run to a release."""
    pinned = RunScope(
        release=release,
        calls=Executor(
            ids=CountingIds(),
            clock=SystemClock(),
            events=EventHub(),
            circuits=circuits or Circuits(events=EventHub()),
        ),
        models=OneModel(model),
        **{
            "clock": SystemClock(),
            "random": SystemRandom(),
            "tools": tuple(release.tools),
            "notify": notify,
            **scope,
        },
    )
    return {"configurable": {SCOPE_KEY: pinned, "thread_id": thread_id}}
