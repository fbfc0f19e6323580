"""Agents of several kinds in one release: each tenant's agent has the graph of its own kind."""

import pytest

from tests.unit.deployment.grounds import Ground, tree

pytestmark = pytest.mark.anyio
KINDS = "agents:\n  a: {kind: react}\n  b: {}\n"


async def test_tenants_share_a_graph_where_their_agents_are_of_one_kind(ground: Ground) -> None:
    tenants = {
        "tenants/acme/agents.yaml": "agents:\n  a: {kind: function_calling}\n",
        "tenants/globex/agents.yaml": "agents:\n  a: {kind: react, prompt: Be brief.}\n",
    }
    deployed = await ground.deploy({**tree(1), **tenants, "agents.yaml": KINDS})
    assert deployed.state == "active", deployed.reasons
    own = {tenant: ground.serving.agent("a", tenant=tenant) for tenant in ("", "acme", "globex", "initech")}
    assert {tenant: one.spec.kind for tenant, one in own.items()} == {
        "": "react",
        "acme": "function_calling",
        "globex": "react",
        "initech": "react",
    }
    assert own["globex"].graph is own[""].graph
    assert own["acme"].graph is not own[""].graph
    assert set(own[""].graph.nodes) == set(own["acme"].graph.nodes) == {"__start__", "agent", "tools"}


async def test_a_change_of_kind_is_told_and_threads_that_wait_stay(ground: Ground) -> None:
    await ground.deploy({**tree(1), "agents.yaml": KINDS})
    deployed = await ground.deploy({**tree(1), "agents.yaml": KINDS.replace("react", "function_calling")})
    told = {(change.kind, change.detail): change.verdict for change in deployed.diff}
    assert told[("agent", "kind")] == "needs_pin"
