"""Which built-in tools are part of a release, and which agents see `read_artifact` without asking for it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256

from toolcrib.core.reasons import Reason
from toolcrib.core.stores.artifacts import READ_ARTIFACT
from toolcrib.core.tools import Tool
from toolcrib.loader.blame import whole_line
from toolcrib.loader.config import ProjectConfig
from toolcrib.loader.layers import VariantKey
from toolcrib.loader.modules import SourceFile
from toolcrib.tools.builtin.catalogue import BUILTIN


def wanted(tools: Mapping[str, Tool], config: ProjectConfig) -> Iterator[str]:
    """Names of the built-in tools that belong to a release of these tools.

    Those that its configuration calls by name, unless the project has a tool of that name, and `read_artifact` when the
    result of some tool is stored.
    """
    named = {name for spec in config.agents.values() for name in spec.tools}
    named.update(config.tool_overrides, *config.agent_overrides.values(), *config.tenant_overrides.values())
    for name in BUILTIN:
        if name not in tools and (name in named or (name == READ_ARTIFACT and _storing(tools, config))):
            yield name


def built_in(tool: Tool) -> Tool:
    """The tool, marked as one that comes with toolcrib: installed code does not change while a process runs."""
    digest = sha256(f"toolcrib {tool.name}".encode()).hexdigest()[:16]
    return replace(tool, spec=replace(tool.spec, kind="builtin", digest=digest, line=0))


def builtin_reasons(
    tools: Mapping[str, Tool], config: ProjectConfig, files: Mapping[str, SourceFile]
) -> Iterator[Reason]:
    """A tool of the project in the place of the one that reads stored results."""
    reader = tools.get(READ_ARTIFACT)
    if reader is not None and reader.spec.kind != "builtin" and (names := _storing(tools, config)):
        place = whole_line(files, reader.spec.file, reader.spec.line)
        message = f"{READ_ARTIFACT!r} is the tool that reads on in the results of {', '.join(names)}, which are stored"
        hint = "Rename this one, or set `excess: cut` in their `output`."
        yield replace(place, code="duplicate_tool", message=message, hint=hint)


def with_reader(
    chosen: set[str], agent: str, tools: Mapping[str, Tool], variants: Mapping[VariantKey, Tool]
) -> set[str]:
    """An agent's tools, and `read_artifact` when one of them, or what answers in its place, may store a result."""
    seen: set[str] = set()
    waiting = list(chosen)
    while waiting and READ_ARTIFACT in tools:
        name = waiting.pop()
        if name in seen or name not in tools:
            continue
        seen.add(name)
        own = (tool for (of, who, _), tool in variants.items() if of == name and who in ("", agent))
        for tool in (tools[name], *own):
            if tool.spec.policy.stores_output:
                return chosen | {READ_ARTIFACT}
            waiting.append(tool.spec.policy.fallback)
    return chosen


def _storing(tools: Mapping[str, Tool], config: ProjectConfig) -> list[str]:
    """Names of the enabled tools among these that store a long result, whoever calls."""
    scoped = (*config.agent_overrides.values(), *config.tenant_overrides.values())
    names = []
    for name, tool in tools.items():
        override = config.tool_overrides.get(name)
        policies = (tool.spec.policy, *(said[name] for said in scoped if name in said))
        if (override is None or override.enabled) and any(policy.stores_output for policy in policies):
            names.append(name)
    return names
