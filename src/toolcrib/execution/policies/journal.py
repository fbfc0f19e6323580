"""Journal: a call with an idempotency key runs once, however often it comes, also over a crash."""

import asyncio
from dataclasses import replace

from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.errors import CallFailed, CallInDoubt, IdempotencyConflict
from toolcrib.core.policies import strategy_for
from toolcrib.core.ports import JournalEntry
from toolcrib.core.results import ToolResult, failed
from toolcrib.core.tools import Tool
from toolcrib.execution.bubbling import is_bubble_up
from toolcrib.execution.excess import is_whole, without_rest
from toolcrib.execution.failures import as_call_error
from toolcrib.execution.journal_entries import Keeping, journal_entry
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools whose calls change something; without a key a call goes straight through.

    The result, good or bad, is written before it is given back: when the caller's process dies before it has used the
    result, the same call gets it from the journal. A call that began and never ended is in doubt: repeated only where
    that is harmless (`side_effect: idempotent`), else an error that a person settles.
    """
    policy = tool.spec.policy
    if not policy.journaled:
        return None
    journal, clock, artifacts = ports.journal, ports.clock, ports.artifacts
    kept = Keeping(ports.graph_values)

    def wrap(call_next: CallNext) -> CallNext:
        async def journaled(call: Call) -> ToolResult:
            if not call.idempotency_key:
                return await call_next(call)
            entry = journal_entry(
                call.tool.spec.name,
                call.args,
                tenant=call.context.tenant,
                idempotency_key=call.idempotency_key,
                release=release.id,
                now=clock.now(),
                mask=call.tool.spec.sensitive.args,
            )
            entry = replace(entry, process=ports.process)
            known = await journal.begin(entry)
            if known is not None and (result := _settled(known, entry, harmless=policy.repeatable)):
                if not await is_whole(result, artifacts, entry.tenant):  # the tool must not run again
                    result = without_rest(result)
                return replace(kept.restored(result), journaled=True, call_id=call.id)
            try:
                result = await call_next(call)
            except asyncio.CancelledError:  # it may have taken effect or not
                await asyncio.shield(journal.leave(entry.key))
                raise
            except Exception as error:  # outer guard: every end is written down
                if is_bubble_up(error) or (isinstance(error, CallFailed) and not error.started):
                    await journal.forget(entry.key)
                else:
                    await journal.finish(entry.key, _failure(error, call, release, clock.monotonic()))
                raise
            await journal.finish(entry.key, kept.storable(result))
            return result

        return journaled

    return wrap


def _settled(known: JournalEntry, entry: JournalEntry, *, harmless: bool) -> ToolResult | None:
    """The result of the earlier call; None when it has none and may be repeated.

    Raises:
        IdempotencyConflict: the earlier call had other arguments.
        CallInDoubt: it has no result, and repeating it could do harm.
    """
    if known.args_digest != entry.args_digest:
        raise IdempotencyConflict(
            f"Tool {entry.tool!r} was called with this idempotency key and other arguments before.",
            hint="Use a new key for a new call.",
        )
    if known.result is None and not harmless:
        ago = max(0.0, entry.began_at - known.began_at)
        raise CallInDoubt(
            f"This call of tool {entry.tool!r} began {ago:.3g} s ago and has no result: it still runs, or its process"
            " died.",
            hint="It is not repeated, because it may have taken effect. Look whether it did, then settle it.",
        )
    return known.result


def _failure(error: Exception, call: Call, release: Release, now: float) -> ToolResult:
    spec = call.tool.spec
    result = failed(
        as_call_error(error, spec.name),
        tool=spec.name,
        release=release.id,
        call_id=call.id,
        strategy=strategy_for(error, spec.policy.on_error),
    )
    return replace(result, tool_digest=spec.digest, duration_s=now - call.began)
