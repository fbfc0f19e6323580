"""`Parking`: failed calls that wait for a person as tasks, and what becomes of them when one decides."""

import logging
from dataclasses import replace
from typing import Any, assert_never

from toolcrib.core.calls import CallContext, ToolCall
from toolcrib.core.errors import (
    ApprovalRequired,
    ArgumentsInvalid,
    CallInDoubt,
    Conflict,
    IdempotencyConflict,
    ToolcribError,
    ToolNotFound,
)
from toolcrib.core.events import TaskResolved
from toolcrib.core.policies import Strategy, strategy_for
from toolcrib.core.ports import CallJournal, JournalEntry
from toolcrib.core.redaction import Mask
from toolcrib.core.results import ToolResult, failed, jsonable, said
from toolcrib.core.tasks import Decision, TaskRecord
from toolcrib.execution.journal_entries import journal_entry, journal_key
from toolcrib.execution.tasks.audience import Audience
from toolcrib.execution.tasks.ports import TaskOptions, TaskPorts
from toolcrib.registry.registry import Registry
from toolcrib.registry.release import Release

log = logging.getLogger(__name__)
ATTENTION_S = 7 * 86_400.0
"""What a person has to look at is kept for a week, or longer where the task says so."""
CALLERS_MISTAKES = frozenset({ArgumentsInvalid.code, IdempotencyConflict.code})
"""Nobody else can mend these."""


def asks_for_a_person(result: ToolResult) -> bool:
    """Whether the call failed with an error that a person is to decide about."""
    return result.error is not None and result.error.strategy == "manual"


def waiting(record: TaskRecord, result: ToolResult, now: float) -> TaskRecord:
    """The task as it waits for a person, with the failure of its call; it holds no worker and no lease."""
    error = said(f"{result.error.code}: {result.error.message}") if result.error else ""
    until = now + max(record.ttl_s, ATTENTION_S)
    record = replace(record, state="waiting", result=result.to_dict(), error=error, expires_at=until)
    return replace(record, owner="", leased_until=None)


def left_in_doubt(record: TaskRecord, registry: Registry, why: str, now: float) -> TaskRecord:
    """A task whose process ended in the middle: for a person where its tool asks for one, else at its end, in doubt."""
    error = CallInDoubt(f"Tool {record.tool!r} was left in doubt: {why}.", hint="Look whether it took effect.")
    found = None
    if registry.generation:
        found = registry.route(tenant=record.tenant, key=record.id).resolve(record.tool, tenant=record.tenant)
    strategy = strategy_for(error, found[0].spec.policy.on_error) if found else None
    if strategy == "manual":
        result = failed(error, tool=record.tool, release=record.release, call_id=record.id, strategy=strategy)
        return waiting(record, result, now)
    return replace(record, state="in_doubt", error=f"in doubt: {why}")


async def reopen(journal: CallJournal, record: TaskRecord) -> None:
    """Let the call of a task run again under its key, unless it is known to have ended well meanwhile."""
    key = journal_key(record.tool, tenant=record.tenant, idempotency_key=record.call_key)
    known = await journal.find(key)
    if known is not None and (known.result is None or not known.result.ok):
        await journal.forget(key)


class Parking:
    """Puts failed calls before a person, and does what the person decides."""

    def __init__(self, ports: TaskPorts, *, options: TaskOptions, audience: Audience) -> None:
        self._ports = ports
        self._options = options
        self._audience = audience

    async def park(self, release: Release, call: ToolCall, context: CallContext, result: ToolResult) -> ToolResult:
        """Let a direct call that failed wait for a person; what its caller is told, which names the task.

        A call with an idempotency key that comes again waits in the same task, or has what was decided about it.
        """
        if result.error is None or result.error.code in CALLERS_MISTAKES:
            return result
        try:
            record = self._parked(release, call, context, result)
            (known,) = await self._ports.store.add([record], queue=self._options.queue)
        except ToolcribError as refused:
            return _told(result, f"It could not be put before a person: {refused.message} {refused.hint}")
        except Exception:  # outer guard: the caller has a result, whatever ails the database
            log.exception("call could not be parked", extra={"tool": call.name, "call_id": result.call_id})
            return _told(result, "It could not be put before a person.")
        if known.id == record.id:
            self._audience.announce_waiting(known)
        if known.ended and known.result is not None:
            return replace(known.last_result(), journaled=True, call_id=result.call_id)
        return _told(result, _how_to_resolve(known), task=known.id)

    async def resolve(self, task_id: str, decision: Decision, value: Any) -> TaskRecord:
        """Do what a person decided; the task as it is then."""
        record = await self._ports.store.find(task_id)
        if record.state != "waiting":
            raise Conflict(f"Task {task_id} does not wait for a person: it is {record.state}.")
        after = self._decided(record, decision, value)
        entry = self._entry(after) if after.ended and record.call_key else None
        rest = await self._ports.store.move(after, was="waiting")
        self._ports.events.emit(TaskResolved(task=record.id, tool=record.tool, decision=decision, tenant=record.tenant))
        if after.ended:
            if entry is not None:  # a call that never reached its tool is not in the journal yet
                await self._ports.journal.begin(entry)
                await self._ports.journal.finish(entry.key, after.last_result())
            for ended in (after, *rest):
                self._audience.announce(ended)
        return after

    def _decided(self, record: TaskRecord, decision: Decision, value: Any) -> TaskRecord:
        result, now = record.last_result(), self._ports.clock.now()
        ended = replace(record, finished_at=now, expires_at=now + record.ttl_s)
        match decision:
            case "retry":
                agreed = record.approved or _asks_for_approval(record)
                again = replace(record, state="queued", result=None, error="", expires_at=None, crashes=0)
                again = replace(again, approved=agreed)
                return replace(again, started_at=None, release="", progress=0.0, message="")
            case "answer":
                answer = replace(result, ok=True, value=jsonable(value), error=None)
                return replace(ended, state="succeeded", result=answer.to_dict(), error="", progress=1.0)
            case "skip":
                return replace(ended, state="skipped", result=_with_strategy(result, "skip").to_dict())
            case "abort":
                return replace(ended, state="failed", result=_with_strategy(result, "abort").to_dict())
            case _:
                assert_never(decision)

    def _parked(self, release: Release, call: ToolCall, context: CallContext, result: ToolResult) -> TaskRecord:
        """The call as a task; under its own key, so that it waits once however often it comes."""
        now, tenant, args = self._ports.clock.now(), context.tenant, jsonable(dict(call.args))
        if not isinstance(args, dict):
            raise ArgumentsInvalid(f"The arguments of {call.name!r} cannot be written as JSON.")
        spec = release.tool(call.name, tenant=tenant, arms=context.arms).spec
        key = call.idempotency_key if spec.policy.journaled else ""
        record = TaskRecord(
            id=self._ports.ids.new(),
            tool=call.name,
            args=args,
            tenant=tenant,
            scopes=None if context.scopes is None else tuple(sorted(context.scopes)),
            priority=context.priority,
            key=f"parked:{journal_key(call.name, tenant=tenant, idempotency_key=key)}" if key else "",
            call_key=key,
            created_at=now,
            ttl_s=self._options.ttl_s,
            sensitive=spec.sensitive,
        )
        return waiting(record, result, now)

    def _entry(self, record: TaskRecord) -> JournalEntry:
        release, args = self._ports.registry.route(tenant=record.tenant, key=record.call_key), record.args
        mask: Mask = False
        try:
            tool = release.tool(record.tool, tenant=record.tenant, arms=release.arms(tenant=record.tenant))
            mask = tool.spec.sensitive.args
            if tool.spec.policy.isolation != "process":  # whose arguments cross the chain as they came
                args = tool.validate(args)
        except (ToolNotFound, ArgumentsInvalid):
            pass  # the tool has changed: no call that could come has these arguments
        return journal_entry(
            record.tool,
            args,
            tenant=record.tenant,
            idempotency_key=record.call_key,
            release=release.id,
            now=self._ports.clock.now(),
            mask=mask,
        )


def _told(result: ToolResult, hint: str, *, task: str = "") -> ToolResult:
    """The failure with a further hint."""
    assert result.error is not None
    return replace(result, error=replace(result.error, hint=f"{result.error.hint} {hint}".strip(), task=task))


def _how_to_resolve(record: TaskRecord) -> str:
    if record.state != "waiting":
        return f"Task {record.id}, in which it was put before a person, is {record.state}."
    agree = "--approve" if _asks_for_approval(record) else "--retry"
    return (
        f"It waits for a person as task {record.id}:"
        f" `toolcrib tasks resolve {record.id} {agree} | --answer JSON | --skip | --abort`."
    )


def _asks_for_approval(record: TaskRecord) -> bool:
    error = record.last_result().error
    return error is not None and error.code == ApprovalRequired.code


def _with_strategy(result: ToolResult, strategy: Strategy) -> ToolResult:
    assert result.error is not None
    return replace(result, error=replace(result.error, strategy=strategy))
