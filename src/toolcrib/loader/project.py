"""Loading a bundle: from bytes to tools, prompts and graphs, with every reason why it cannot be done."""

import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from toolcrib.core.compat.migrations import Migration
from toolcrib.core.experiments.arms import Arm
from toolcrib.core.experiments.values import Experiment
from toolcrib.core.names import did_you_mean
from toolcrib.core.reasons import Reason
from toolcrib.core.redaction import Secrets
from toolcrib.core.tools import ResourceSpec, Tool
from toolcrib.loader.blame import blame, files_of
from toolcrib.loader.bundle import Bundle
from toolcrib.loader.compiling import Compiled
from toolcrib.loader.config import ProjectConfig
from toolcrib.loader.discover import Found, ToolModule, discover_tools, is_tool_file, misfits
from toolcrib.loader.dotted import dotted_name
from toolcrib.loader.migrations import read_migrations
from toolcrib.loader.modules import ModulePool, ModuleSpace, SourceFile
from toolcrib.loader.overlays.agents import AgentSources, LoadedAgent, load_agent_arms, load_agents
from toolcrib.loader.overlays.boundary import crossings
from toolcrib.loader.overlays.catalogue import Catalogue, Sources, make_catalogue
from toolcrib.loader.overlays.experiments import make_experiments, with_arms
from toolcrib.loader.overlays.reading import read_configs
from toolcrib.loader.prompts import prompt_texts
from toolcrib.loader.reading.interpolation import secret_names
from toolcrib.loader.reading.langgraph_json import module_roots
from toolcrib.loader.reading.tenants import tenant_of
from toolcrib.loader.reading.yaml_source import Path
from toolcrib.loader.resources import ResourceFinder
from toolcrib.tools.adapt import adapt, is_tool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedProject:
    """A project in memory, before its chains are composed and its graphs compiled.

    Attributes:
        config: what its YAML says.
        catalogue: its tools, as each caller sees them.
        resources: name -> resource its tools may need.
        agents: agent and tenant, empty for all -> the agent; of a tenant's only those that differ.
        experiments: name -> experiment.
        agent_arms: agent and variant of an experiment -> the agent, where it is otherwise there.
        prompts: path -> text of every prompt file.
        migrations: agent -> migrations of its threads' saved state, the oldest first.
        space: its modules.
    """

    config: ProjectConfig
    catalogue: Catalogue
    resources: Mapping[str, ResourceSpec]
    agents: Mapping[tuple[str, str], LoadedAgent]
    experiments: Mapping[str, Experiment]
    agent_arms: Mapping[tuple[str, Arm], LoadedAgent]
    prompts: Mapping[str, str]
    migrations: Mapping[str, tuple[Migration, ...]]
    space: ModuleSpace

    @property
    def tools(self) -> Mapping[str, Tool]:
        """Name -> tool, for all callers."""
        return self.catalogue.tools

    @property
    def all_tools(self) -> Iterator[Tool]:
        """Every tool as somebody sees it, those for all callers first."""
        yield from self.tools.values()
        yield from self.catalogue.beyond


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPorts:
    """What loading needs of the world.

    Attributes:
        root: directory the modules' `__file__` is in.
        pool: the process's loaded modules.
        secrets: the environment for `${env:NAME}` and `${secret:NAME}`; what is secret in it is known afterwards.
        on_module: told the path of each file before its code runs; a verifier wants to know who hung.
        eager: import also what tools import only inside functions; the runtime leaves that to the first call.
    """

    root: str
    pool: ModulePool
    secrets: Secrets
    on_module: Callable[[str], None] = lambda path: None
    eager: bool = False


def load_project(
    bundle: Bundle, compiled: Mapping[str, Compiled], ports: LoadPorts
) -> tuple[LoadedProject | None, tuple[Reason, ...]]:
    """Load a bundle.

    Args:
        bundle: the bytes.
        compiled: path -> compiled form of each `*.py` in the bundle.
        ports: where to load.

    Returns:
        The project and no reasons, or None and all reasons; then nothing of the candidate is left in memory.
    """
    ports.secrets.know(secret_names(bundle.contents))  # before any code of the project can fail with one of them
    config, config_reasons = read_configs(bundle.contents, env=ports.secrets.env)
    files = _sources(bundle, compiled)
    space = _space(bundle, list(files.values()), ports)
    by_file = files_of(space)
    imports = _Imports(space, by_file, files, ports.on_module)
    reasons = [*config_reasons, *crossings(files)]
    modules, lost = _tool_modules(imports, reasons)
    if ports.eager:
        for path in space.later():
            _import(path, imports, reasons, lazy=True)
    resources = ResourceFinder(space=space, files=by_file, env=ports.secrets)
    resources.read([found.module for found in modules])
    found = _discovered(modules, by_file, resources, reasons)
    sources = Sources(found=found, config=config, files=by_file, resources=resources, lost=frozenset(lost))
    catalogue, wrong = make_catalogue(sources)
    catalogue, mistakes = with_arms(catalogue, sources)
    reasons += [*wrong, *mistakes, *(one for one in resources.reasons if not lost or one.code != "unknown_resource")]
    reasons += misfits([*catalogue.tools.values(), *catalogue.beyond], config, by_file)

    def named(where: Path, path: str, said_by: ProjectConfig) -> Any:
        return _named(where, path, imports, said_by, reasons)

    told = AgentSources(config=config, catalogue=catalogue, contents=bundle.contents, named=named, lost=lost)
    agents, wrong = load_agents(told)
    agent_arms, strange = load_agent_arms(told, agents)
    migrations, mistakes = read_migrations(
        lambda path: _import(path, imports, reasons), files=by_file, agents={name for name, _ in agents}
    )
    reasons += [*wrong, *strange, *mistakes]
    if not reasons and not catalogue.tools and not agents and not catalogue.beyond:
        reasons.append(_empty())
    if reasons:
        space.discard()
        return None, tuple(reasons)
    return LoadedProject(
        config=config,
        catalogue=catalogue,
        resources=resources.catalogue.specs,
        agents=MappingProxyType(agents),
        experiments=MappingProxyType(make_experiments(catalogue, config, agents=agents, contents=bundle.contents)),
        agent_arms=MappingProxyType(agent_arms),
        prompts=prompt_texts(bundle.contents),
        migrations=migrations,
        space=space,
    ), ()


def _discovered(
    modules: Sequence[ToolModule],
    by_file: Mapping[str, SourceFile],
    resources: ResourceFinder,
    reasons: list[Reason],
) -> dict[str, dict[str, Found]]:
    """Tenant, empty for the project -> the tools its own files define; what they import of others is not theirs."""
    owned: dict[str, list[ToolModule]] = {"": []}
    for module in modules:
        owned.setdefault(tenant_of(module.path), []).append(module)
    found: dict[str, dict[str, Found]] = {}
    known: set[int] = set()
    for tenant in sorted(owned):
        found[tenant], wrong = discover_tools(owned[tenant], by_file, resources, known=known)
        known = known or {id(one.value) for one in found[""].values()}
        reasons += wrong
    return found


def load_tools(
    files: Sequence[SourceFile],
    *,
    root: str,
    digest: str,
    wanted: Mapping[str, Collection[str]],
    roots: Sequence[str] = (),
) -> Mapping[str, Tool]:
    """Some tools of a release that was loaded elsewhere before, by their `ToolSpec.address`; no others are loaded.

    Args:
        files: all Python files of the release.
        root: directory the modules' `__file__` is in.
        digest: of the release's manifest.
        wanted: path -> names, in the code, of the tools that stand in this file.
        roots: see `ModuleSpace`.

    Raises:
        BaseException: whatever the modules' code raises.
    """
    space = ModuleSpace(root=root, digest=digest, files=files, pool=ModulePool(), roots=roots)
    found: dict[str, Tool] = {}
    for path, names in wanted.items():
        for value in list(vars(space.load(dotted_name(path))).values()):
            if is_tool(value) and (tool := adapt(value)).name in names:
                found[f"{path}:{tool.name}"] = tool
    return MappingProxyType(found)


@dataclass(frozen=True, slots=True)
class _Imports:
    """What an import needs: the space, the sources by `__file__` and by path, and whom to tell."""

    space: ModuleSpace
    by_file: Mapping[str, SourceFile]
    files: Mapping[str, SourceFile]
    on_module: Callable[[str], None]


def _sources(bundle: Bundle, compiled: Mapping[str, Compiled]) -> dict[str, SourceFile]:
    digests = bundle.manifest.files
    return {
        path: SourceFile(path=path, digest=digests[path], source=bundle.contents[path], compiled=compiled[path])
        for path in bundle.contents
        if path in compiled
    }


def _space(bundle: Bundle, files: Sequence[SourceFile], ports: LoadPorts) -> ModuleSpace:
    digest, roots = bundle.manifest.digest, module_roots(bundle.contents)
    return ModuleSpace(root=ports.root, digest=digest, files=files, pool=ports.pool, roots=roots)


def _import(path: str, imports: "_Imports", reasons: list[Reason], *, lazy: bool = False) -> ToolModule | None:
    """Load one file; what it raises becomes a reason, whatever it is: the code is not ours."""
    dotted, space = dotted_name(path), imports.space
    imports.on_module(path)
    try:
        module = space.load(dotted)
    except BaseException as error:  # noqa: BLE001 - outer guard: project code may raise anything, SystemExit included
        if lazy and isinstance(error, ModuleNotFoundError) and error.name not in space.names:
            return None  # an optional package, asked for only when a function needs it
        reason = blame(error, code="import", path=path, files=imports.by_file, names=space.names, root=space.root)
        if reason not in reasons:
            reasons.append(reason)
        return None
    return ToolModule(path=path, module=module, closure=space.closure(dotted))


def _named(where: Path, named: str, imports: _Imports, config: ProjectConfig, reasons: list[Reason]) -> Any:
    """The object an agent names, `graphs/file.py:variable`; one that chooses a tier must be a function."""
    path, _, variable = named.partition(":")
    if path not in imports.files:
        return None
    loaded = _import(path, imports, reasons)
    if loaded is None:
        return None
    found, is_graph = getattr(loaded.module, variable, None), where[-1] == "graph"
    public = [n for n, value in vars(loaded.module).items() if not n.startswith("_") and (is_graph or callable(value))]
    if found is None:
        hint = did_you_mean(variable, public)
        code = "unknown_graph" if is_graph else "unknown_route"
        reasons.append(config.reason(code, f"{path} has no {variable!r}", where, hint))
    elif not is_graph and (problem := _cannot_route(found)):
        hint = f"Write def {variable}(question): return 'simple', 'medium' or 'complex'."
        reasons.append(config.reason("route", f"{named} {problem}", where, hint))
    return found


def _cannot_route(found: Any) -> str:
    """Why an object cannot choose a tier; empty when it can."""
    if not callable(found) or isinstance(found, type):
        return "is no function"
    try:
        inspect.signature(found).bind(None)
    except TypeError:
        return "does not take one argument, the question"
    except ValueError:  # it does not tell what it takes
        return ""
    return ""


def _tool_modules(imports: _Imports, reasons: list[Reason]) -> tuple[list[ToolModule], set[str]]:
    """The modules with tools, and all words of those that do not load."""
    modules: list[ToolModule] = []
    lost: set[str] = set()
    for path in filter(is_tool_file, imports.files):
        if loaded := _import(path, imports, reasons):
            modules.append(loaded)
        else:
            lost.update(_words(imports.files[path].source))
    return modules, lost


def _words(source: bytes) -> Collection[str]:
    """All words of a file that did not load: among them the names of its tools. Only the cause is to be told."""
    return re.findall(r"[\w.-]+", source.decode("utf-8", "replace"))


def _empty() -> Reason:
    return Reason(
        code="empty_project",
        message="there is no tool and no agent in this directory",
        hint="Add tools/*.py with @tool functions, or agents.yaml; `toolcrib init DIR` makes a project to start from.",
    )
