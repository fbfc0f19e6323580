"""The command line as a script meets it: a process of its own, what it wrote on which stream, and its exit code.

Most of what a command takes is the import of the frameworks. `toolcrib` forks each command from a process that has
imported them already; `fresh` begins one as a shell does.
"""

import multiprocessing
import multiprocessing.context
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

PATIENCE_S = 120
PRELOADED = (
    "tests.integration.commands",
    "tests.integration.served",
    "toolcrib.cli.main",
    "toolcrib.runtime.wiring.compose",
    "toolcrib.server.serve",
    "toolcrib.server.app",
)
Done = subprocess.CompletedProcess[str]


def warm() -> multiprocessing.context.ForkServerContext:
    """Where processes come from that have imported the frameworks already."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload([*PRELOADED])
    return forks


def toolcrib(
    project: Path | None, *words: str, given: str = "", env: Mapping[str, str] = MappingProxyType(os.environ)
) -> Done:
    """Run a command in the project's directory."""
    with TemporaryDirectory(prefix="toolcrib-command-") as room:
        streams = [Path(room, name) for name in ("in", "out", "err")]
        streams[0].write_text(given, encoding="utf-8")
        process = warm().Process(target=_command, args=(words, project, streams, _apart(env)), daemon=False)
        process.start()
        process.join(PATIENCE_S)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(words, PATIENCE_S, *(stream.read_text() for stream in streams[1:]))
        return Done(words, process.exitcode, *(stream.read_text(encoding="utf-8") for stream in streams[1:]))


def _command(words: tuple[str, ...], project: Path | None, streams: list[Path], env: dict[str, str]) -> None:
    """The forked process: it takes on its directory, environment and streams, and is the command."""
    for number, (stream, flags) in enumerate(zip(streams, (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT] * 2), strict=True)):
        os.dup2(os.open(stream, flags), number)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate(("r", "w", "w")))
    os.chdir(project or ".")
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["toolcrib", *words]
    from toolcrib.__main__ import main

    main()


def fresh(project: Path | None, *words: str, env: Mapping[str, str] = MappingProxyType(os.environ)) -> Done:
    """Run a command in an interpreter of its own."""
    command = [sys.executable, "-m", "toolcrib", *words]
    return subprocess.run(
        command, cwd=project, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=_apart(env)
    )


def _apart(env: Mapping[str, str]) -> dict[str, str]:
    """The environment without the server that whoever runs the tests may have named."""
    return {key: value for key, value in env.items() if key != "TOOLCRIB_URL"}
