"""What a caller asks for, who asks, and what a tool may know of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from toolcrib.core.experiments.arms import Arms
from toolcrib.core.quick_init import quick_init

DeadlineLevel = Literal["run", "iteration", "tool", "attempt"]


class Progress(Protocol):
    """Takes word of how far a call is; may be called from any thread, and never fails."""

    def __call__(self, fraction: float, message: str = "") -> None:
        """Tell: `fraction` from 0 to 1, and what is being done."""


def no_progress(fraction: float, message: str = "") -> None:
    """Nobody wants to know: the call is no background task."""


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """What a caller asks for.

    Attributes:
        name: name of the tool in the release.
        args: argument name -> JSON value, not yet validated.
        id: the caller's own id for the call; one is made when empty.
        idempotency_key: of all calls of a tool with the same key, one runs; the others get its result. Empty without.
    """

    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    idempotency_key: str = ""


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """Who calls, for which run, and until when.

    Attributes:
        tenant, agent, run_id, thread_id: who asks; empty when called directly.
        arms: the variants of experiments that the caller is in.
        deadline: reading of `Clock.monotonic` (seconds) at which the caller's time is over; None without limit.
        deadline_level: whose deadline that is, for the error's words.
        timeout_s: a limit for this call below the tool's own; None without.
        scopes: the rights the caller holds; None for a caller inside this process, who may do everything.
        approved: a person has agreed to the call, or the caller stands in for one.
        key: id of the caller's API key; empty without.
        priority: of waiting calls the one with the higher number goes first.
        extras: what the caller's framework hands to tools that ask for it, by parameter kind (`config`, `state`).
        progress: who wants to know how far the call is.
    """

    tenant: str = ""
    agent: str = ""
    run_id: str = ""
    thread_id: str = ""
    arms: Arms = ()
    deadline: float | None = None
    deadline_level: DeadlineLevel = "run"
    timeout_s: float | None = None
    scopes: frozenset[str] | None = None
    approved: bool = False
    key: str = ""
    priority: int = 0
    extras: Mapping[str, Any] = field(default_factory=dict)
    progress: Progress = field(default=no_progress, repr=False, compare=False)


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """What a tool may know about the call it serves; declare a parameter of this type to receive it.

    The model never sees that parameter. All fields but `progress` are plain values and safe to log.

    Attributes:
        tool: name of the tool.
        call_id: id of this call, the same over its retries.
        release: id of the release whose code runs.
        attempt: 1 for the first try.
        tenant, agent, run_id, thread_id: who asks; empty when called directly.
        timeout_s: seconds left when this attempt began; None without limit.
        progress: call it with a fraction (0 to 1) and a message to tell how far the call is, from any thread; those who
            ask for the background task see it. It does nothing in a call that is no background task.
    """

    tool: str
    call_id: str
    release: str
    attempt: int = 1
    tenant: str = ""
    agent: str = ""
    run_id: str = ""
    thread_id: str = ""
    timeout_s: float | None = None
    extras: Mapping[str, Any] = field(default_factory=dict, repr=False)
    progress: Progress = field(default=no_progress, repr=False, compare=False)
