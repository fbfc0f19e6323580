"""The verifier process: warm, single-threaded, and itself never running a line of project code.

It compiles what it is sent and forks a child for each candidate; the child imports the candidate under limits and
writes its verdict to a private pipe. A child that hangs, dies or ends the process takes nothing with it: the whole
process group is killed at the time limit, or when this process is told to end or left alone. Started by
`toolcrib.loader.verifier.client` as `python -P -m toolcrib.loader.verifier.zygote MODULE:FUNCTION`.
"""

import base64
import faulthandler
import gc
import importlib
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, NoReturn, Protocol

import orjson

from toolcrib.core.reasons import Reason
from toolcrib.core.results import said
from toolcrib.core.wire.frames import HEADER, pack, read_frame, write_all
from toolcrib.core.wire.prctl import die_with_parent
from toolcrib.loader.bundle import Bundle, make_bundle
from toolcrib.loader.compiling import Compiled, compile_source, module_file, source_line
from toolcrib.loader.overlays.reading import read_configs

LINUX = sys.platform == "linux"
MEMORY_BYTES = 4 * 1024**3
ORPHAN_S = 2.0
"""Where the kernel does not end a child whose zygote was killed, it ends itself so long after its time limit."""
TRACE_BYTES = 64 * 1024
_NOT_WHILE_IMPORTED = "A module must not end the process while it is imported."
LOOK_S = 0.1
"""How often a silent child is looked at: another process may hold its pipe open after it has died."""
Check = Callable[["CheckRequest"], "Findings"]


class Progress(Protocol):
    """Is told of what comes next: who hangs or dies is found by it."""

    def __call__(self, path: str, doing: str = "", /) -> None:
        """Code of this file runs next; `doing` says what for, if it is not imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """What a check looks at.

    Attributes:
        bundle, compiled: the candidate.
        root: the directory its modules' `__file__` is in.
        passed: what need not be tried again, by beginnings of digests: modules with examples, models with options.
        compare: whether its shape is asked for.
    """

    bundle: Bundle
    compiled: Mapping[str, Compiled]
    root: str
    progress: Progress
    passed: frozenset[str] = frozenset()
    compare: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a check found: the reasons, the candidate's shape as JSON if it was asked for, examples it did not try."""

    reasons: tuple[Reason, ...] = ()
    shape: str = ""
    untried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """How a child ended: what it found, what it did last, exit status, whether time ran out, where it was."""

    findings: dict[str, Any] | None
    last_file: str
    doing: str
    status: int
    timed_out: bool
    trace: str


def main() -> None:
    """Serve requests on stdin until it closes."""
    if LINUX:  # elsewhere it ends when it reads that nobody asks any more, after what it is at
        die_with_parent(signal.SIGTERM)
    requests, replies = os.dup(0), os.dup(1)
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(quiet, descriptor)
    check = _resolve(sys.argv[1])
    signal.signal(signal.SIGTERM, _leave)
    gc.freeze()
    sources: dict[str, bytes] = {}
    compiled: dict[str, Compiled] = {}
    with suppress(BrokenPipeError):  # nobody waits for the answer any more
        write_all(replies, pack(orjson.dumps({"ready": True})))
        while request := read_frame(requests):
            write_all(replies, _answer(orjson.loads(request), check, sources, compiled))


def _leave(number: int, frame: object) -> NoReturn:
    """End on request, by way of every `finally`: a child at work is killed, not left alone."""
    raise SystemExit(0)


def _resolve(target: str) -> Check:
    module, _, name = target.partition(":")
    check: Check = getattr(importlib.import_module(module), name)
    return check


def _answer(request: dict[str, Any], check: Check, sources: dict[str, bytes], compiled: dict[str, Compiled]) -> bytes:
    """Compile, fork, wait; the answer holds the reasons and the compiled files the asker has not got."""
    files: dict[str, str] = request["files"]
    sources |= {digest: base64.b64decode(data) for digest, data in request["sources"].items()}
    reasons: list[Reason] = []
    code: dict[str, Compiled] = {}
    for path, digest in files.items():
        if path.endswith(".py"):
            key = module_file(request["root"], path, digest)
            result = compiled.get(key) or compile_source(sources[digest], path=path, filename=key)
            if isinstance(result, Reason):
                reasons.append(result)
            else:
                code[path] = compiled[key] = result
    bundle = make_bundle({path: sources[digest] for path, digest in files.items()})
    began = _now()
    if reasons:  # what can be told without running a module is told too
        found = Findings(reasons=(*reasons, *read_configs(bundle.contents, env=os.environ)[1]))
    else:
        job = CheckRequest(
            bundle=bundle,
            compiled=code,
            root=request["root"],
            progress=lambda path, doing="": None,
            passed=frozenset(request["passed"]),
            compare=request["compare"],
        )
        found = _in_child(job, check, float(request["timeout_s"]))
    wanted = set(request["want"])
    answer = {
        "reasons": [reason.to_dict() for reason in found.reasons],
        "shape": found.shape,
        "untried": found.untried,
        "code": {
            path: {"code": base64.b64encode(item.code).decode(), "imports": item.imports}
            for path, item in code.items()
            if path in wanted
        },
        "check_s": _now() - began,
    }
    _forget(files, request["root"], sources, compiled)
    return pack(orjson.dumps(answer))


def _forget(files: dict[str, str], root: str, sources: dict[str, bytes], compiled: dict[str, Compiled]) -> None:
    """Keep what the present candidate has, so that the caches do not grow with every edit."""
    if len(sources) > 2 * len(files) + 64:
        for digest in sources.keys() - set(files.values()):
            del sources[digest]
        for key in compiled.keys() - {module_file(root, path, digest) for path, digest in files.items()}:
            del compiled[key]


def _in_child(job: CheckRequest, check: Check, timeout_s: float) -> Findings:
    """Run the check in a forked child and make sense of however it ends."""
    read_end, write_end = os.pipe()
    with tempfile.TemporaryFile() as trace:
        child = os.fork()
        if child == 0:
            os.close(read_end)
            _child(job, check, trace, write_end, timeout_s)
        os.close(write_end)
        ended = _wait(child, read_end, timeout_s, trace)
    if ended.findings is None:
        return Findings(reasons=(_explain(ended, job, timeout_s),))
    reasons = tuple(Reason.from_dict(data) for data in ended.findings["reasons"])
    return Findings(reasons=reasons, shape=ended.findings["shape"], untried=tuple(ended.findings["untried"]))


def _child(job: CheckRequest, check: Check, trace: IO[bytes], pipe: int, timeout_s: float) -> NoReturn:
    """In the child: limits first, then the check; never returns."""
    try:
        os.setsid()
        if LINUX:
            die_with_parent()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, timeout_s + ORPHAN_S)
        os.dup2(1, 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
        faulthandler.enable(trace, all_threads=False)
        faulthandler.dump_traceback_later(timeout_s * 0.9, file=trace)

        def progress(path: str, doing: str = "", /) -> None:
            write_all(pipe, pack(orjson.dumps({"file": path, "doing": doing})))

        found = check(replace(job, progress=progress))
    except BaseException as error:  # noqa: BLE001 - outer guard: whatever it is, the one who waits is told
        found = Findings(reasons=(_own_mistake(error),))
    with suppress(OSError):
        write_all(pipe, pack(orjson.dumps({"findings": _told(found)})))
    os._exit(0)


def _told(found: Findings) -> dict[str, Any]:
    reasons = [reason.to_dict() for reason in found.reasons]
    return {"reasons": reasons, "shape": found.shape, "untried": found.untried}


def _own_mistake(error: BaseException) -> Reason:
    """An error of ours: what a project's code raises is a finding of the check."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    message = f"toolcrib could not check the release: {said(error, repr)} in {Path(last.filename).name}:{last.lineno}"
    return Reason(code="internal_error", message=message, file="", line=1, column=1, hint="Please report this.")


def _wait(child: int, pipe: int, timeout_s: float, trace: IO[bytes]) -> _Ended:
    """Read the child's frames until its findings, its death or the time limit; then kill its whole group."""
    findings, last_file, doing, timed_out, status = None, "", "", False, 0
    try:
        for frame in _frames(child, pipe, _now() + timeout_s):
            last_file, doing = frame.get("file", last_file), frame.get("doing", doing)
            timed_out = "timeout" in frame
            findings = frame.get("findings")
            if findings is not None:
                break
    finally:
        os.close(pipe)
        status = _reap(child)
    trace.seek(0)
    text = trace.read(TRACE_BYTES).decode("utf-8", "replace")
    return _Ended(findings=findings, last_file=last_file, doing=doing, status=status, timed_out=timed_out, trace=text)


def _frames(child: int, pipe: int, deadline: float) -> Iterator[dict[str, Any]]:
    """What the child writes until it has ended; at the deadline a frame `timeout`, the last one."""
    buffer = bytearray()
    ended = False
    while not ended:
        left = deadline - _now()
        if left <= 0:
            yield {"timeout": True}
            return
        dead = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        if select.select([pipe], [], [], 0 if dead else min(left, LOOK_S))[0]:
            part = os.read(pipe, 1 << 16)
            ended = not part
            buffer += part
        else:
            ended = dead
        while len(buffer) >= HEADER.size and len(buffer) >= HEADER.size + (size := HEADER.unpack_from(buffer)[0]):
            yield orjson.loads(bytes(buffer[HEADER.size : HEADER.size + size]))
            del buffer[: HEADER.size + size]


def _reap(child: int) -> int:
    """Kill what is left of the child's process group and give back its exit status (negative: the signal)."""
    done, status = os.waitpid(child, os.WNOHANG)
    for kill in (os.killpg, os.kill):
        try:
            kill(child, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
    if not done:
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _explain(ended: _Ended, job: CheckRequest, timeout_s: float) -> Reason:
    """The reason for a child without findings."""
    path, line = _last_place(ended, job)
    doing = f"in {ended.doing}" if ended.doing else "while it imported the project"
    if ended.timed_out:
        message = f"{ended.doing or 'the import'} did not end within {timeout_s:g} s"
        mend = "Make it quicker" if ended.doing else "Move slow work from module level into the tool"
        hint = f"{mend}, or raise `verify.timeout_s` in toolcrib.yaml."
        code = "timeout"
    elif ended.status < 0:
        name = signal.Signals(-ended.status).name
        message, code = f"the process was killed by {name} {doing}", "crash"
        hint = "Native code in an imported package crashed, or memory ran out."
    else:
        message, code = f"the process ended by itself (exit code {ended.status}) {doing}", "crash"
        hint = "A tool must not end the process." if ended.doing else _NOT_WHILE_IMPORTED
    text = source_line(job.bundle.contents.get(path, b""), line)
    return Reason(code=code, message=message, file=path, line=line, column=1, hint=hint, source=text)


def _last_place(ended: _Ended, job: CheckRequest) -> tuple[str, int]:
    """File and line where the child was: from faulthandler's traceback, else the last file it began.

    The main thread stands last in it.
    """
    digests = job.bundle.manifest.files
    by_file = {module_file(job.root, path, digest): path for path, digest in digests.items()}
    for line in ended.trace.rpartition("hread 0x")[2].splitlines():
        head, _, tail = line.strip().removeprefix('File "').partition('", line ')
        if head in by_file and tail:
            return by_file[head], int(tail.split()[0].rstrip(","))
    return ended.last_file, 1


def _now() -> float:
    """Seconds; this process has no composition root that could hand it a clock."""
    return time.monotonic()  # noqa: TID251


if __name__ == "__main__":
    main()
