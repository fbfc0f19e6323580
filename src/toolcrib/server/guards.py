"""Guards around the application, as plain ASGI: request ids and the last guard, host names, how much may be sent."""

import asyncio
import logging
import re
from http import HTTPStatus
from math import ceil

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from toolcrib.core.ports import Clock, IdFactory
from toolcrib.server.problems import problem

log = logging.getLogger(__name__)
MAX_BODY_BYTES = 1024 * 1024
UPLOADS = "/v1/releases"
UPLOAD_HINT = "Leave data out of the archive, or raise `uploads.max_mb` in toolcrib.yaml and restart the server."
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
QUIET_PATHS = frozenset({"/ok", "/livez", "/readyz", "/metrics"})
REQUEST_ID = "x-request-id"
FIT_ID = re.compile(r"[\w.:+/=-]{1,128}", re.ASCII)


class OuterGuard:
    """Gives each request an id, logs its end, and answers 500 with that id when something was not foreseen."""

    def __init__(self, app: ASGIApp, *, clock: Clock, ids: IdFactory) -> None:
        self._app = app
        self._clock = clock
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with an id: the caller's if it is fit for a log, else a new one."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = scope["request_id"] = given if FIT_ID.fullmatch(given) else self._ids.new()
        began, status = self._clock.monotonic(), 0

        async def with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        facts = {"request_id": request_id, "method": scope["method"], "path": scope["path"]}
        try:
            with bound_contextvars(request_id=request_id):  # every line that is logged on its behalf bears it
                await self._app(scope, receive, with_id)
        except Exception:  # outer guard: the client gets an id, the log the traceback
            log.exception("request failed", extra=facts)
            if status:
                raise  # the answer has begun: only cutting it off tells the client
            await _unforeseen(scope)(scope, receive, with_id)
        level = logging.DEBUG if scope["path"] in QUIET_PATHS else logging.INFO
        if log.isEnabledFor(level):
            duration_s = round(self._clock.monotonic() - began, 6)
            log.log(level, "request", extra={**facts, "status": status, "duration_s": duration_s})
        return None


class KnownHosts:
    """Answers only for the given host names, and lets only pages of theirs change anything.

    So a web page elsewhere can neither reach us by DNS rebinding nor post to us from its visitor's browser.
    """

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse: 421 for another host, 403 for a page of another origin."""
        if scope["type"] == "http" and (answer := self._refusal(scope)) is not None:
            return await answer(scope, receive, send)
        return await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers, names = Headers(scope=scope), " or ".join(sorted(self._hosts))
        host = _without_port(headers.get("host", ""))
        if host not in self._hosts:
            return problem(
                Request(scope),
                HTTPStatus.MISDIRECTED_REQUEST,
                code="unknown_host",
                detail=f"This server does not answer for the host {host!r}.",
                hint=f"Ask for {names}.",
            )
        origin = headers.get("origin")
        if origin is None or scope["method"] in SAFE_METHODS or _without_port(_host_of(origin)) in self._hosts:
            return None
        return problem(
            Request(scope),
            HTTPStatus.FORBIDDEN,
            code="foreign_origin",
            detail=f"A page of {origin} may not change anything here.",
            hint=f"Open the page from {names}.",
        )


class NoNewWork:
    """Once the server stops, refuses whatever would begin something; what is there can be looked at and cancelled."""

    def __init__(self, app: ASGIApp, *, stop: asyncio.Event, retry_after_s: float) -> None:
        self._app = app
        self._stop = stop
        self._retry_after_s = ceil(max(1.0, retry_after_s))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse with 503 and the seconds after which the next process may be there."""
        if scope["type"] != "http" or not self._stop.is_set() or scope["method"] in SAFE_METHODS:
            return await self._app(scope, receive, send)
        if scope["path"].endswith("/cancel"):
            return await self._app(scope, receive, send)
        answer = problem(
            Request(scope),
            HTTPStatus.SERVICE_UNAVAILABLE,
            code="server_stopping",
            detail="This server stops and takes no new work.",
            hint="Send it to another one, or again when the next one is there.",
            retryable=True,
        )
        answer.headers.update({"retry-after": str(self._retry_after_s), "connection": "close"})
        return await answer(scope, receive, send)


class BodyLimit:
    """Refuses bodies of more than `limit` bytes, told or counted; of more than `uploads` where archives are taken."""

    def __init__(self, app: ASGIApp, *, limit: int = MAX_BODY_BYTES, uploads: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._limit = limit
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body within the limit, then pass on."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            return await self._app(scope, receive, send)
        is_upload = scope["path"] == UPLOADS
        limit = self._uploads if is_upload else self._limit
        told = Headers(scope=scope).get("content-length", "0")
        body, more = bytearray(), told.isdecimal() and len(told) < 20 and int(told) <= limit
        fits = more
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return None  # the client left
            body += message.get("body", b"")
            fits = len(body) <= limit
            more = fits and message.get("more_body", False)
        if fits:
            return await self._app(scope, _replay(bytes(body), receive), send)
        answer = problem(
            Request(scope),
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            code="body_too_large",
            detail=f"The body has more than {limit} bytes.",
            hint=UPLOAD_HINT if is_upload else "Send less in one request.",
        )
        return await answer(scope, receive, send)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once, then whatever comes (the disconnect)."""
    pending = [body]

    async def again() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return again


def _without_port(address: str) -> str:
    """The name in `name:port`, in lower case; IPv6 addresses keep their brackets."""
    host = address.lower()
    name, _, port = host.rpartition(":")
    return name if port.isdecimal() and not name.endswith(":") else host


def _host_of(origin: str) -> str:
    """`name:port` of an origin, `https://name:port`; an opaque origin is `null`."""
    return origin.partition("://")[2] or origin


def _unforeseen(scope: Scope) -> ASGIApp:
    request_id = scope["request_id"]
    return problem(
        Request(scope),
        HTTPStatus.INTERNAL_SERVER_ERROR,
        code="internal_error",
        detail=f"Something went wrong here that should not. The log has it under request {request_id}.",
        hint="Look into the server's log.",
        extra={"request_id": request_id},
    )
