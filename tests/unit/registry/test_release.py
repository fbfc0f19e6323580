"""A release: finding tools and agents by name, and resolving as a pure function."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support import make_manifest, make_release
from toolcrib.core.agents import Agent, AgentSpec
from toolcrib.core.errors import AgentNotFound, ToolNotFound
from toolcrib.testing import make_tool

CHAIN: Any = object()
BASE, OWN = (Agent(name="a", spec=AgentSpec(), prompt=text, tools=(), graph=None, release="r-1") for text in "xy")


def get_order() -> None: ...


def get_orders() -> None: ...


def test_a_tool_is_found_by_its_name() -> None:
    tool = make_tool(get_order)
    assert make_release(tool).tool("get_order") is tool


def test_an_unknown_tool_is_refused_with_near_names() -> None:
    release = make_release(make_tool(get_order), make_tool(get_orders))
    with pytest.raises(ToolNotFound, match="There is no tool named 'get_ordr'") as caught:
        release.tool("get_ordr")
    assert caught.value.hint == "Did you mean 'get_order' or 'get_orders'?"


def test_an_unknown_agent_is_refused_with_near_names() -> None:
    with pytest.raises(AgentNotFound) as caught:
        make_release().agent("support")
    assert caught.value.hint == "There are none."


def test_id_and_digest_are_those_of_the_manifest() -> None:
    manifest = make_manifest("x")
    release = make_release(content="x")
    assert release.digest == manifest.digest
    assert release.id == manifest.release == f"r-{manifest.digest[:8]}"


def test_two_releases_are_the_same_only_if_they_are_one_object() -> None:
    assert make_release() != make_release()


def test_what_is_withheld_from_a_tenant_is_withheld_from_it_alone_also_where_an_agent_has_a_word() -> None:
    tool, other = make_tool(get_order), make_tool(get_orders)
    release = replace(
        make_release(tool, other),
        variants={("get_order", "support", ""): (other, CHAIN)},
        withheld={("get_order", "", "acme"): "tools.get_order in tenants/acme/tools.yaml:1"},
        listed={"acme": ("get_orders",)},
    )
    assert release.find("get_order", agent="support") is other
    assert release.find("get_order", agent="sales", tenant="globex") is tool
    assert release.find("get_order", agent="support", tenant="acme") is None
    assert release.resolve("get_order", agent="support", tenant="acme") is None
    assert (list(release.tools_of("acme")), list(release.tools_of())) == (["get_orders"], ["get_order", "get_orders"])
    assert release.why_missing("get_order", tenant="acme") == "tools.get_order in tenants/acme/tools.yaml:1"
    with pytest.raises(ToolNotFound) as caught:
        release.tool("get_ordr", tenant="acme")
    assert "'get_order'" not in caught.value.hint


def test_an_agent_of_a_tenant_stands_for_that_of_all_and_others_do_not_hear_of_it() -> None:
    release = replace(make_release(), agents={"a": BASE}, agent_variants={("a", "acme"): OWN, ("b", "acme"): OWN})
    assert (release.agent("a", tenant="acme"), release.agent("a", tenant="globex")) == (OWN, BASE)
    assert (set(release.agents_of("acme")), set(release.agents_of("globex"))) == ({"a", "b"}, {"a"})
    with pytest.raises(AgentNotFound) as caught:
        release.agent("b", tenant="globex")
    assert "'b'" not in caught.value.hint
