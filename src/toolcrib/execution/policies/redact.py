"""Redact: what a tool raises, tells of its progress and returns, without what must not be shown."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from toolcrib.core.calls import no_progress
from toolcrib.core.chain import Call, CallNext, Link
from toolcrib.core.decorator import Port, Secret
from toolcrib.core.redaction import Scrub, hides, hiding, texts_of, without
from toolcrib.core.results import ToolResult, said
from toolcrib.core.tools import Need, ResourceSpec, Tool
from toolcrib.execution.failures import cleaned
from toolcrib.execution.ports import ChainPorts
from toolcrib.registry.release import Release


def link(tool: Tool, release: Release, ports: ChainPorts) -> Link | None:
    """Only for tools with sensitive arguments, and for those that need something, which may fail with a secret.

    It lies inside of all that keeps, counts or tells of failures, so that none of them has to know. Of results only
    those of a tool that is given a secret are looked at.
    """
    mask, secrets = tool.spec.sensitive.args, ports.secrets
    needs = [need for need in tool.needs.values() if not isinstance(need, Port)]
    if not hides(mask) and not needs:
        return None
    is_given_secrets = _holds_secret(needs)

    def scrub_for(call: Call) -> Scrub:
        hide = hiding(texts_of(call.args, mask))
        return lambda text: hide(secrets.scrub(text))

    def wrap(call_next: CallNext) -> CallNext:
        async def redact(call: Call) -> ToolResult:
            try:
                result = await call_next(_with_quiet_progress(call, scrub_for))
            except Exception as error:  # outer guard: whatever a tool raises may quote what it was given
                if (failure := cleaned(error, partial(without, scrub=scrub_for(call)))) is error:
                    raise
            else:
                value = secrets.clean(result.value) if is_given_secrets else result.value
                return result if value is result.value else replace(result, value=value)
            raise failure  # here, where what it stands for is no part of it

        return redact

    return wrap


def _holds_secret(needs: Iterable[Need]) -> bool:
    return any(
        isinstance(need, Secret) or (isinstance(need, ResourceSpec) and _holds_secret(need.needs.values()))
        for need in needs
    )


def _with_quiet_progress(call: Call, scrub_for: Callable[[Call], Scrub]) -> Call:
    """The call, telling of its progress without what must not be shown; only tasks have somebody who listens."""
    tell = call.context.progress
    if tell is no_progress:
        return call
    scrub = scrub_for(call)

    def told(fraction: float, message: str = "") -> None:
        tell(fraction, scrub(said(message)))

    return call._replace(context=replace(call.context, progress=told))
