"""Law 11 for tools: whatever overlays say, each tenant sees what a naive model says, and no other tenant's tool."""

from collections.abc import Mapping
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.loader.projects import Project
from toolcrib.core.reasons import draw_all
from toolcrib.core.tools import Tool

NAMES = ("a", "b", "c", "d")
TENANTS = ("acme", "globex")
TOOL = '''
@tool(side_effect="none")
def {name}() -> str:
    """{origin}"""
    return "{origin}"
'''


@dataclass(frozen=True)
class Folder:
    """What one folder says: names it defines, name -> enabled or not, name -> seconds."""

    defines: frozenset[str]
    enabled: Mapping[str, bool]
    seconds: Mapping[str, int]


@dataclass(frozen=True)
class Words:
    """What the project's `tools.yaml` says for one tenant, or one agent, alone."""

    enabled: Mapping[str, bool]
    seconds: Mapping[str, int]


NAME = st.sampled_from(NAMES)
enabled = st.dictionaries(NAME, st.booleans(), max_size=3)
seconds = st.dictionaries(NAME, st.integers(1, 9), max_size=3)
folders = st.builds(Folder, defines=st.frozensets(NAME), enabled=enabled, seconds=seconds)
words = st.builds(Words, enabled=enabled, seconds=seconds)
bases = folders.filter(lambda folder: bool(folder.defines))


def sections(said: Words | Folder, known: frozenset[str]) -> str:
    """A mapping of tools in YAML, of those that are known: others are mistakes."""
    told = {}
    for name in sorted(known & {*said.enabled, *said.seconds}):
        fields = [f"enabled: {str(said.enabled[name]).lower()}"] if name in said.enabled else []
        fields += [f"timeout_s: {said.seconds[name]}"] if name in said.seconds else []
        told[name] = f"{{{', '.join(fields)}}}"
    return "{" + ", ".join(f"{name}: {fields}" for name, fields in told.items()) + "}"


def code(folder: Folder, origin: str) -> str:
    tools = (TOOL.format(name=name, origin=f"{origin} {name}") for name in sorted(folder.defines))
    return "from toolcrib import tool\n" + "".join(tools)


def naive(layers: list[Folder | Words], origins: list[str], known: list[frozenset[str]]) -> dict[str, tuple[str, int]]:
    """Name -> who defined it and its seconds: later layers win, word by word."""
    found: dict[str, tuple[str, int]] = {}
    for name in NAMES:
        owners = [
            o for layer, o in zip(layers, origins, strict=True) if isinstance(layer, Folder) and name in layer.defines
        ]
        heard = [layer for layer, names in zip(layers, known, strict=True) if name in names]
        on = [layer.enabled[name] for layer in heard if name in layer.enabled]
        limit = [layer.seconds[name] for layer in heard if name in layer.seconds]
        if owners and (not on or on[-1]):
            found[name] = (f"{owners[-1]} {name}", limit[-1] if limit else 30)
    return found


def shown(tools: Mapping[str, Tool]) -> dict[str, tuple[str, float | None]]:
    return {name: (tool.spec.description, tool.spec.policy.timeout_s) for name, tool in tools.items()}


@given(base=bases, own=st.fixed_dictionaries(dict.fromkeys(TENANTS, folders)), agent=words, explicit=words)
def test_each_caller_sees_what_a_naive_model_says(
    base: Folder, own: Mapping[str, Folder], agent: Words, explicit: Words
) -> None:
    theirs = {tenant: base.defines | own[tenant].defines for tenant in TENANTS}
    files = {
        "tools/t.py": code(base, "base"),
        "agents.yaml": "agents: {one: {model: offline}}\n",
        "tools.yaml": f"tools: {sections(base, base.defines)}\nper_agent: {{one: {sections(agent, base.defines)}}}\n"
        f"per_tenant: {{acme: {sections(explicit, theirs['acme'])}}}\n",
    }
    for tenant in TENANTS:
        files[f"tenants/{tenant}/tools/t.py"] = code(own[tenant], tenant)
        files[f"tenants/{tenant}/tools.yaml"] = f"tools: {sections(own[tenant], theirs[tenant])}\n"
    with TemporaryDirectory() as root:
        project = Project(root)
        try:
            loaded, reasons = project.load(files)
            if loaded is None:  # everything was taken away from everybody
                assert [reason.code for reason in reasons] == [], draw_all(reasons)
                return
            for who in ("", "one"):
                said = [agent] if who else []
                heard = [base.defines] * (1 + len(said))
                alone = naive([base, *said], ["base", ""][: len(heard)], heard)
                assert shown(loaded.catalogue.seen_by(who, "")) == alone
                assert shown(loaded.catalogue.seen_by(who, "initech")) == alone
                for tenant in TENANTS:
                    last = [explicit] if tenant == "acme" else []
                    layers: list[Folder | Words] = [base, *said, own[tenant], *last]
                    origins = ["base", *[""] * len(said), tenant, *[""] * len(last)]
                    known = [*heard, theirs[tenant], *[theirs[tenant]] * len(last)]
                    seen = shown(loaded.catalogue.seen_by(who, tenant))
                    assert seen == naive(layers, origins, known)
                    assert not [one for one, _ in seen.values() if one.split()[0] not in ("base", tenant)]
        finally:
            project.pool.sweep([])
