"""What a call and a run give back."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from pydantic_core import to_json

from toolcrib.core.errors import CallFailed, Layer, Severity, ToolcribError
from toolcrib.core.experiments.arms import Arm, Arms, told
from toolcrib.core.money import plain
from toolcrib.core.policies import Strategy
from toolcrib.core.quick_init import quick_init

WORSE: Mapping[Severity, Severity] = MappingProxyType(
    {"LOW": "MEDIUM", "MEDIUM": "HIGH", "HIGH": "CRITICAL", "CRITICAL": "CRITICAL"}
)
"""One step up."""


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorInfo:
    """An error as data: safe to show to a model, a user or a log; holds no stack trace.

    Attributes:
        retry_after_s: seconds to wait before trying again, when that is known.
        strategy: what the tool's `on_error` says of it, where that is for the run to do: `skip`, `abort`, `manual`.
        escalated: `severity` is one step higher than the error's own: it is one of many in a short time.
        task: id of the task in which the call waits for a person; empty when it does not.
    """

    code: str
    message: str
    hint: str = ""
    severity: Severity = "MEDIUM"
    retryable: bool = False
    layer: Layer = "tool"
    retry_after_s: float | None = None
    strategy: Strategy | None = None
    escalated: bool = False
    task: str = ""

    @classmethod
    def of(cls, error: ToolcribError, *, strategy: Strategy | None = None) -> "ErrorInfo":
        """The data of `error`."""
        return cls(
            code=error.code,
            message=error.message,
            hint=error.hint,
            severity=WORSE[error.severity] if error.escalated else error.severity,
            retryable=error.retryable,
            layer=error.layer,
            retry_after_s=error.retry_after_s if isinstance(error, CallFailed) else None,
            strategy=strategy,
            escalated=error.escalated,
        )

    def text(self) -> str:
        """Message and hint in one text."""
        return f"{self.message} {self.hint}".strip()


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """The outcome of one tool call. Never an exception: `ok` tells, `error` explains.

    Attributes:
        ok: whether `value` holds the tool's result.
        value: what the tool returned; None when it failed.
        error: what went wrong; None when `ok`.
        attempts: how often the tool ran; 0 when it was never reached.
        duration_s: seconds from the call to this result, waits included.
        queued_s: seconds of it spent waiting for its turn: for a permit, a lock.
        cached: the value came from the result cache.
        journaled: the value came from the journal of an earlier execution of the same call.
        fallback_for: name of the tool the caller asked for, when `tool` answered in its place.
        tool: name of the tool.
        tool_digest: digest of the code that ran.
        release: id of the release that served the call.
        call_id: id of the call.
        artifact: handle of the whole result, when `value` is only its beginning; empty without.
        variants: the variants of experiments the call was in: those that change the tool or the agent that called it.
    """

    ok: bool
    value: Any = None
    error: ErrorInfo | None = None
    attempts: int = 1
    duration_s: float = 0.0
    queued_s: float = 0.0
    cached: bool = False
    journaled: bool = False
    fallback_for: str = ""
    tool: str = ""
    tool_digest: str = ""
    release: str = ""
    call_id: str = ""
    artifact: str = ""
    variants: Arms = ()

    def text(self) -> str:
        """The result as a model reads it: the string itself, JSON for anything else, or the error with its hint."""
        if self.error is not None:
            return self.error.text()
        if isinstance(self.value, str):
            return self.value
        return json.dumps(jsonable(self.value), ensure_ascii=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ToolResult":
        """The result from what `to_dict` gave."""
        error = ErrorInfo(**data["error"]) if data["error"] else None
        arms = tuple(Arm(*arm) for arm in data.get("variants", {}).items())
        return cls(**{**data, "error": error, "variants": arms})

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON-ready mapping."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        error = asdict(self.error) if self.error else None
        return data | {"value": jsonable(self.value), "error": error, "variants": told(self.variants)}


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """The outcome of one run of an agent. Never an exception: `success` tells, `error` explains.

    Attributes:
        output: the answer; the final state for graphs without messages; None when it was interrupted, or failed without
            a text for that (`degrade`).
        success: the run came to its end, or waits for a human (`interrupts`).
        error: what went wrong; None when `success`.
        execution_time_s: seconds from acceptance to the end.
        iterations: how often the model was asked.
        input_tokens, output_tokens: as told by the model; 0 when it tells none.
        cost_usd: what the models of the run cost, exactly; None where a price is not known. In JSON it is text.
        trace: the steps in order: dicts with `kind` (`model`, `tool`), `name`, `release` and more.
        degraded: code of the error that the agent's own way ended with, where it answered without tools in the end.
        from_cache: the answer came from the answer cache.
        release: id of the release the run is pinned to.
        thread_id, run_id: where its state lives, and its own id.
        interrupts: what the run waits for, JSON values; resume with `run(..., resume=answer)`.
        variants: the variants of experiments the run was in: those that change the agent or one of its tools.
    """

    output: Any
    success: bool
    error: ErrorInfo | None = None
    execution_time_s: float = 0.0
    iterations: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal | None = None
    trace: tuple[Mapping[str, Any], ...] = ()
    degraded: str = ""
    from_cache: bool = False
    release: str = ""
    thread_id: str = ""
    run_id: str = ""
    interrupts: tuple[Any, ...] = ()
    variants: Arms = ()

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON-ready mapping."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        cost = None if self.cost_usd is None else plain(self.cost_usd)
        data = {name: jsonable(value) for name, value in data.items()}
        return data | {"cost_usd": cost, "variants": told(self.variants)}


def jsonable(value: Any) -> Any:
    """`value` in JSON terms, never raising: what JSON cannot say becomes its `str`, or as a whole its `repr`."""
    if value is None or value is True or value is False or (type(value) is str and value.isascii()):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        value = {name: getattr(value, name, None) for name in value.__dataclass_fields__}
    try:
        return json_tree(value)
    except Exception:  # noqa: BLE001  # outer guard: the tool's value may be circular, endless, broken, no UTF-8
        return said(value, repr)


def json_tree(value: Any) -> Any:
    """`value` in JSON terms; what JSON cannot say becomes its `str`.

    Raises:
        Exception: it is circular, endless, broken, or no UTF-8.
    """
    return json.loads(to_json(value, fallback=str, inf_nan_mode="strings", serialize_unknown=True))


def said(value: Any, say: Callable[[Any], str] = str) -> str:
    """`value` in words, at most 2,000 characters of them; for foreign values, which may not even know their own."""
    try:
        return say(value)[:2000].encode(errors="backslashreplace").decode()
    except Exception:  # noqa: BLE001  # outer guard: `__str__` and `__repr__` of foreign values raise anything
        return f"<{type(value).__name__} that cannot be shown>"


def failed(
    error: CallFailed | ToolcribError, *, tool: str, release: str, call_id: str, strategy: Strategy | None = None
) -> ToolResult:
    """The result of a call that failed with `error` before or inside the chain."""
    attempts = error.attempts if isinstance(error, CallFailed) else 0
    return ToolResult(
        ok=False,
        error=ErrorInfo.of(error, strategy=strategy),
        attempts=attempts,
        tool=tool,
        release=release,
        call_id=call_id,
    )
