"""`RunScope`: what the nodes of a graph know of the run they serve; travels in LangGraph's config."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig

from toolcrib.agents.money.purse import Purse
from toolcrib.core.agents import LoopLimits
from toolcrib.core.calls import CallContext, DeadlineLevel, ToolCall
from toolcrib.core.errors import ToolcribError
from toolcrib.core.events import Event, ToolFinished
from toolcrib.core.experiments.arms import Arms
from toolcrib.core.models import Tier
from toolcrib.core.ports import Clock, Emit, Random
from toolcrib.core.quick_init import quick_init
from toolcrib.core.redaction import Masks, hides, redact, redact_result, texts_of
from toolcrib.core.results import ToolResult, failed
from toolcrib.core.tools import Tool
from toolcrib.registry.release import Release

SCOPE_KEY = "__toolcrib_scope"
"""Key in `config["configurable"]`; LangGraph keeps keys that begin with two underscores out of its checkpoints."""


class Calls(Protocol):
    """The way to the tools of a release; see `Executor`."""

    async def call(self, release: Release, call: ToolCall, context: CallContext) -> ToolResult:
        """Send a call through the tool's chain."""

    def hidden(self, release: Release, context: CallContext) -> frozenset[str]:
        """Names of tools that are not worth offering to a model now."""


class ChatModels(Protocol):
    """The models of this process; see `Models`."""

    async def get(self, name: str, options: Mapping[str, Any]) -> BaseChatModel:
        """The model of this name, made with these options.

        Raises:
            ModelUnavailable: its package or its key is missing, or the name is not known.
        """


def _ignore(event: str, data: Mapping[str, Any]) -> None:
    """Nobody listens."""


def _drop(event: Event) -> None:
    """Nobody listens."""


@dataclass(slots=True)
class Pace:
    """How far a run has come, since it began or went on; not saved.

    Attributes:
        iterations: how often its model was asked.
        deadline: reading of the monotonic clock at which the present iteration's time is over; None before the first.
    """

    iterations: int = 0
    deadline: float | None = None


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class RunScope:
    """One run, pinned to one release.

    Attributes:
        release: every tool call of the run goes here.
        calls: the way to the tools.
        models, clock, random: the process's own; graphs are made without them.
        tools: names of the tools the agent may call.
        arms: the variants of experiments that the run is in.
        tier: the tier of models its caller asked for; None when the agent's route decides.
        deadline: reading of the monotonic clock at which the run's time is over; None without limit.
        tool_timeout_s: upper bound for each tool call; None without.
        loops: when its model is taken to go in a circle; None for never.
        purse: what its models are paid from; None outside of runs of agents.
        pace: how far it has come.
        notify: told of each step, `(event, data)`; becomes the run's trace and its stream.
        emit: takes events for all who watch the process.
        loop: the event loop of the open project, on which its tools and models are called; None for the caller's own.
    """

    release: Release
    calls: Calls
    models: ChatModels
    clock: Clock
    random: Random
    tools: tuple[str, ...]
    run_id: str = ""
    thread_id: str = ""
    agent: str = ""
    tenant: str = ""
    arms: Arms = ()
    tier: Tier | None = None
    deadline: float | None = None
    tool_timeout_s: float | None = None
    loops: LoopLimits | None = None
    purse: Purse | None = None
    pace: Pace = field(default_factory=Pace)
    notify: Callable[[str, Mapping[str, Any]], None] = _ignore
    emit: Emit = _drop
    loop: asyncio.AbstractEventLoop | None = field(default=None, repr=False)

    def context(
        self, *, extras: Mapping[str, Any], deadline: float | None, level: DeadlineLevel, approved: bool = False
    ) -> CallContext:
        """The context of a tool call of this run; `deadline` is the nearest one the caller knows."""
        return CallContext(
            tenant=self.tenant,
            agent=self.agent,
            run_id=self.run_id,
            thread_id=self.thread_id,
            arms=self.arms,
            deadline=deadline,
            deadline_level=level,
            timeout_s=self.tool_timeout_s,
            approved=approved,
            extras=extras,
        )

    def hidden(self) -> frozenset[str]:
        """Names of tools that are not worth offering to the model now, because calls would be refused."""
        return self.calls.hidden(self.release, CallContext(tenant=self.tenant, agent=self.agent, arms=self.arms))

    async def call(self, call: ToolCall, context: CallContext) -> ToolResult:
        """Call a tool of the pinned release, and tell the run's listeners before and after."""
        if self.notify is _ignore:
            return await self.calls.call(self.release, call, context)
        self.notify("tool.started", {"tool": call.name, "call_id": call.id, "args": dict(self.shown(call).args)})
        result = await self.calls.call(self.release, call, context)
        self.notify("tool.finished", self._told(call, result))
        return result

    def shown(self, call: ToolCall) -> ToolCall:
        """The call as people may see it."""
        mask = self._sensitive(call.name).args
        return replace(call, args=redact(call.args, mask)) if hides(mask) else call

    def _told(self, call: ToolCall, result: ToolResult) -> dict[str, Any]:
        """The result of a call as people may see it; a fallback may have answered in place of the tool."""
        args, value = self._sensitive(call.name).args, self._sensitive(result.tool).result
        document = result.to_dict()
        if hides(args) or hides(value):
            return redact_result(document, value, texts_of(call.args, args))
        return document

    def find(self, name: str) -> Tool | None:
        """The tool of this name, as calls of this run find it."""
        return self.release.find(name, agent=self.agent, tenant=self.tenant, arms=self.arms)

    def refused(self, tool: str, call_id: str, why: ToolcribError) -> ToolResult:
        """The result of a call that never reaches a chain, which would tell of it; so this does."""
        result = failed(why, tool=tool, release=self.release.id, call_id=call_id)
        arms = self.release.concerning(self.arms, agent=self.agent, tools=(tool,))
        result = replace(result, variants=arms) if arms else result
        who = {"run_id": self.run_id, "thread_id": self.thread_id, "agent": self.agent, "tenant": self.tenant}
        self.emit(ToolFinished(result=result, **who))
        return result

    def _sensitive(self, tool: str) -> Masks:
        found = self.find(tool)
        return found.spec.sensitive if found else Masks()


class ScopeSource(Protocol):
    """Gives a scope to runs that were not started by toolcrib.

    Attributes:
        loop: the event loop that `scope_for` has to be called on.
    """

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """See above."""

    def scope_for(self, config: RunnableConfig) -> RunScope:
        """The scope of the run this config belongs to; the same one, so the same release, for all of its steps.

        Where several releases serve, `thread_id` and `tenant` of the config's `configurable` decide; in experiments its
        `user` too.
        """

    async def scope_at(self, config: RunnableConfig, digest: str) -> RunScope:
        """The scope of this run on the release with this digest; `scope_for` when that is not to be had any more."""


def scope_of(config: RunnableConfig) -> RunScope | None:
    """The scope in this config, if the graph runs under toolcrib."""
    scope = (config.get("configurable") or {}).get(SCOPE_KEY)
    return scope if isinstance(scope, RunScope) else None


def required_scope(config: RunnableConfig) -> RunScope:
    """The scope in this config.

    Raises:
        ToolcribError: the graph does not run under toolcrib.
    """
    if scope := scope_of(config):
        return scope
    raise ToolcribError(
        "This graph belongs to a toolcrib release and was started without one.",
        hint="Run it with `crib.run(...)`; for tools in a graph of your own, take `crib.tool_node()`.",
    )
