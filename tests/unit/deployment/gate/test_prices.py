"""Models without a price, where dollars are limited."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.loader.projects import ADD, Project
from toolcrib.deployment.gate.prices import unpriced

UNKNOWN = "openai:nobody-knows-this"
PLAN = f"{{simple: {UNKNOWN}, complex: openai:gpt-5-mini, fallback: [offline, {UNKNOWN}]}}"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    found = Project(str(tmp_path))
    yield found
    found.pool.sweep([])


def places(project: Project, agents: str, **files: str) -> list[str]:
    loaded, reasons = project.load({"tools/a.py": ADD, "agents.yaml": agents, **files})
    assert loaded is not None, reasons
    return [reason.place for reason in unpriced(loaded)]


@pytest.mark.parametrize(
    "limits",
    [
        "agents: {one: {model: MODEL, limits: {cost_usd: 1}}}",
        "agents: {one: {model: MODEL}}\nbudgets: {thread: {usd: 1}}",
        "agents: {one: {model: MODEL}}\nbudgets: {tenant: {usd: 1}}",
        "agents: {one: {model: MODEL}}\nbudgets: {agent: {usd: 1}}",
        "agents: {one: {model: MODEL}}\nbudgets: {tenants: {acme: {usd: 1}}}",
        "agents: {one: {model: MODEL}}\nbudgets: {agents: {one: {usd: 1}}}",
    ],
)
def test_any_limit_in_dollars_asks_for_prices_of_all_models(project: Project, limits: str) -> None:
    assert places(project, limits.replace("MODEL", UNKNOWN)) == ["agents.yaml:1:23"]
    assert places(project, limits.replace("MODEL", PLAN)) == ["agents.yaml:1:32"], "each model once"
    assert places(project, limits.replace("MODEL", "offline")) == []


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "\nbudgets: {tenant: {tokens: 5}}",
        "\nbudgets: {tenant: {usd: 1}, unknown_price: zero}",
        "\nbudgets: {tenant: {usd: 1}, unknown_price: estimate}",
        "\nbudgets: {tenant: {usd: 1}}\nprices: {'openai:*': {input_usd_per_million: 1, output_usd_per_million: 2}}",
    ],
)
def test_without_one_or_with_a_price_or_another_policy_nothing_is_asked(project: Project, rest: str) -> None:
    assert places(project, f"agents: {{one: {{model: {UNKNOWN}}}}}{rest}") == []


def test_the_agent_of_a_tenant_is_told_at_its_own_place(project: Project) -> None:
    own = f"agents: {{one: {{model: {UNKNOWN}, limits: {{cost_usd: 1}}}}}}"
    found = places(project, "agents: {one: {model: offline}}", **{"tenants/acme/agents.yaml": own})
    assert found == ["tenants/acme/agents.yaml:1:23"]


@pytest.mark.parametrize(
    ("own", "said", "column"),
    [
        ("limits: {cost_usd: 1}", f"model: {UNKNOWN}", 56),
        ("limits: {cost_usd: 1}", f"model: {{simple: offline, fallback: [{UNKNOWN}]}}", 85),
        (f"model: {UNKNOWN}", "limits: {cost_usd: 1}", 43),
    ],
)
def test_a_variant_is_told_at_its_own_place(project: Project, own: str, said: str, column: int) -> None:
    tools = f"experiments: {{e: {{variants: {{v: {{agents: {{one: {{{said}}}}}}}}}}}}}\n"
    found = places(project, f"agents: {{one: {{{own}}}}}", **{"tools.yaml": tools})
    assert found == [f"tools.yaml:1:{column}"]
