"""Tenant overlays through every door: what one tenant has, others neither see, nor call, nor hear of."""

import json
from pathlib import Path

import pytest

import toolcrib
from tests.integration.commands import toolcrib as command
from toolcrib.core.calls import ToolCall
from toolcrib.core.errors import AgentNotFound, ToolNotFound
from toolcrib.runtime.crib import Crib

pytestmark = pytest.mark.anyio

TOOL = '''
from toolcrib import tool

@tool(side_effect="none"{options})
def {name}(order_id: str) -> str:
    """{doc}"""
    return "{answer} " + order_id
'''


def tool(name: str, answer: str, *, options: str = "", doc: str = "The status of an order.") -> str:
    return TOOL.format(name=name, answer=answer, options=options, doc=doc)


FILES = {
    "tools/orders.py": tool("order_status", "base") + tool("refund", "base", doc="Pay back an order."),
    "agents.yaml": "agents: {support: {model: offline, prompt: prompts/support.md}}\n",
    "prompts/support.md": "You help.",
    "tenants/acme/tools/orders.py": tool("order_status", "acme", doc="The status of an order at acme.")
    + tool("loyalty_points", "acme", doc="The loyalty points of an order."),
    "tenants/acme/tools.yaml": "tools:\n  refund: {enabled: false}\n",
    "tenants/acme/agents.yaml": "agents: {concierge: {model: offline}}\n",
}


def write(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return root


async def said(crib: Crib, name: str, tenant: str = "") -> str:
    result = await crib.call(name, {"order_id": "A1"}, tenant=tenant)
    return str(result.value) if result.ok else str(result.error and result.error.text())


async def test_calls_lists_agents_and_errors_of_a_tenant_are_its_own(tmp_path: Path) -> None:
    async with toolcrib.open(write(tmp_path, FILES)) as crib:
        assert await said(crib, "order_status") == "base A1"
        assert await said(crib, "order_status", "globex") == "base A1"
        assert await said(crib, "order_status", "acme") == "acme A1"
        assert await said(crib, "loyalty_points", "acme") == "acme A1"
        for tenant in ("", "globex"):
            missing = await said(crib, "loyalty_point", tenant)
            assert "no tool named 'loyalty_point'" in missing
            assert "loyalty_points" not in missing
            assert "acme" not in await said(crib, "loyalty_points", tenant)
        assert "refund" not in await said(crib, "loyalty_point", "acme")
        assert "no tool" in await said(crib, "refund", "acme")
        assert sorted(crib.release.tools_of("acme")) == ["loyalty_points", "order_status"]
        assert sorted(crib.release.tools_of("globex")) == sorted(crib.release.tools) == ["order_status", "refund"]
        with pytest.raises(ToolNotFound) as missing_here:
            crib.tool_spec("refund", tenant="acme")
        assert missing_here.value.hint == "It is taken away by tools.refund in tenants/acme/tools.yaml:2."
        with pytest.raises(AgentNotFound) as nobody:
            await crib.run("concierge", "hello", tenant="globex")
        assert "concierge" not in nobody.value.hint
        assert (await crib.run("concierge", "hello", tenant="acme")).success
        assert [one.name for one in crib.langchain_tools(tenant="acme")] == ["loyalty_points", "order_status"]


async def test_the_model_of_an_agent_is_offered_the_tools_of_the_tenant_it_serves(tmp_path: Path) -> None:
    async with toolcrib.open(write(tmp_path, FILES)) as crib:
        ours = await crib.run("support", "What are the loyalty points of order A-42?", tenant="acme")
        theirs = await crib.run("support", "What are the loyalty points of order A-42?", tenant="globex")
        assert [step["tool"] for step in ours.trace if step["kind"] == "tool"] == ["loyalty_points"]
        assert "acme" in str(ours.output)
        assert "acme" not in str(theirs.output)
        node = crib.release.agent("support", tenant="acme")
        assert node.tools == ("loyalty_points", "order_status")
        assert crib.release.agent("support", tenant="globex") is crib.release.agent("support")


async def test_tools_of_the_same_name_in_worker_processes_do_not_mix(tmp_path: Path) -> None:
    files = {
        "tools/orders.py": tool("order_status", "base", options=', isolation="process"'),
        "tenants/acme/tools/orders.py": tool("order_status", "acme", options=', isolation="process"'),
        "tenants/globex/tools.yaml": "tools: {order_status: {rename: lookup}}\n",
    }
    async with toolcrib.open(write(tmp_path, files)) as crib:
        assert await said(crib, "order_status") == "base A1"
        assert await said(crib, "order_status", "acme") == "acme A1"
        assert await said(crib, "lookup", "globex") == "base A1"
        assert "no tool" in await said(crib, "order_status", "globex")


async def test_tasks_batches_and_fallbacks_find_the_tenant_s_tools(tmp_path: Path) -> None:
    broken = FILES | {
        "tenants/acme/tools/orders.py": FILES["tenants/acme/tools/orders.py"]
        + tool("shaky", "", options=', fallback="loyalty_points"').replace('return " " + order_id', "raise ValueError"),
    }
    async with toolcrib.open(write(tmp_path, broken)) as crib:
        task = await crib.submit("loyalty_points", {"order_id": "A1"}, tenant="acme")
        done = await crib.tasks.wait(task, timeout_s=10)
        assert (await crib.tasks.result(done.id)).value == "acme A1"
        with pytest.raises(ToolNotFound):
            await crib.submit("loyalty_points", {"order_id": "A1"}, tenant="globex")
        calls = [
            ToolCall(name="order_status", args={"order_id": "A1"}),
            ToolCall(name="shaky", args={"order_id": "A1"}),
        ]
        found = await crib.call_many(calls, tenant="acme")
        assert [one.value for one in found] == ["acme A1", "acme A1"]


async def test_an_overlay_is_part_of_the_release_and_of_its_comparison(tmp_path: Path) -> None:
    async with toolcrib.open(write(tmp_path, FILES)) as crib:
        first = crib.release
        write(tmp_path, {"tenants/acme/tools/orders.py": tool("order_status", "acme2", doc="Another text.")})
        deployed = await crib.deploy(tmp_path)
        assert deployed.state == "active"
        changes = {(one.tenant, one.kind, one.name, one.change, one.detail) for one in deployed.diff}
        assert changes == {
            ("acme", "tool", "loyalty_points", "removed", ""),
            ("acme", "tool", "order_status", "changed", "description, code"),
        }
        assert crib.release.id != first.id
        assert crib.release.modules.load("tools.orders") is first.modules.load("tools.orders")
        assert await said(crib, "order_status", "acme") == "acme2 A1"
        await crib.rollback()
        assert await said(crib, "order_status", "acme") == "acme A1"


async def test_a_guard_that_an_overlay_lowers_is_refused_unless_accepted(tmp_path: Path) -> None:
    guarded = FILES | {"tools/orders.py": tool("order_status", "base", options=', scopes=("orders:read",)')}
    guarded |= {"tenants/acme/tools/orders.py": "", "tenants/acme/tools.yaml": ""}
    async with toolcrib.open(write(tmp_path, guarded)) as crib:
        write(tmp_path, {"tenants/acme/tools/orders.py": tool("order_status", "acme")})
        refused = await crib.deploy(tmp_path)
        assert (refused.state, [reason.file for reason in refused.reasons]) == (
            "rejected",
            ["tenants/acme/tools/orders.py"],
        )
        assert "'orders:read' for tenant 'acme'" in refused.reasons[0].message
        assert (await crib.deploy(tmp_path, accept=["permissions"])).state == "active"


async def test_a_bad_overlay_is_rejected_with_its_place_and_nothing_changes_for_anybody(tmp_path: Path) -> None:
    async with toolcrib.open(write(tmp_path, FILES)) as crib:
        write(tmp_path, {"tenants/globex/tools/bad.py": "\nraise RuntimeError('no')\n"})
        rejected = await crib.deploy(tmp_path)
        assert rejected.state == "rejected"
        assert [reason.place for reason in rejected.reasons] == ["tenants/globex/tools/bad.py:2:1"]
        assert await said(crib, "order_status", "acme") == "acme A1"


def test_the_command_line_shows_a_tenant_s_tools_and_where_all_of_it_comes_from(tmp_path: Path) -> None:
    more = {"tools.yaml": "tools:\n  order_status: {timeout_s: 5}\n"}
    more["tenants/acme/tools.yaml"] = "tools:\n  order_status: {timeout_s: 2}\n"
    write(tmp_path, FILES | more)
    listed = json.loads(command(tmp_path, "tools", "--tenant", "acme", "--json").stdout)
    assert [one["name"] for one in listed] == ["loyalty_points", "order_status", "refund"]
    assert "loyalty" not in command(tmp_path, "tools").stdout
    assert "concierge" in command(tmp_path, "agents", "--tenant", "acme").stdout
    assert "concierge" not in command(tmp_path, "agents").stdout

    explain = ("tools", "explain", "order_status", "--tenant", "acme")
    said = json.loads(command(tmp_path, *explain, "--json").stdout)
    assert said["code"] == {"from": "tenants/acme/tools/orders.py:4", "instead_of": ["tools/orders.py:4"]}
    assert said["policy"]["timeout_s"] == {
        "value": 2.0,
        "from": "tools.order_status in tenants/acme/tools.yaml:2",
        "instead_of": [{"value": 5.0, "source": "tools.order_status in tools.yaml:2"}],
    }
    shown = command(tmp_path, *explain).stdout
    assert "tenants/acme/tools/orders.py:4" in shown
    assert "5.0: tools.order_status in tools.yaml:2" in shown
    missing = command(tmp_path, "tools", "explain", "loyalty_points", "--tenant", "globex")
    assert (missing.returncode, "acme" in missing.stderr) == (4, False)
