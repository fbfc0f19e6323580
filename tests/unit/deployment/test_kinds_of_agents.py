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


async def test_an_agent_in_a_variant_has_the_graph_of_its_kind_and_its_models_are_checked_there(ground: Ground) -> None:
    said = "experiments: {e: {by: user, variants: {v: {agents: {a: {MORE}, b: {prompt: Be brief.}}}}}}\n"
    files = {**tree(1), "agents.yaml": KINDS}
    more = "model: {simple: nobody:x, fallback: [offline]}, degrade: {model: nobody:y}"
    refused = await ground.deploy({**files, "tools.yaml": said.replace("MORE", more)})
    places = [(reason.code, reason.place) for reason in refused.reasons]
    assert places == [("model", "tools.yaml:1:73"), ("model", "tools.yaml:1:122")]
    deployed = await ground.deploy({**files, "tools.yaml": said.replace("MORE", "model: {simple: offline}")})
    assert deployed.state == "active", deployed.reasons
    arms = ground.serving.arms(user="ada")
    for name, kind in (("a", "react"), ("b", "function_calling")):
        own = ground.serving.agent(name, arms=arms)
        assert (own.spec.kind, own.spec == ground.serving.agent(name).spec) == (kind, False)
        assert own.graph is ground.serving.agent(name).graph
