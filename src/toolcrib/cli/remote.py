"""A running toolcrib server as a backend, over its HTTP API."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlencode, urlsplit

import httpx

from toolcrib.cli.exit_codes import UsageProblem
from toolcrib.cli.output import Json, kib, note
from toolcrib.core.errors import (
    ArchiveInvalid,
    Conflict,
    DeploymentRejected,
    NotFound,
    ReleaseNotFound,
    RunFailed,
    ServerUnreachable,
    ToolcribError,
    error_class,
)
from toolcrib.core.reasons import Reason
from toolcrib.core.tasks import Decision, TaskState
from toolcrib.runtime.packing import pack_project
from toolcrib.runtime.whoami import local_user

CONNECT_S = 5.0
NOT_READY = 503


@asynccontextmanager
async def open_remote(url: str) -> AsyncIterator["Remote"]:
    """A client of the server at `url`.

    Raises:
        UsageProblem: that is no http address.
    """
    if not _is_address(url):
        raise UsageProblem(f"{url!r} is no server address.", hint="Give it as http://HOST:PORT.")
    who = {"x-toolcrib-who": local_user().encode("ascii", "replace").decode()}
    patience = httpx.Timeout(None, connect=CONNECT_S)
    async with httpx.AsyncClient(base_url=url, timeout=patience, headers=who) as client:
        yield Remote(client)


def _is_address(url: str) -> bool:
    """Whether this is an http address that can be called."""
    try:
        parsed = urlsplit(url)
        return parsed.scheme in ("http", "https") and bool(parsed.hostname) and (parsed.port or 1) <= 65_535
    except ValueError:
        return False


class Remote:
    """See `toolcrib.cli.backend.Backend`."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def call(self, name: str, args: Mapping[str, Any], **how: Any) -> Json:
        """See `Backend.call`."""
        return await self._json("POST", f"/v1/tools/{name}/calls", {"args": dict(args), **how})

    async def run(self, agent: str, body: Mapping[str, Any]) -> Json:
        """See `Backend.run`."""
        return await self._json("POST", f"/v1/agents/{agent}/runs", dict(body))

    async def stream(self, agent: str, body: Mapping[str, Any]) -> AsyncIterator[Json]:
        """See `Backend.stream`."""
        given = {**body, "stream": True}
        try:
            async with self._client.stream("POST", f"/v1/agents/{agent}/runs", json=given) as response:
                if response.is_error:
                    await response.aread()
                    _fail(response)
                async for event in _events(response.aiter_lines()):
                    yield event
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    async def tools(self, tenant: str = "") -> list[Json]:
        """See `Backend.tools`."""
        return await self._list(f"/v1/tools?{urlencode({'tenant': tenant})}")

    async def tool(self, name: str, **caller: str) -> Json:
        """See `Backend.tool`."""
        return await self._json("GET", f"/v1/tools/{name}?{urlencode(caller)}")

    async def tool_errors(self, name: str, *, tenant: str | None, limit: int) -> list[Json]:
        """See `Backend.tool_errors`."""
        only = {"limit": limit} | ({} if tenant is None else {"tenant": tenant})
        document = await self._json("GET", f"/v1/tools/{quote(name, safe='')}/errors?{urlencode(only)}")
        return list(document["errors"])

    async def agents(self, tenant: str = "") -> list[Json]:
        """See `Backend.agents`."""
        return await self._list(f"/v1/agents?{urlencode({'tenant': tenant})}")

    async def experiments(self) -> list[Json]:
        """See `Backend.experiments`."""
        return await self._list("/v1/experiments")

    async def releases(self) -> Json:
        """See `Backend.releases`."""
        return await self._json("GET", "/v1/releases")

    async def release(self, name: str) -> Json:
        """See `Backend.release`."""
        return await self._json("GET", f"/v1/releases/{quote(name, safe='')}")

    async def users(self) -> list[Json]:
        """See `Backend.users`."""
        return await self._list("/v1/releases/users")

    async def drain(self, release: str, body: Json) -> Json:
        """See `Backend.drain`."""
        return await self._json("POST", f"/v1/releases/{quote(release, safe='')}/drain", body)

    async def collect(self, body: Json) -> Json:
        """See `Backend.collect`."""
        return await self._json("POST", "/v1/releases/gc", body)

    async def resume_run(self, run: str) -> Json:
        """See `Backend.resume_run`."""
        return await self._json("POST", f"/v1/runs/{quote(run, safe='')}/resume")

    async def diff(self, older: str | None, newer: str | None) -> Json:
        """See `Backend.diff`."""
        known = await self.releases()
        second = newer or known["current"]
        first = older or next((d["previous"] for d in known["history"] if d["release"] == second and d["previous"]), "")
        if not first:
            raise NotFound(f"No release served before {second}.", hint="Name two releases.")
        return await self._json("GET", f"/v1/releases/{first}/diff/{second}")

    async def deploy(self, directory: Path | None, body: Json) -> Json:
        """See `Backend.deploy`; a directory is packed and sent, without one the server deploys its own."""
        try:
            if directory is not None:
                return await self._upload(directory, body)
            return await self._json("POST", "/v1/deployments", body)
        except DeploymentRejected as error:
            return {"state": "rejected", "release": "", "reasons": [reason.to_dict() for reason in error.reasons]}

    async def _upload(self, directory: Path, body: Json) -> Json:
        packed = pack_project(directory)
        size, sent = kib(packed.unpacked_bytes), kib(len(packed.data))
        note(f"{packed.release}: {packed.files} file{'' if packed.files == 1 else 's'}, {size}, sent as {sent}")
        git = {f"git_{name}": value for name, value in asdict(packed.git).items()} if packed.git else {}
        query = {name: value for name, value in (body | git).items() if value is not None}
        path = f"/v1/releases?{urlencode(_spelled(query), doseq=True)}"
        return await self._json("POST", path, content=packed.data)

    async def rollback(self, release: str | None, why: str) -> Json:
        """See `Backend.rollback`."""
        return await self._json("POST", "/v1/rollback", {"release": release, "why": why})

    async def promote(self, why: str) -> Json:
        """See `Backend.promote`."""
        return await self._json("POST", "/v1/promote", {"why": why})

    async def hold(self, body: Json) -> Json:
        """See `Backend.hold`."""
        return await self._json("POST", "/v1/holds", body)

    async def canary(self) -> Json:
        """See `Backend.canary`."""
        return await self._json("GET", "/v1/canary")

    async def change_canary(self, body: Json) -> Json:
        """See `Backend.change_canary`."""
        return await self._json("PATCH", "/v1/canary", body)

    async def end_canary(self, why: str) -> Json:
        """See `Backend.end_canary`."""
        return await self._json("DELETE", f"/v1/canary?{urlencode({'why': why})}")

    async def ledger(self) -> Json:
        """See `Backend.ledger`."""
        return await self._json("GET", "/v1/ledger")

    async def budgets(self, wanted: Json) -> list[Json]:
        """See `Backend.budgets`."""
        query = {name: value for name, value in wanted.items() if value not in (None, "")}
        return list((await self._json("GET", f"/v1/budgets?{urlencode(query)}"))["accounts"])

    async def threads(self, wanted: Json, limit: int) -> list[Json]:
        """See `Backend.threads`."""
        query = {name: value for name, value in wanted.items() if value not in (None, "")} | {"limit": limit}
        return await self._list(f"/v1/threads?{urlencode(query)}")

    async def move_threads(self, body: Json) -> list[Json]:
        """See `Backend.move_threads`."""
        moves: Any = await self._json("POST", "/v1/threads/move", body)
        return list(moves)

    async def migrate_threads(self, body: Json) -> list[Json]:
        """See `Backend.migrate_threads`."""
        moves: Any = await self._json("POST", "/v1/threads/migrate", body)
        return list(moves)

    async def tasks(self, state: TaskState | None, limit: int) -> list[Json]:
        """See `Backend.tasks`."""
        return await self._list(f"/v1/tasks?limit={limit}{f'&state={state}' if state else ''}")

    async def task(self, task_id: str) -> Json:
        """See `Backend.task`."""
        return await self._json("GET", f"/v1/tasks/{quote(task_id, safe='')}")

    async def resolve_task(self, task_id: str, decision: Decision, value: Any) -> Json:
        """See `Backend.resolve_task`."""
        body = {"decision": decision} | ({"value": value} if decision == "answer" else {})
        return await self._json("POST", f"/v1/tasks/{quote(task_id, safe='')}/resolve", body)

    async def cancel_task(self, task_id: str) -> Json:
        """See `Backend.cancel_task`."""
        return await self._json("POST", f"/v1/tasks/{quote(task_id, safe='')}/cancel")

    async def _list(self, path: str) -> list[Json]:
        """A document that is a list, alone or as the only member of an object."""
        document: Any = await self._json("GET", path)
        return list(next(iter(document.values())) if isinstance(document, dict) else document)

    async def _json(self, method: str, path: str, body: Json | None = None, *, content: bytes | None = None) -> Json:
        """The answer to a request with a JSON body, or with an archive as `content`."""
        headers = {} if content is None else {"content-type": "application/gzip"}
        try:
            response = await self._client.request(method, path, json=body, content=content, headers=headers)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if response.is_error:
            _fail(response)
        document: Json = response.json()
        return document

    def _unreachable(self, error: httpx.TransportError) -> ServerUnreachable:
        return ServerUnreachable(
            f"No toolcrib server answers at {self._client.base_url} ({type(error).__name__}).",
            hint="Start one with `toolcrib dev`, or leave --url out.",
        )


def _spelled(query: Json) -> Json:
    """The values of a query as the server reads them; a list is said once for each of its members."""
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[Json]:
    """The run's events.

    Raises:
        ToolcribError: the server told of an error after the run had begun.
    """
    name = ""
    async for line in lines:
        if line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:") and name not in ("", "end"):
            document = json.loads(line.removeprefix("data:"))
            if name == "error":
                raise _error(document, str(document.get("message", "")), RunFailed)
            yield {"event": name, "data": document}


def _fail(response: httpx.Response) -> NoReturn:
    """Raise the error a problem document tells of."""
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    problem = problem if isinstance(problem, dict) else {}
    message = str(problem.get("detail") or f"the server answered {response.status_code}")
    reasons = [Reason.from_dict(reason) for reason in problem.get("reasons") or ()]
    by_status: dict[int, type[ToolcribError]] = {404: NotFound, 409: Conflict, 503: ServerUnreachable}
    kind = by_status.get(response.status_code, RunFailed)
    if response.status_code == NOT_READY and error_class(str(problem.get("code"))) is ReleaseNotFound:
        raise ServerUnreachable(message, hint=str(problem.get("hint") or ""))
    raise _error(problem, message, kind, reasons)


def _error(
    problem: Json, message: str, otherwise: type[ToolcribError], reasons: Sequence[Reason] = ()
) -> ToolcribError:
    """Our error with the problem's code."""
    kind, hint = error_class(str(problem.get("code"))), str(problem.get("hint") or "")
    if kind is not None and issubclass(kind, ArchiveInvalid):
        return kind(message, hint=hint, reasons=reasons)
    if reasons or kind is DeploymentRejected:
        return DeploymentRejected(message, hint=hint, reasons=reasons)
    return (kind or otherwise)(message, hint=hint)
