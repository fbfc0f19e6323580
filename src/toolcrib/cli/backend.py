"""Where commands get their data: the project opened in this process, or a running server; plain JSON from both."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from toolcrib.cli.options import Common
from toolcrib.cli.output import Aside, Json, note, show_reasons
from toolcrib.core.errors import ProjectInvalid
from toolcrib.core.tasks import TaskState

if TYPE_CHECKING:
    from toolcrib.runtime.crib import Crib


class Backend(Protocol):
    """What commands ask for; shapes are those of the HTTP API."""

    async def call(self, name: str, args: Mapping[str, Any], *, tenant: str, timeout_s: float | None) -> Json:
        """A tool call's `ToolResult`."""

    async def run(self, agent: str, body: Mapping[str, Any]) -> Json:
        """A run's `RunResult`; body as in `POST /v1/agents/{name}/runs`."""

    def stream(self, agent: str, body: Mapping[str, Any]) -> AsyncIterator[Json]:
        """A run's events, `{event, data}`."""

    async def tools(self) -> list[Json]:
        """The current release's `ToolSpec`s."""

    async def tool(self, name: str, *, agent: str, tenant: str) -> Json:
        """The `ToolSpec` as it is for calls of this agent and tenant; empty for all."""

    async def agents(self) -> list[Json]:
        """The current release's agents."""

    async def releases(self) -> Json:
        """`{current, generation, releases, history}`."""

    async def diff(self, older: str | None, newer: str | None) -> list[Json]:
        """`Change`s between two releases."""

    async def deploy(self, directory: Path | None) -> Json:
        """A `Deployment`."""

    async def rollback(self, release: str | None) -> Json:
        """A `Deployment`."""

    async def ledger(self) -> Json:
        """`{summary, runs}`."""

    async def tasks(self, state: TaskState | None, limit: int) -> list[Json]:
        """The newest background tasks, without arguments and results."""

    async def task(self, task_id: str) -> Json:
        """One background task."""

    async def cancel_task(self, task_id: str) -> Json:
        """The background task after it was cancelled, or told to stop."""


@asynccontextmanager
async def backend(options: Common, *, deploy: bool = True) -> AsyncIterator[Backend]:
    """The backend the options name.

    Args:
        options: with `url` the running server, else the project.
        deploy: for the project: serve the directory as it is now, if the gate lets it.
    """
    if options.url:
        from toolcrib.cli.remote import open_remote

        async with open_remote(options.url) as remote:
            yield remote
        return
    from toolcrib.runtime.build import open_project

    with redirect_stdout(Aside(sys.stdout)):
        async with open_project(options.project, deploy=deploy, work=False) as crib:
            if crib.problem is not None:
                _warn(crib)
            yield Embedded(crib)


class Embedded:
    """The project opened in this process."""

    def __init__(self, crib: "Crib") -> None:
        self._crib = crib

    async def call(self, name: str, args: Mapping[str, Any], *, tenant: str, timeout_s: float | None) -> Json:
        """See `Backend.call`."""
        return (await self._crib.call(name, args, tenant=tenant, timeout_s=timeout_s)).to_dict()

    async def run(self, agent: str, body: Mapping[str, Any]) -> Json:
        """See `Backend.run`."""
        return (await self._crib.run(agent, **body)).to_dict()

    async def stream(self, agent: str, body: Mapping[str, Any]) -> AsyncIterator[Json]:
        """See `Backend.stream`."""
        async for event in self._crib.stream(agent, **body):
            yield {"event": event.event, "data": dict(event.data)}

    async def tools(self) -> list[Json]:
        """See `Backend.tools`."""
        return [tool.spec.to_dict() for _, tool in sorted(self._crib.release.tools.items())]

    async def tool(self, name: str, *, agent: str, tenant: str) -> Json:
        """See `Backend.tool`."""
        return self._crib.release.tool(name, agent=agent, tenant=tenant).spec.to_dict()

    async def agents(self) -> list[Json]:
        """See `Backend.agents`."""
        return [agent_document(agent) for _, agent in sorted(self._crib.release.agents.items())]

    async def releases(self) -> Json:
        """See `Backend.releases`."""
        stored = await self._crib.releases()
        serving = next((release for release in stored if release.state == "active"), None)
        return {
            "current": serving.manifest.release if serving else "",
            "generation": self._crib.generation,
            "releases": [
                {
                    "id": release.manifest.release,
                    "digest": release.manifest.digest,
                    "state": release.state,
                    "at": release.at,
                    "files": len(release.manifest.files),
                }
                for release in stored
            ],
            "history": [deployment.to_dict() for deployment in await self._crib.history()],
        }

    async def diff(self, older: str | None, newer: str | None) -> list[Json]:
        """See `Backend.diff`."""
        return [asdict(change) for change in await self._crib.diff(older, newer)]

    async def deploy(self, directory: Path | None) -> Json:
        """See `Backend.deploy`."""
        return (await self._crib.deploy(directory, actor="cli")).to_dict()

    async def rollback(self, release: str | None) -> Json:
        """See `Backend.rollback`."""
        return (await self._crib.rollback(release, actor="cli")).to_dict()

    async def ledger(self) -> Json:
        """See `Backend.ledger`."""
        runs = await self._crib.recent_runs()
        return {"summary": asdict(await self._crib.ledger()), "runs": [asdict(run) for run in runs]}

    async def tasks(self, state: TaskState | None, limit: int) -> list[Json]:
        """See `Backend.tasks`."""
        return [record.summary() for record in await self._crib.tasks.list(state=state, limit=limit)]

    async def task(self, task_id: str) -> Json:
        """See `Backend.task`."""
        return (await self._crib.tasks.status(task_id)).to_dict()

    async def cancel_task(self, task_id: str) -> Json:
        """See `Backend.cancel_task`."""
        return (await self._crib.tasks.cancel(task_id)).to_dict()


def agent_document(agent: Any) -> Json:
    """An agent as JSON-ready mapping: its spec, and what it came to in its release."""
    spec: Json = agent.spec.model_dump(mode="json")
    return {"name": agent.name, **spec, "tools": list(agent.tools), "prompt": agent.prompt, "release": agent.release}


def _warn(crib: "Crib") -> None:
    """The directory was refused, an older release serves: say so and go on."""
    problem = crib.problem
    if isinstance(problem, ProjectInvalid):
        show_reasons(problem.reasons)
    note(f"warning: this directory was rejected; {crib.release.id} goes on serving.")
