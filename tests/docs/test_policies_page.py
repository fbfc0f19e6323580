"""docs/policies.md: its example passes the gate, and every policy there is stands in its table."""

import json
import re
from pathlib import Path

import pytest

import toolcrib
from toolcrib.core.policies import ToolPolicy
from toolcrib.core.settings import CallsSettings, ThreadsSettings
from toolcrib.runtime.locate import read_settings

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")
ARCHIVE = '''

@tool(side_effect="read")
async def search_archive(query: str) -> list[str]:
    """Search the archive."""
    return []
'''
MONEY = '''
from toolcrib import tool

@tool
async def refund(order_id: str, amount: int) -> str:
    """Refund an amount for an order."""
    return f"{order_id}: {amount} paid back"

@tool
async def close_account(account: str) -> str:
    """Close an account."""
    return account
'''
AGENTS = "agents: {support: {model: offline, tools: [search]}}\n"


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found, language
    return found[1]


async def test_the_example_serves_under_the_policies_it_names(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "search.py").write_text(block("python") + ARCHIVE)
    (tmp_path / "tools.yaml").write_text(block("yaml"))
    (tmp_path / "agents.yaml").write_text(AGENTS)
    async with toolcrib.open(tmp_path) as crib:
        assert (await crib.call("search", {"query": "x"}, tenant="acme")).value == ["x"]
        policies = {
            who: crib.release.tool("search", agent=who[0], tenant=who[1]).spec.policy
            for who in (("", ""), ("support", ""), ("support", "acme"))
        }
    rates = {who: policy.rate_limit.calls for who, policy in policies.items() if policy.rate_limit}
    assert rates == {("", ""): 100, ("support", ""): 100, ("support", "acme"): 1000}
    assert [policy.timeout_s for policy in policies.values()] == [10, 5, 5]


async def test_a_run_waits_for_approval_with_the_question_of_the_page_over_a_restart(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "money.py").write_text(MONEY)
    section = PAGE.partition("## Approval")[2]
    (tmp_path / "tools.yaml").write_text(section.partition("```yaml")[2].partition("```")[0])
    (tmp_path / "agents.yaml").write_text("agents: {support: {model: offline, tools: [refund]}}\n")
    question = json.loads(section.partition("```json")[2].partition("```")[0])
    async with toolcrib.open(tmp_path) as crib:
        asked = await crib.run("support", "Refund 250 for order A-42", thread_id="t1")
    assert (asked.success, asked.interrupts, asked.trace[-1]["kind"]) == (True, (question,), "model")
    async with toolcrib.open(tmp_path) as crib:
        done = await crib.run("support", thread_id="t1", resume={"decisions": [{"type": "approve"}]})
    assert [step["value"] for step in done.trace if step["kind"] == "tool"] == ["A-42: 250 paid back"]


def test_every_policy_is_in_the_table() -> None:
    table = PAGE.partition("| policy | what it does |")[2]
    named = set(re.findall(r"`(\w+)`", "\n".join(line.split("|")[1] for line in table.splitlines() if "|" in line[1:])))
    assert set(ToolPolicy.model_fields) <= named


def test_the_cold_settings_on_the_page_are_all_there_are_and_valid(tmp_path: Path) -> None:
    found = re.search(r"```yaml\n# toolcrib.yaml\n(calls:.*?)```", PAGE, re.DOTALL)
    assert found
    (tmp_path / "toolcrib.yaml").write_text(found[1])
    settings = read_settings(tmp_path)
    assert settings.calls == CallsSettings(concurrency=500, per_tenant=50, queue=1000)
    assert settings.threads == ThreadsSettings()
    assert settings.calls.model_fields_set == set(CallsSettings.model_fields)
    assert settings.threads.model_fields_set == set(ThreadsSettings.model_fields)
