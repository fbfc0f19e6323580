"""A release: finding tools and agents by name, and resolving as a pure function."""

import pytest

from tests.support import make_manifest, make_release
from toolcrib.core.errors import AgentNotFound, ToolNotFound
from toolcrib.testing import make_tool


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
