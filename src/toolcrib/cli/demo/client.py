"""What the demo asks the server: runs, roll-backs, the ledger, and the stream of events."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx

from toolcrib.core.errors import ToolcribError
from toolcrib.core.ports import Clock

PATIENCE_S = 30.0
"""So long any one answer or event is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An agent's answer as the server gave it.

    Attributes:
        text: the answer.
        success: whether the run succeeded.
        tools: names of the tools called, in order.
        release: id of the release the run was pinned to.
        releases: ids of all releases whose code served a step of it.
        seconds: from the request until the answer, measured here.
        ended: reading of the clock when the answer was there.
    """

    text: str
    success: bool
    tools: tuple[str, ...]
    release: str
    releases: frozenset[str]
    seconds: float
    ended: float

    def facts(self) -> str:
        """Tools, release and time in one line."""
        return f"{', '.join(self.tools) or 'no tool'} · release {self.release} · {self.seconds:.3f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An event and the reading of the clock when it arrived."""

    name: str
    data: Mapping[str, Any]
    at: float


class Client:
    """The HTTP API of the demo's server."""

    def __init__(self, http: httpx.AsyncClient, *, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    async def ask(self, question: str, *, agent: str = "support") -> Answer:
        """Ask an agent and wait for its answer."""
        began = self._clock.monotonic()
        result = await self._post(f"/v1/agents/{agent}/runs", {"question": question})
        ended = self._clock.monotonic()
        steps = [step for step in result["trace"] if step.get("kind") == "tool"]
        return Answer(
            text=str(result["output"] if result["success"] else result["error"]),
            success=bool(result["success"]),
            tools=tuple(step["tool"] for step in steps),
            release=result["release"],
            releases=frozenset(step["release"] for step in result["trace"]) | {result["release"]},
            seconds=ended - began,
            ended=ended,
        )

    async def roll_back(self) -> tuple[Mapping[str, Any], float]:
        """Serve the former release again: the deployment, and the seconds until the server said so."""
        began = self._clock.monotonic()
        deployment = await self._post("/v1/rollback", {})
        return deployment, self._clock.monotonic() - began

    async def ledger(self) -> Mapping[str, Any]:
        """Counts over all runs."""
        summary: Mapping[str, Any] = self._json(await self._http.get("/v1/ledger"))["summary"]
        return summary

    async def _post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._json(await self._http.post(path, json=body))

    @staticmethod
    def _json(response: httpx.Response) -> Mapping[str, Any]:
        where = f"{response.request.method} {response.request.url.path}"
        if response.status_code >= 400:
            raise ToolcribError(f"{where} answered {response.status_code}: {response.text[:300]}")
        data = response.json()
        if not isinstance(data, dict):
            raise ToolcribError(f"{where} answered {response.text[:300]!r}, not an object.")
        return data


class Feed:
    """The server's events since the feed was opened, each with the time of its arrival."""

    def __init__(self) -> None:
        self._seen: list[Seen] = []
        self._ended = False
        self._changed = asyncio.Condition()

    def mark(self) -> int:
        """A place in the stream: events from here on come after whatever was done before."""
        return len(self._seen)

    async def wait(self, name: str, accept: Callable[[Mapping[str, Any]], bool], *, after: int) -> Seen:
        """The first event of this name behind a mark that is accepted.

        Raises:
            ToolcribError: it does not come, or the stream has ended.
        """
        try:
            async with asyncio.timeout(PATIENCE_S), self._changed:
                while True:
                    for seen in self._seen[after:]:
                        if seen.name == name and accept(seen.data):
                            return seen
                    if self._ended:
                        raise ToolcribError(f"The server ended its events before {name!r} came.")
                    after = len(self._seen)
                    await self._changed.wait()
        except TimeoutError as error:
            raise ToolcribError(f"No event {name!r} came within {PATIENCE_S:g} s.") from error

    async def read(self, lines: AsyncIterator[str], *, clock: Clock) -> None:
        """Take in the stream until it ends."""
        try:
            async for name, data in server_sent_events(lines):
                async with self._changed:
                    self._seen.append(Seen(name=name, data=data, at=clock.monotonic()))
                    self._changed.notify_all()
        except httpx.HTTPError:
            pass  # told to whoever waits, below
        finally:
            self._ended = True
            async with self._changed:
                self._changed.notify_all()


async def server_sent_events(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
    """`(event, data)` of a stream of server-sent events with JSON data.

    Comments and fields other than `event` and `data` are skipped, as
    https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation asks for.
    """
    name, data = "", list[str]()
    async for line in lines:
        if line:
            key, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if key == "event":
                name = value
            elif key == "data":
                data.append(value)
            continue
        if data:
            yield name or "message", json.loads("\n".join(data)) or {}
        name, data = "", []


@asynccontextmanager
async def open_client(url: str, *, clock: Clock) -> AsyncIterator[tuple[Client, Feed]]:
    """The API and the events of the server at `url`; events count from here on."""
    timeout = httpx.Timeout(PATIENCE_S)
    # Neither proxies nor certificates of the environment have a say on the way to this very machine.
    async with (
        httpx.AsyncClient(base_url=url, timeout=timeout, trust_env=False) as http,
        http.stream("GET", "/v1/events", timeout=httpx.Timeout(PATIENCE_S, read=None)) as response,
    ):
        if response.status_code != 200:
            raise ToolcribError(f"GET /v1/events answered {response.status_code}.")
        feed = Feed()
        reader = asyncio.create_task(feed.read(response.aiter_lines(), clock=clock), name="toolcrib-demo-events")
        try:
            yield Client(http, clock=clock), feed
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader
