"""Which built-in tools are part of a release, and which agents see `read_artifact` without asking for it."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256

from toolcrib.core.reasons import Reason
from toolcrib.core.stores.artifacts import READ_ARTIFACT
from toolcrib.core.tools import Tool
from toolcrib.loader.blame import whole_line
from toolcrib.loader.config import ProjectConfig
from toolcrib.loader.modules import SourceFile
from toolcrib.tools.builtin.catalogue import BUILTIN


def wanted(
    there: Container[str], tools: Iterable[Tool], config: ProjectConfig, said: Iterable[str] = ()
) -> Iterator[str]:
    """Names of the built-in tools that belong to these tools.

    Those that the configuration calls by name, unless there is a tool of that name, and `read_artifact` when the result
    of some tool is stored.

    Args:
        there: names that are taken.
        tools: the tools as their callers have them.
        config: of the project, or of a tenant's folder.
        said: further names it calls.
    """
    named = {name for spec in config.agents.values() for name in spec.tools}
    named.update(config.tool_overrides, *config.agent_overrides.values(), said)
    stores = any(tool.spec.policy.stores_output for tool in tools)
    for name in BUILTIN:
        if name not in there and (name in named or (name == READ_ARTIFACT and stores)):
            yield name


def built_in(tool: Tool) -> Tool:
    """The tool, marked as one that comes with toolcrib: installed code does not change while a process runs."""
    digest = sha256(f"toolcrib {tool.name}".encode()).hexdigest()[:16]
    return replace(tool, spec=replace(tool.spec, kind="builtin", digest=digest, line=0))


def builtin_reasons(
    tools: Mapping[str, Tool], effective: Iterable[Tool], files: Mapping[str, SourceFile]
) -> Iterator[Reason]:
    """A tool of the project in the place of the one that reads stored results."""
    reader = tools.get(READ_ARTIFACT)
    names = sorted({tool.name for tool in effective if tool.spec.policy.stores_output})
    if reader is not None and reader.spec.kind != "builtin" and names:
        place = whole_line(files, reader.spec.file, reader.spec.line)
        message = f"{READ_ARTIFACT!r} is the tool that reads on in the results of {', '.join(names)}, which are stored"
        hint = "Rename this one, or set `excess: cut` in their `output`."
        yield replace(place, code="duplicate_tool", message=message, hint=hint)


def with_reader(chosen: set[str], tools: Mapping[str, Tool]) -> set[str]:
    """An agent's tools, and `read_artifact` when one of them, or what answers in its place, may store a result.

    Args:
        chosen: names of the agent's tools.
        tools: all tools that its calls find.
    """
    seen: set[str] = set()
    waiting = list(chosen)
    while waiting and READ_ARTIFACT in tools:
        name = waiting.pop()
        if name in seen or name not in tools:
            continue
        seen.add(name)
        policy = tools[name].spec.policy
        if policy.stores_output:
            return chosen | {READ_ARTIFACT}
        waiting.append(policy.fallback)
    return chosen
