"""`Verifier`: asks the warm verifier process whether a bundle can be loaded, and gets its compiled code back."""

import asyncio
import base64
import os
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import orjson

from toolcrib.core.compat.shapes import Shape
from toolcrib.core.reasons import Reason
from toolcrib.core.wire.frames import HEADER, MAX_FRAME_BYTES, pack
from toolcrib.loader.bundle import Bundle
from toolcrib.loader.compiling import Compiled

START_TIMEOUT_S = 60.0
GRACE_S = 30.0
STOP_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the verifier found: no reasons means that the bundle can be loaded, with this compiled code.

    Attributes:
        shape: of the candidate, when it was asked for.
        untried: examples that were not tried, and why.
    """

    reasons: tuple[Reason, ...]
    compiled: Mapping[str, Compiled]
    check_s: float = 0.0
    shape: Shape | None = None
    untried: tuple[str, ...] = ()


class Verifier:
    """One warm process beside this one; started when first needed, started anew when it dies. One request at a time."""

    def __init__(self, *, check: str, timeout_s: float) -> None:
        """Nothing is started yet.

        Args:
            check: `module:function` that judges a `CheckRequest` in the forked child.
            timeout_s: how long a candidate may take to load.
        """
        self._check = check
        self._timeout_s = timeout_s
        self._process: asyncio.subprocess.Process | None = None
        self._ready: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._closed = False
        self._known: set[str] = set()
        self._code: dict[str, tuple[str, Compiled]] = {}

    def warm_up(self) -> None:
        """Start the process in the background, so that the first deployment need not wait for it."""
        if self._ready is None and not self._closed:
            self._ready = asyncio.create_task(self._start(), name="toolcrib-verifier-start")

    async def verify(
        self, bundle: Bundle, *, root: str, passed: Collection[str] = (), compare: bool = False
    ) -> Verdict:
        """Compile and check a bundle.

        Args:
            bundle: the candidate.
            root: the project's directory, for the modules' `__file__`.
            passed: what need not be tried again, see `CheckRequest`.
            compare: whether the candidate's shape is wanted.
        """
        wish = {"root": root, "passed": sorted(passed), "compare": compare}
        async with self._lock:
            try:
                try:
                    return await self._asked(bundle, wish)
                except (ConnectionError, asyncio.IncompleteReadError):
                    return await self._asked(bundle, wish)
            except (ConnectionError, asyncio.IncompleteReadError, TimeoutError) as error:
                return Verdict(reasons=(_died(error),), compiled=MappingProxyType({}))

    async def _asked(self, bundle: Bundle, wish: Mapping[str, Any]) -> Verdict:
        """Ask; after any failure the process is stopped: its late answer must not be taken for that of the next one."""
        if self._closed:
            raise ConnectionError("the verifier was closed")
        try:
            return await self._ask(bundle, wish)
        except BaseException:
            await asyncio.shield(asyncio.ensure_future(self._stop()))
            raise

    async def close(self) -> None:
        """Stop the process and everything it has started; there will be no other."""
        self._closed = True
        await self._stop()

    async def _ask(self, bundle: Bundle, wish: Mapping[str, Any]) -> Verdict:
        self.warm_up()
        assert self._ready is not None
        await asyncio.shield(self._ready)
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        files = bundle.manifest.files
        request = {
            **wish,
            "timeout_s": self._timeout_s,
            "files": files,
            "sources": {
                digest: base64.b64encode(bundle.contents[path]).decode()
                for path, digest in files.items()
                if digest not in self._known
            },
            "want": [p for p in files if p.endswith(".py") and self._code.get(p, ("",))[0] != files[p]],
        }
        process.stdin.write(pack(orjson.dumps(request)))
        await process.stdin.drain()
        async with asyncio.timeout(self._timeout_s + GRACE_S):
            answer = orjson.loads(await _read(process.stdout))
        self._learn(answer["code"], files)
        self._known = set(files.values())
        return Verdict(
            reasons=tuple(Reason.from_dict(data) for data in answer["reasons"]),
            compiled={path: code for path, (digest, code) in self._code.items() if files.get(path) == digest},
            check_s=answer["check_s"],
            shape=Shape.from_json(answer["shape"]) if answer["shape"] else None,
            untried=tuple(answer["untried"]),
        )

    def _learn(self, code: Mapping[str, Any], files: Mapping[str, str]) -> None:
        """Keep compiled files by path and digest, and only those the candidate has."""
        for path, item in code.items():
            imports = tuple((level, module, tuple(names)) for level, module, names in item["imports"])
            compiled = Compiled(code=base64.b64decode(item["code"]), imports=imports)
            self._code[path] = (files[path], compiled)
        for path in self._code.keys() - files.keys():
            del self._code[path]

    async def _start(self) -> None:
        environment = {
            **os.environ,
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANGGRAPH_STRICT_MSGPACK": "true",
            "PYTHONPATH": os.pathsep.join(place or os.getcwd() for place in sys.path),
        }
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "toolcrib.loader.verifier.zygote", self._check),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
            env=environment,
        )
        self._known = set()
        assert self._process.stdout is not None
        async with asyncio.timeout(START_TIMEOUT_S):
            await _read(self._process.stdout)

    async def _stop(self) -> None:
        ready, self._ready = self._ready, None
        process, self._process = self._process, None
        if ready is not None and not ready.done():
            ready.cancel()
            await asyncio.gather(ready, return_exceptions=True)
            process = process or self._process
            self._process = None
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _read(stream: asyncio.StreamReader) -> bytes:
    (size,) = HEADER.unpack(await stream.readexactly(HEADER.size))
    if size > MAX_FRAME_BYTES:
        raise ConnectionError(f"the verifier sent a frame of {size} bytes")
    return await stream.readexactly(size)


def _died(error: Exception) -> Reason:
    return Reason(
        code="verifier_died",
        message=f"the verifier process ended while it read the project ({type(error).__name__})",
        hint="A source file that the Python compiler itself cannot bear does this: look at the newest change.",
    )
