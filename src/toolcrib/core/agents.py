"""An agent as its author writes it (`AgentSpec`) and as a release serves it (`Agent`)."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from toolcrib.core.compat.migrations import Migration, head
from toolcrib.core.models import ModelChoice, ModelRetry
from toolcrib.core.policies import Seconds

AgentKind = Literal["function_calling", "react", "graph"]
ThreadPolicy = Literal["run", "thread", "compatible", "latest"]
StreamMode = Literal["values", "updates", "tasks", "checkpoints", "debug"]
"""What LangGraph can tell of a graph at work, beside what its nodes and models say."""


class LoopLimits(BaseModel):
    """When a model is taken to go in a circle. What is too much is not called, and the model is told why.

    Attributes:
        failing: so often the same call, with the same arguments, may fail in one turn.
        unchanged: so often it may give the same result in one turn.
        fan_out: so many calls one message may ask for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    failing: Annotated[int, Field(ge=1, le=1000)] = 3
    unchanged: Annotated[int, Field(ge=1, le=1000)] = 5
    fan_out: Annotated[int, Field(ge=1, le=1000)] = 32


class ContextPolicy(BaseModel):
    """How much of a long thread a model is sent. The thread itself stays whole.

    Attributes:
        max_tokens: about so many, the prompt and the tools included, at four characters each.
        tool_result_chars: of tool results before the present turn so many characters are kept when it is too much;
            the middle of longer ones is left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_tokens: Annotated[int, Field(ge=100, le=100_000_000)]
    tool_result_chars: Annotated[int, Field(ge=30, le=100_000_000)] = 1_000


class Degradation(BaseModel):
    """What the end user gets when an agent fails: an answer without tools, else a friendly text; never just an error.

    Attributes:
        ask: when the agent's models fail, or go round too often, one is asked once more, without tools.
        model: which one; the lowest tier when not given.
        timeout_s: for that.
        answer: what is said when that fails too, or could not be tried; the run has still failed, and says why.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ask: bool = True
    model: str = ""
    timeout_s: Seconds = 20.0
    answer: str = "Sorry, I cannot answer that just now. Please try again later."


class AnswerCache(BaseModel):
    """Answers are kept, and given again to the same question in the same thread so far.

    Attributes:
        ttl_s: for so long.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ttl_s: Seconds = 300.0


class AgentLimits(BaseModel):
    """Bounds of one run of an agent: steps, seconds and money.

    Attributes:
        iterations: how often the model may be asked.
        tool_timeout_s: upper bound for each tool call, below the tool's own limit.
        model_timeout_s: one attempt at a model; as long as the iteration has, when not given.
        iteration_timeout_s: one model answer and the tool calls it asked for.
        run_timeout_s: the whole run.
        loops: when the model is taken to go in a circle.
        cost_usd: US dollars for the models of the whole run; without limit when not given.
        tokens: of prompts and answers together, of the whole run; without limit when not given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    iterations: Annotated[int, Field(ge=1, le=1000)] = 10
    tool_timeout_s: Seconds = 30.0
    model_timeout_s: Seconds | None = None
    iteration_timeout_s: Seconds = 60.0
    run_timeout_s: Seconds = 300.0
    loops: LoopLimits = LoopLimits()
    cost_usd: Annotated[Decimal, Field(gt=0, le=1_000_000, decimal_places=6)] | None = None
    tokens: Annotated[int, Field(ge=1)] | None = None


class AgentSpec(BaseModel):
    """One entry under `agents:` of `agents.yaml`.

    Attributes:
        kind: `function_calling` (model, prompt, tools), `react` (the same for a model that cannot call tools: it is
            told of them in its prompt and writes its calls as text) or `graph` (a LangGraph graph of the project).
        model: `offline`, any `init_chat_model` string such as `openai:gpt-5-mini`, or a plan of tiers with fallbacks.
        model_options: keyword arguments for the model, e.g. `temperature`; of a plan, for all models of the provider
            that its lowest tier is of.
        model_retry: how often a model that fails is asked again.
        prompt: path of a file under `prompts/`, or the text itself when it is no path.
        variables: values for the `{names}` in the prompt.
        tools: names or patterns (`billing.*`) of the tools the agent may call; all when not given.
        graph: `graphs/file.py:name` for `kind: graph`.
        state_schema: number of the graph's state, for `kind: graph`; raise it when saved threads must be migrated.
        limits: bounds of one run.
        degrade: what the end user gets when the agent fails; an error alone when not given.
        answer_cache: whether answers are kept, for all but `kind: graph`; none when not given.
        context: how much of a long thread the model is sent; all of it when not given.
        thread_policy: which release the next turn of a thread takes. `run`: the one that serves then, while a turn that
            waits for a human ends on its own. `thread`: the one of the thread's first turn, until an operator moves it.
            `compatible`: the one that serves, if nothing in it can harm the thread, else the former one. `latest`: like
            `compatible`, also for a turn that waits.
        description: one sentence for people who choose among agents.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: AgentKind = "function_calling"
    model: ModelChoice = "offline"
    model_options: dict[str, Any] = Field(default_factory=dict)
    model_retry: ModelRetry = ModelRetry()
    prompt: str = ""
    variables: dict[str, str] = Field(default_factory=dict)
    tools: tuple[str, ...] = ("*",)
    graph: str = ""
    state_schema: Annotated[int, Field(ge=1)] | None = None
    limits: AgentLimits = AgentLimits()
    degrade: Degradation | None = None
    answer_cache: AnswerCache | None = None
    context: ContextPolicy | None = None
    thread_policy: ThreadPolicy = "run"
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An agent of one release, ready to run.

    Attributes:
        name: its name in `agents.yaml`.
        spec: what the author wrote.
        prompt: the system prompt with its variables filled in.
        tools: names of the tools it may call, sorted.
        graph: the compiled LangGraph graph.
        per_run: config of a run -> the graph for it, as an async context manager; None when `graph` serves all runs.
        release: id of the release this agent was built for.
        migrations: of its threads' saved state, the oldest first.
    """

    name: str
    spec: AgentSpec
    prompt: str
    tools: tuple[str, ...]
    graph: Any
    release: str
    per_run: Callable[[Any], AbstractAsyncContextManager[Any]] | None = None
    migrations: tuple[Migration, ...] = ()

    @property
    def revision(self) -> str:
        """What the state of its threads is called by its migrations; empty without any."""
        return head(self.migrations)


Agents = Mapping[str, Agent]
