"""Where commands get their data: the project opened in this process, or a running server; plain JSON from both."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from toolcrib.cli.exit_codes import UsageProblem
from toolcrib.cli.options import Common
from toolcrib.cli.output import Json, note, show_reasons, told
from toolcrib.core.errors import ArgumentsInvalid, ProjectInvalid, ToolNotFound, error_class
from toolcrib.core.releases import worst
from toolcrib.core.tasks import Decision, TaskState

if TYPE_CHECKING:
    from toolcrib.runtime.crib import Crib

T = TypeVar("T")
REFUSALS = (ToolNotFound, ArgumentsInvalid)


class Backend(Protocol):
    """What commands ask for; shapes are those of the HTTP API."""

    async def call(self, name: str, args: Mapping[str, Any], **how: Any) -> Json:
        """A tool call's `ToolResult`; `how` is `tenant`, `user` and `timeout_s`, as in `POST /v1/tools/{name}/calls`.

        Raises:
            ToolNotFound, ArgumentsInvalid: the tool was not reached.
        """

    async def run(self, agent: str, body: Mapping[str, Any]) -> Json:
        """A run's `RunResult`; body as in `POST /v1/agents/{name}/runs`."""

    def stream(self, agent: str, body: Mapping[str, Any]) -> AsyncIterator[Json]:
        """A run's events, `{event, data}`."""

    async def tools(self, tenant: str = "") -> list[Json]:
        """The current release's `ToolSpec`s, as this tenant sees them."""

    async def tool(self, name: str, **caller: str) -> Json:
        """The `ToolSpec` as it is for calls of this `agent`, `tenant`, `user` and `thread_id`, and its experiments."""

    async def tool_errors(self, name: str, *, tenant: str | None, limit: int) -> list[Json]:
        """The tool's last errors, the newest first."""

    async def agents(self, tenant: str = "") -> list[Json]:
        """The current release's agents, as this tenant sees them."""

    async def experiments(self) -> list[Json]:
        """The current release's experiments, as `GET /v1/experiments` tells them."""

    async def releases(self) -> Json:
        """`{current, generation, channel, releases, history}`."""

    async def release(self, name: str) -> Json:
        """One release with its files and all its deployments, as `GET /v1/releases/{release}` tells."""

    async def users(self) -> list[Json]:
        """Who uses which release, as `GET /v1/releases/users` tells."""

    async def drain(self, release: str, body: Json) -> Json:
        """What became of a drain; body as in `POST /v1/releases/{release}/drain`."""

    async def collect(self, body: Json) -> Json:
        """What was collected; body as in `POST /v1/releases/gc`."""

    async def resume_run(self, run: str) -> Json:
        """A run's `RunResult`."""

    async def diff(self, older: str | None, newer: str | None) -> Json:
        """`{verdict, changes}` of two releases."""

    async def deploy(self, directory: Path | None, body: Json) -> Json:
        """A `Deployment`; body as in `POST /v1/deployments`."""

    async def rollback(self, release: str | None, why: str) -> Json:
        """A `Deployment`."""

    async def promote(self, why: str) -> Json:
        """A `Deployment`."""

    async def hold(self, body: Json) -> Json:
        """A `Deployment`; body as in `POST /v1/holds`."""

    async def canary(self) -> Json:
        """How the canary does, as `GET /v1/canary` tells."""

    async def change_canary(self, body: Json) -> Json:
        """A `Deployment`; body as in `PATCH /v1/canary`."""

    async def end_canary(self, why: str) -> Json:
        """A `Deployment`."""

    async def ledger(self) -> Json:
        """`{summary, runs}`."""

    async def budgets(self, wanted: Json) -> list[Json]:
        """Accounts of budgets; `wanted` as the query of `GET /v1/budgets`."""

    async def threads(self, wanted: Json, limit: int) -> list[Json]:
        """The last run of each thread; `wanted` as the query of `GET /v1/threads`, with `thread_id`."""

    async def move_threads(self, body: Json) -> list[Json]:
        """What became of each thread; body as in `POST /v1/threads/move`."""

    async def migrate_threads(self, body: Json) -> list[Json]:
        """What became of each thread; body as in `POST /v1/threads/migrate`."""

    async def tasks(self, state: TaskState | None, limit: int) -> list[Json]:
        """The newest background tasks, without arguments and results."""

    async def task(self, task_id: str) -> Json:
        """One background task."""

    async def resolve_task(self, task_id: str, decision: Decision, value: Any) -> Json:
        """The background task after a person decided about it; the value is for the decision `answer`."""

    async def cancel_task(self, task_id: str) -> Json:
        """The background task after it was cancelled, or told to stop."""


def ask(options: Common, question: Callable[[Backend], Awaitable[T]], *, deploy: bool = True) -> T:
    """What the question gets of the backend the options name; a signal ends it in order.

    Args:
        options: with `url` the running server, else the project.
        question: called with the backend.
        deploy: for the project: serve the directory as it is now, if the gate lets it.

    Raises:
        Stopped: a signal ended it.
    """
    from toolcrib.runtime.build import load_frameworks
    from toolcrib.runtime.signals import run

    if not options.url:
        load_frameworks()  # before there is anything to close: a signal ends the process at once

    async def asked() -> T:
        async with _backend(options, deploy=deploy) as source:
            return await question(source)

    return run(asked())


@asynccontextmanager
async def _backend(options: Common, *, deploy: bool) -> AsyncIterator[Backend]:
    if options.url:
        from toolcrib.cli.remote import open_remote

        async with open_remote(options.url) as remote:
            yield remote
        return
    from toolcrib.runtime.build import open_project
    from toolcrib.runtime.locate import locate

    root = locate(options.project)
    with told(root):
        async with open_project(root, deploy=deploy, work=False) as crib:
            if deploy:
                _warn(crib)
            yield Embedded(crib)


class Embedded:
    """The project opened in this process."""

    def __init__(self, crib: "Crib") -> None:
        self._crib = crib

    async def call(self, name: str, args: Mapping[str, Any], **how: Any) -> Json:
        """See `Backend.call`."""
        result = await self._crib.call(name, args, **how)
        if result.error and not result.attempts and (refused := error_class(result.error.code)) in REFUSALS:
            raise refused(result.error.message, hint=result.error.hint)
        return result.to_dict()

    async def run(self, agent: str, body: Mapping[str, Any]) -> Json:
        """See `Backend.run`."""
        return (await self._crib.run(agent, **_asked(body))).to_dict()

    async def stream(self, agent: str, body: Mapping[str, Any]) -> AsyncIterator[Json]:
        """See `Backend.stream`."""
        async for event in self._crib.stream(agent, **_asked(body)):
            yield {"event": event.event, "data": dict(event.data)}

    async def tools(self, tenant: str = "") -> list[Json]:
        """See `Backend.tools`."""
        return [tool.spec.to_dict() for _, tool in sorted(self._crib.release.tools_of(tenant).items())]

    async def tool(self, name: str, **caller: str) -> Json:
        """See `Backend.tool`."""
        spec = self._crib.tool_spec(name, **caller).to_dict()
        found = list(self._crib.experiments.explain(name, **caller))
        return spec | ({"experiments": found} if found else {})

    async def tool_errors(self, name: str, *, tenant: str | None, limit: int) -> list[Json]:
        """See `Backend.tool_errors`."""
        return [one.to_dict() for one in await self._crib.errors(name, tenant=tenant, limit=limit)]

    async def agents(self, tenant: str = "") -> list[Json]:
        """See `Backend.agents`."""
        found = [agent_document(agent) for _, agent in sorted(self._crib.release.agents_of(tenant).items())]
        return list(self._crib.secrets.clean(found))

    async def experiments(self) -> list[Json]:
        """See `Backend.experiments`."""
        return list(self._crib.experiments.list())

    async def releases(self) -> Json:
        """See `Backend.releases`."""
        return await self._crib.overview()

    async def release(self, name: str) -> Json:
        """See `Backend.release`."""
        return await self._crib.describe(name)

    async def users(self) -> list[Json]:
        """See `Backend.users`."""
        return [use.to_dict() for use in await self._crib.users()]

    async def drain(self, release: str, body: Json) -> Json:
        """See `Backend.drain`."""
        return (await self._crib.drain(release, **body, actor="cli")).to_dict()

    async def collect(self, body: Json) -> Json:
        """See `Backend.collect`."""
        return (await self._crib.collect_releases(**body)).to_dict()

    async def resume_run(self, run: str) -> Json:
        """See `Backend.resume_run`."""
        return (await self._crib.resume_run(run)).to_dict()

    async def diff(self, older: str | None, newer: str | None) -> Json:
        """See `Backend.diff`."""
        changes = await self._crib.diff(older, newer)
        return {"verdict": worst(changes), "changes": [asdict(change) for change in changes]}

    async def deploy(self, directory: Path | None, body: Json) -> Json:
        """See `Backend.deploy`."""
        return (await self._crib.deploy(directory, **body, actor="cli")).to_dict()

    async def rollback(self, release: str | None, why: str) -> Json:
        """See `Backend.rollback`."""
        return (await self._crib.rollback(release, why=why, actor="cli")).to_dict()

    async def promote(self, why: str) -> Json:
        """See `Backend.promote`."""
        return (await self._crib.promote(why=why, actor="cli")).to_dict()

    async def hold(self, body: Json) -> Json:
        """See `Backend.hold`."""
        return (await self._crib.hold(**body, actor="cli")).to_dict()

    async def canary(self) -> Json:
        """See `Backend.canary`."""
        return (await self._crib.canary.status()).to_dict()

    async def change_canary(self, body: Json) -> Json:
        """See `Backend.change_canary`."""
        try:
            return (await self._crib.canary.change(**body, actor="cli")).to_dict()
        except ValueError as error:
            raise UsageProblem(f"{str(error).capitalize()}.", hint="`toolcrib canary end` ends it.") from error

    async def end_canary(self, why: str) -> Json:
        """See `Backend.end_canary`."""
        return (await self._crib.canary.end(why=why, actor="cli")).to_dict()

    async def ledger(self) -> Json:
        """See `Backend.ledger`."""
        runs = await self._crib.recent_runs()
        return {"summary": asdict(await self._crib.ledger()), "runs": [run.to_dict() for run in runs]}

    async def budgets(self, wanted: Json) -> list[Json]:
        """See `Backend.budgets`."""
        return [one.to_dict() for one in await self._crib.budgets(**wanted)]

    async def threads(self, wanted: Json, limit: int) -> list[Json]:
        """See `Backend.threads`."""
        return [run.to_dict() for run in await self._crib.threads.list(**wanted, limit=limit)]

    async def move_threads(self, body: Json) -> list[Json]:
        """See `Backend.move_threads`."""
        return [asdict(move) for move in await self._crib.threads.move(**body)]

    async def migrate_threads(self, body: Json) -> list[Json]:
        """See `Backend.migrate_threads`."""
        return [asdict(move) for move in await self._crib.threads.migrate(**body)]

    async def tasks(self, state: TaskState | None, limit: int) -> list[Json]:
        """See `Backend.tasks`."""
        return [record.summary() for record in await self._crib.tasks.list(state=state, limit=limit)]

    async def task(self, task_id: str) -> Json:
        """See `Backend.task`."""
        return (await self._crib.tasks.status(task_id)).to_dict()

    async def resolve_task(self, task_id: str, decision: Decision, value: Any) -> Json:
        """See `Backend.resolve_task`."""
        return (await self._crib.tasks.resolve(task_id, decision, value=value)).to_dict()

    async def cancel_task(self, task_id: str) -> Json:
        """See `Backend.cancel_task`."""
        return (await self._crib.tasks.cancel(task_id)).to_dict()


def _asked(body: Mapping[str, Any]) -> Json:
    """A run's body as arguments of `Crib.run`."""
    arguments = dict(body)
    given = arguments.pop("input", None)
    return arguments if given is None else arguments | {"question": given}


def agent_document(agent: Any) -> Json:
    """An agent as JSON-ready mapping: its spec, and what it came to in its release."""
    spec: Json = agent.spec.model_dump(mode="json")
    return {"name": agent.name, **spec, "tools": list(agent.tools), "prompt": agent.prompt, "release": agent.release}


def _warn(crib: "Crib") -> None:
    """Something else serves than this directory: say why, and go on."""
    problem = crib.problem
    if isinstance(problem, ProjectInvalid):
        show_reasons(problem.reasons)
        note(f"warning: this directory was rejected; {crib.release.id} goes on serving.")
    elif problem is not None:
        note(f"warning: {problem.message} {problem.hint}")
