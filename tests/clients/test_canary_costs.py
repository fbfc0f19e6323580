"""A canary with another prompt and another tier of models: its costs stand beside those of the stable release."""

import re
from decimal import Decimal
from pathlib import Path

import anyio
import pytest

import toolcrib
from tests.clients.openai_peer import Say, open_peer

pytestmark = pytest.mark.anyio
AGENTS = """
prices:
  "openai:small": {{input_usd_per_million: 1, output_usd_per_million: 2}}
  "openai:big": {{input_usd_per_million: 10, output_usd_per_million: 20}}
agents:
  support:
    prompt: {prompt}
    model: {{simple: openai:small, complex: openai:big, route: {tier}}}
    model_options: {{base_url: "{url}", api_key: sk-test}}
"""
COST = re.compile(r'agent_cost_usd_total\{(?=[^}]*model="openai:(\w+)")(?=[^}]*release="([^"]+)")[^}]*\} (\S+)')
ONE_SMALL, ONE_BIG = Decimal("0.000025"), Decimal("0.00025")
"""11 tokens in and 7 out."""


async def test_the_cost_of_runs_shows_by_release_while_a_canary_tries_another_prompt_and_tier(tmp_path: Path) -> None:
    async with open_peer() as peer:
        agents = tmp_path / "agents.yaml"
        agents.write_text(AGENTS.format(prompt="Be brief.", tier="simple", url=peer.url))
        peer.reset(small=[Say(text="ok")], big=[Say(text="ok")])
        with anyio.fail_after(30):
            async with toolcrib.open(tmp_path) as crib:
                stable = crib.release.id
                agents.write_text(AGENTS.format(prompt="Be thorough.", tier="complex", url=peer.url))
                canary = (await crib.deploy(tenants=["acme"])).release
                runs = [await crib.run("support", "Hello?", tenant=tenant) for tenant in ("", "", "acme")]
                text = (await crib.metrics()).decode()
    assert [(one.release, one.cost_usd) for one in runs] == [
        (stable, ONE_SMALL),
        (stable, ONE_SMALL),
        (canary, ONE_BIG),
    ]
    assert peer.models() == ["small", "small", "big"]
    assert [body["messages"][0]["content"] for body in peer.asked] == ["Be brief.", "Be brief.", "Be thorough."]
    told = {(model, release): float(cost) for model, release, cost in COST.findall(text)}
    expected = {("small", stable): float(2 * ONE_SMALL), ("big", canary): float(ONE_BIG)}
    assert told == pytest.approx(expected)
