"""CPU time of one run of an agent, beside LangChain's `create_agent` and other frameworks, in one run.

    make bench                                     # with all peers, in an environment of their own
    python benchmarks/agent.py [--times 150]       # with LangChain only

Prints one JSON object: milliseconds of process CPU per run (medians; the candidates take turns, ten runs each: a
server runs one of them, not all), ratios, and the aims. A scripted model asks for 1 or 10 calls of an async no-op
tool, one after the other, and then answers; it costs the same everywhere. Threads are kept nowhere, in memory, or in
SQLite, with the checkpointers of LangGraph; Pydantic AI and OpenAI Agents keep none. Ours has its retries, limits,
breaker of circles and event hooks in it; `create_agent` is measured as it comes, and with LangChain's own middleware
for retries and limits of models and tools; `bare_graph` is the smallest graph that does the same, written by hand and
without anything around it: what LangGraph itself costs, below which nobody comes who builds on it. Then 200 runs at
once, with 10 calls each: runs per second of CPU, and the peak of what Python allocates.
"""

import argparse
import asyncio
import gc
import importlib.util
import itertools
import json
import random
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from call import OurChain, lookup, metrics
from langchain.agents import create_agent
from langchain.agents.middleware import (
    ModelCallLimitMiddleware,
    ModelRetryMiddleware,
    ToolCallLimitMiddleware,
    ToolRetryMiddleware,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph

from toolcrib.agents.function_calling import build_function_calling
from toolcrib.agents.parts import AgentParts
from toolcrib.agents.scope import SCOPE_KEY, RunScope
from toolcrib.core.agents import AgentLimits, AgentSpec, LoopLimits
from toolcrib.runtime.clock import SystemClock, SystemRandom

CALLS = (1, 10)
KEPT = ("nowhere", "memory", "sqlite")
AT_ONCE = 200
WARM_UP = 10
IN_A_ROW = 10
PROMPT = "Be kind."
Run = Callable[[], Awaitable[object]]


class Scripted(BaseChatModel):
    """Asks for so many calls, one after the other, then answers."""

    calls: int

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> "Scripted":
        """The script needs none."""
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        done = sum(isinstance(message, ToolMessage) for message in messages)
        usage = UsageMetadata(input_tokens=10, output_tokens=5, total_tokens=15)
        if done < self.calls:
            call = {"name": "lookup", "args": {"order_id": "A-42", "limit": done}, "id": f"c{done}"}
            said = AIMessage("", tool_calls=[call], usage_metadata=usage)
        else:
            said = AIMessage("done", usage_metadata=usage)
        return ChatResult(generations=[ChatGeneration(message=said)])

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return self._generate(messages)


class OneModel:
    """Every name is this model."""

    def __init__(self, model: BaseChatModel) -> None:
        self._model = model

    async def get(self, name: str, options: Any) -> BaseChatModel:
        """The model."""
        return self._model


def ours(calls: int, saver: Any) -> Run:
    """Our function-calling agent on the executor and metrics of an open project."""
    chain = OurChain(metrics())
    parts = AgentParts(
        name="a",
        spec=AgentSpec(model="openai:any", limits=AgentLimits(iterations=50)),
        prompt=PROMPT,
        tools=[tool.spec for tool in chain.release.tools.values()],
        release=chain.release.id,
    )
    graph = build_function_calling({"": parts}, checkpointer=saver)
    clock, model, threads = SystemClock(), OneModel(Scripted(calls=calls)), itertools.count()
    chance, steps = SystemRandom(), list[Any]()

    async def run() -> object:
        thread = f"t{next(threads)}"
        steps.clear()
        scope = RunScope(
            release=chain.release,
            calls=chain.executor,
            models=model,
            clock=clock,
            random=chance,
            tools=("lookup",),
            run_id=thread,
            thread_id=thread,
            agent="a",
            deadline=clock.monotonic() + 300,
            tool_timeout_s=30,
            loops=LoopLimits(),
            notify=lambda event, data: steps.append((event, data)),
        )
        return finished(await graph.ainvoke(question(), place(thread) | {"configurable": scoped(thread, scope)}))

    return run


def theirs(calls: int, saver: Any, *middleware: Any) -> Run:
    """LangChain's agent."""
    tool = StructuredTool.from_function(coroutine=lookup, name="lookup", description="Look an order up.")
    made = create_agent(
        Scripted(calls=calls), tools=[tool], system_prompt=PROMPT, checkpointer=saver, middleware=list(middleware)
    )
    graph: Any = made
    threads = itertools.count()

    async def run() -> object:
        return finished(await graph.ainvoke(question(), place(f"t{next(threads)}")))

    return run


def guarded(calls: int, saver: Any) -> Run:
    """LangChain's agent with its own retries and limits."""
    limits = ModelCallLimitMiddleware(run_limit=50), ToolCallLimitMiddleware(run_limit=50)
    return theirs(calls, saver, ModelRetryMiddleware(), ToolRetryMiddleware(), *limits)


class Next(Runnable[Any, str]):
    """Where an answer leads; a function would be run in a thread."""

    name = "next"

    def invoke(self, input: Any, config: Any = None, **kwargs: Any) -> str:
        """Name of the next node."""
        return "tools" if input["messages"][-1].tool_calls else END

    async def ainvoke(self, input: Any, config: Any = None, **kwargs: Any) -> str:
        """The same."""
        return self.invoke(input)


def bare(calls: int, saver: Any) -> Run:
    """A graph by hand: no retries, limits, checks, events or errors."""
    model = Scripted(calls=calls)

    async def ask(state: MessagesState, config: RunnableConfig) -> Any:
        return {"messages": [await model.ainvoke([SystemMessage(PROMPT), *state["messages"]], config)]}

    async def tools(state: MessagesState) -> Any:
        last = state["messages"][-1]
        assert isinstance(last, AIMessage)
        results = [(call, await lookup(**call["args"])) for call in last.tool_calls]
        return {"messages": [ToolMessage(found, name=call["name"], tool_call_id=call["id"]) for call, found in results]}

    graph = StateGraph(MessagesState)
    graph.add_node("model", ask)
    graph.add_node("tools", tools)
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", Next(), ["tools", END])
    graph.add_edge("tools", "model")
    made: Any = graph.compile(checkpointer=saver)
    threads = itertools.count()

    async def run() -> object:
        return finished(await made.ainvoke(question(), place(f"t{next(threads)}")))

    return run


def question() -> Any:
    """What is asked."""
    return {"messages": [HumanMessage("Go on.")]}


def place(thread: str) -> Any:
    """A thread, and room for 10 calls."""
    return {"configurable": {"thread_id": thread}, "recursion_limit": 100}


def scoped(thread: str, scope: RunScope) -> dict[str, Any]:
    """The same for our graph."""
    return {"thread_id": thread, SCOPE_KEY: scope}


def finished(state: Any) -> object:
    """The state of a run that came to its answer."""
    assert state["messages"][-1].content == "done"
    return state


@asynccontextmanager
async def saver(kept: str, folder: Path) -> AsyncIterator[Any]:
    """A checkpointer of its own for each candidate."""
    if kept == "sqlite":
        async with AsyncSqliteSaver.from_conn_string(str(folder / "threads.db")) as sqlite:
            yield sqlite
    else:
        yield InMemorySaver() if kept == "memory" else None


MAKE = {"toolcrib": ours, "create_agent": theirs, "create_agent_guarded": guarded, "bare_graph": bare}


async def candidates(stack: AsyncExitStack) -> dict[str, Run]:
    """Everything that is measured: `who, calls, where threads are kept`."""
    found: dict[str, Run] = {}
    for calls, kept in itertools.product(CALLS, KEPT):
        for name, make in MAKE.items():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            found[f"{name} {calls} {kept}"] = make(calls, await stack.enter_async_context(saver(kept, folder)))
    if importlib.util.find_spec("pydantic_ai") is not None:
        from agent_peers.frameworks import PEERS

        for calls, (name, peer) in itertools.product(CALLS, PEERS.items()):
            found[f"{name} {calls} nowhere"] = peer(lookup, calls)
    return found


async def cpu_ms(run: Run) -> float:
    """Milliseconds of CPU of one run."""
    began = time.process_time()
    await run()
    return (time.process_time() - began) * 1e3


async def at_once(run: Run) -> dict[str, float]:
    """200 runs at once: how many a second of CPU, and MiB that Python allocated at the peak."""
    await run()
    gc.collect()
    began = time.process_time()
    await asyncio.gather(*(run() for _ in range(AT_ONCE)))
    took = time.process_time() - began
    gc.collect()
    tracemalloc.start()
    await asyncio.gather(*(run() for _ in range(AT_ONCE)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"runs_per_cpu_s": round(AT_ONCE / took, 1), "peak_mib": round(peak / 2**20, 1)}


async def measure(times: int) -> dict[str, Any]:
    """Costs of all candidates, and how they do at once."""
    async with AsyncExitStack() as stack:
        runs = await candidates(stack)
        found: dict[str, list[float]] = {name: [] for name in runs}
        gc.collect()
        gc.freeze()
        names, chance = list(runs), random.Random(1)
        for number in range(WARM_UP + times // IN_A_ROW):
            chance.shuffle(names)  # whoever comes behind a costly one finds cold caches
            for name in names:
                costs = [await cpu_ms(runs[name]) for _ in range(IN_A_ROW if number >= WARM_UP else 1)]
                found[name] += costs if number >= WARM_UP else []
        crowd = {name: await at_once(run) for name, run in runs.items() if name.endswith("10 nowhere")}
    return {"ms": {name: statistics.median(costs) for name, costs in found.items()}, "at_once": crowd}


def ratios(ms: dict[str, float], peer: str, who: str = "toolcrib") -> dict[str, float]:
    """Ours as a part of the peer's, or somebody else's."""
    rows = [f"{calls} {kept}" for calls, kept in itertools.product(CALLS, KEPT)]
    return {row: round(ms[f"{who} {row}"] / ms[f"{peer} {row}"], 2) for row in rows if f"{peer} {row}" in ms}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=150, help="runs of each candidate")
    options = parser.parse_args()
    found = asyncio.run(measure(options.times))
    plain, guard = ratios(found["ms"], "create_agent"), ratios(found["ms"], "create_agent_guarded")
    report = {
        "cpu_ms_per_run": {name: round(cost, 2) for name, cost in found["ms"].items()},
        "toolcrib_by_create_agent": plain,
        "toolcrib_by_create_agent_guarded": guard,
        "bare_graph_by_create_agent": ratios(found["ms"], "create_agent", "bare_graph"),
        "toolcrib_by_peers": {name: ratios(found["ms"], name) for name in ("pydantic_ai", "openai_agents")},
        "200_at_once": found["at_once"],
        "aims": {
            "<= 0.85 of create_agent at every row": all(ratio <= 0.85 for ratio in plain.values()),
            "<= 0.6 of create_agent with retries and limits": all(ratio <= 0.6 for ratio in guard.values()),
        },
    }
    print(json.dumps(report, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
