"""A peer that speaks OpenAI's chat completions over real HTTP as scripted: whole, streamed, late, broken, refused."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """An answer: text, or calls `(name, arguments as text)`; `cut` breaks it off after so many pieces.

    Attributes:
        clean: a broken off one ends like a whole one, for HTTP.
        held: it is not given before this is set.
    """

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    cut: int | None = None
    clean: bool = False
    held: asyncio.Event | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """A status that is no answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "no"


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer until the client goes away."""


Script = dict[str, Sequence[Say | Refuse | Hang]]
"""Model -> answers."""


class Peer:
    """Answers each model's requests by its script, again by the last line of it when it is over.

    Attributes:
        script: model -> answers.
        asked: bodies of all requests.
        gone: set when a client left a hanging answer.
    """

    def __init__(self) -> None:
        self.script: Script = {}
        self.asked: list[Any] = []
        self.gone = asyncio.Event()
        self.hanging = asyncio.Event()
        self.url = ""
        self._open: dict[asyncio.StreamWriter, asyncio.Event] = {}

    async def close(self) -> None:
        """Close the connections that clients keep."""
        for writer, ended in list(self._open.items()):
            writer.transport.abort()
            await ended.wait()

    def reset(self, **script: Sequence[Say | Refuse | Hang]) -> None:
        """A new script, and nothing asked."""
        self.script, self.asked = script, []
        self.gone.clear()
        self.hanging.clear()

    def models(self) -> list[str]:
        """Names of the models asked, in order."""
        return [body["model"] for body in self.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request after the other."""
        ended = self._open[writer] = asyncio.Event()
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            del self._open[writer]
            ended.set()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(next(line.split(":")[1] for line in head.split("\r\n") if line.startswith("content-length")))
        body = json.loads(await reader.readexactly(length))
        self.asked.append(body)
        lines = self.script[body["model"]]
        line = lines[min(self.models().count(body["model"]), len(lines)) - 1]
        if isinstance(line, Say) and line.held:
            self.hanging.set()
            await line.held.wait()
        match line:
            case Hang():
                self.hanging.set()
                await reader.read()
                self.gone.set()
                return False
            case Refuse(status=status, headers=headers, message=message):
                _send(writer, status, json.dumps({"error": {"message": message}}).encode(), headers)
            case Say() if body.get("stream"):
                return await self._stream(writer, line, body)
            case Say():
                _send(writer, 200, json.dumps(_completion(line, body)).encode(), {})
        await writer.drain()
        return True

    async def _stream(self, writer: asyncio.StreamWriter, line: Say, body: Any) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        pieces = _pieces(line, usage=body.get("stream_options", {}).get("include_usage", False), model=body["model"])
        for piece in pieces[: line.cut]:
            _chunk(writer, f"data: {json.dumps(piece)}\n\n".encode())
            await writer.drain()
        if line.cut is not None:
            if line.clean:
                _chunk(writer, b"")
            await writer.drain()
            return False
        _chunk(writer, b"data: [DONE]\n\n")
        _chunk(writer, b"")
        await writer.drain()
        return True


@asynccontextmanager
async def open_peer() -> AsyncIterator[Peer]:
    """A peer on a port of the loopback."""
    peer = Peer()
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    peer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield peer
    finally:
        server.close()
        await peer.close()


def _send(writer: asyncio.StreamWriter, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{more}\r\n"
    writer.write(head.encode() + body)


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def _calls(line: Say) -> list[dict[str, Any]]:
    return [
        {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": args}}
        for index, (name, args) in enumerate(line.calls)
    ]


def _completion(line: Say, body: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": line.text or None, "tool_calls": _calls(line) or None}
    reason = "tool_calls" if line.calls else "stop"
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return {"id": "c", "object": "chat.completion", "model": body["model"], "choices": [choice], "usage": USAGE}


def _pieces(line: Say, *, usage: bool, model: str) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": f"{word} "} for word in line.text.split()]
    deltas += [{"tool_calls": [call]} for call in _calls(line)]
    reason = "tool_calls" if line.calls else "stop"
    choices: list[list[dict[str, Any]]] = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas]
    choices.append([{"index": 0, "delta": {}, "finish_reason": reason}])
    shape: dict[str, Any] = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": model}
    found = [{**shape, "choices": choice} for choice in choices]
    return [*found, {**shape, "choices": [], "usage": USAGE}] if usage else found
