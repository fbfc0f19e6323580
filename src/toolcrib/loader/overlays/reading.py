"""Reading the configuration of a project with that of its tenants' folders."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from toolcrib.core.reasons import Reason
from toolcrib.loader.config import AGENTS, SETTINGS, ProjectConfig, read_config
from toolcrib.loader.prompts import unbound
from toolcrib.loader.reading.langgraph_json import LANGGRAPH
from toolcrib.loader.reading.places import decode, reason_at
from toolcrib.loader.reading.spending import BUDGETS, PRICES
from toolcrib.loader.reading.tenants import TENANTS, inner_path, overlaid, tenant_of
from toolcrib.loader.reading.yaml_source import Path

_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_WHOLE = "Settings and LangGraph's own file are for the whole project: write it at its top."


def read_configs(files: Mapping[str, bytes], *, env: Mapping[str, str]) -> tuple[ProjectConfig, tuple[Reason, ...]]:
    """`read_config`, with the overlays of all tenants that have a folder; arguments and result are the same."""
    base, reasons = read_config({path: data for path, data in files.items() if not tenant_of(path)}, env=env)
    found = [*reasons]
    overlays: dict[str, ProjectConfig] = {}
    for tenant in sorted({tenant_of(path) for path in files} - {""}):
        overlays[tenant], wrong = _read_overlay(tenant, files, base, env)
        found += wrong
    config = replace(base, overlays=MappingProxyType(overlays))
    return config, (*found, *_nobodys_budgets(config))


def _read_overlay(
    tenant: str, files: Mapping[str, bytes], base: ProjectConfig, env: Mapping[str, str]
) -> tuple[ProjectConfig, list[Reason]]:
    real = overlaid(files, tenant)
    own = {path for path in files if tenant_of(path) == tenant}
    tree = {path: files[place] for path, place in real.items() if place in own or not _is_config(path)}
    config, said = read_config(
        {path: data for path, data in tree.items() if path not in _FOR_ALL}, env=env, base=base.agents
    )
    reasons = [*_misplaced(tenant, own, config, real)]
    reasons += [replace(reason, file=real.get(reason.file, reason.file)) for reason in said]
    reasons += _unbound(tree, real, base, config)
    documents = {name: replace(one, file=real[one.file]) for name, one in config.documents.items()}
    return replace(config, documents=MappingProxyType(documents)), reasons


def _nobodys_budgets(config: ProjectConfig) -> Iterator[Reason]:
    """Budgets of agents that nobody has."""
    known = {name for one in (config, *config.overlays.values()) for name in one.agents}
    written = config.documents[AGENTS].data if AGENTS in config.documents else None
    agents = written.get("agents") if isinstance(written, dict) else None
    known |= set(agents) if isinstance(agents, dict) else set()  # what is wrong with one of them is told elsewhere
    for name in config.spending.budgets.agents:
        if name not in known:
            message = f"there is no agent {name!r} to have a budget"
            yield config.unknown("unknown_agent", message, (BUDGETS, "agents", name), name=name, known=known)


_FOR_ALL = frozenset({SETTINGS, SETTINGS.replace(".yaml", ".yml"), LANGGRAPH})


def _is_config(path: str) -> bool:
    return "/" not in path and path.endswith((".yaml", ".yml", ".json"))


def _misplaced(tenant: str, own: set[str], config: ProjectConfig, real: Mapping[str, str]) -> Iterator[Reason]:
    """What has no place in the folder of a tenant."""
    if not _TENANT.fullmatch(tenant):
        message = f"{tenant!r} cannot be the folder of a tenant"
        hint = "Its name is the tenant's id: a letter or digit, then letters, digits, `_` and `-`, at most 64 in all."
        yield Reason(code="tenant_name", message=message, file=f"{TENANTS}/{tenant}", hint=hint)
    for path in sorted(own):
        if inner_path(path) in _FOR_ALL:
            message = f"{inner_path(path)} has no place in the folder of a tenant"
            yield Reason(code="tenant_file", message=message, file=path, hint=_WHOLE)
    document = config.documents.get(AGENTS)
    written = document.data if document is not None and isinstance(document.data, dict) else {}
    hint = f"Write it in agents.yaml of the project: `budgets: {{tenants: {{{tenant}: {{…}}}}}}` is {tenant}'s."
    misplaced: list[tuple[Path, str]] = [((key,), hint) for key in (BUDGETS, PRICES) if key in written]
    hint = f"Write it under `tools:`: all of this file is about {tenant} alone."
    misplaced += [(("per_tenant", other), hint) for other in config.tenant_overrides]
    misplaced += [(("experiments", name), "Write it in the project's tools.yaml.") for name in config.experiments]
    for place, hint in misplaced:
        message = f"`{place[0]}` has no place in the folder of a tenant"
        placed = config.reason("unknown_key", message, place, hint, at="key")
        yield replace(placed, file=real.get(placed.file, placed.file))


def _unbound(
    tree: Mapping[str, bytes], real: Mapping[str, str], base: ProjectConfig, config: ProjectConfig
) -> Iterator[Reason]:
    """Names in a prompt of the tenant that an agent of the project, which takes that file, has no value for."""
    for name, spec in base.agents.items():
        if name in config.agents or real.get(spec.prompt, spec.prompt) == spec.prompt:
            continue
        place = real[spec.prompt]
        text = decode(place, tree[spec.prompt])
        if isinstance(text, Reason):
            yield text
            continue
        for one, message, hint in unbound(name, spec, text):
            yield reason_at(place, text, (one.start, one.end), code="prompt_variable", message=message, hint=hint)
