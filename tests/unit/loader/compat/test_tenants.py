"""What a release changes for one tenant alone, in its tools, its agents and its guards."""

from tests.unit.loader.compat.shapes import TEXT, agent, side, tool
from toolcrib.core.compat.shapes import Shape, TenantShape, ToolShape
from toolcrib.loader.compat.compare import compare
from toolcrib.loader.compat.permissions import widened

BASE = tool("a", a=TEXT)
OWN = BASE.model_copy(update={"digest": "2", "file": "tenants/acme/tools/t.py"})
SCOPED = {"scopes": ["orders:read"]}


def shape(base: ToolShape = BASE, **acme: ToolShape | None) -> Shape:
    return Shape(tools={"t": base}, agents={"a": agent("t")}, tenants={"acme": TenantShape(tools=acme)} if acme else {})


def changes(older: Shape, newer: Shape) -> list[tuple[str, str, str, str]]:
    return [(one.tenant, one.name, one.change, one.detail) for one in compare(side(older), side(newer))]


def test_a_tool_that_becomes_a_tenant_s_own_or_is_given_back_is_a_change_for_that_tenant() -> None:
    assert changes(shape(), shape(t=OWN)) == [("acme", "t", "changed", "code")]
    assert changes(shape(t=OWN), shape()) == [("acme", "t", "changed", "code")]
    assert changes(shape(), shape(t=None)) == [("acme", "t", "removed", "")]
    assert changes(shape(), shape(u=OWN)) == [("acme", "u", "added", "")]
    assert changes(shape(t=OWN), shape(t=OWN)) == []


def test_a_policy_that_a_tenant_had_before_its_tool_became_its_own_is_no_change() -> None:
    policy = {"timeout_s": 3.0}
    had = BASE.model_copy(update={"variants": {"/acme": policy, "a/acme": policy, "a/": {}, "/globex": {}}})
    own = OWN.model_copy(update={"policy": policy, "variants": {"a/": policy}})
    assert ("acme", "t", "changed", "code") in changes(shape(had), shape(had, t=own))
    assert not [one for one in changes(shape(had), shape(had, t=own)) if "policy" in one[3]]


def test_an_agent_of_a_tenant_is_compared_with_the_one_it_had() -> None:
    own = Shape(
        tools={"t": BASE},
        agents={"a": agent("t")},
        tenants={"acme": TenantShape(agents={"a": agent("t", prompt="other")})},
    )
    assert changes(shape(), own) == [("acme", "a", "changed", "prompt")]


def test_a_guard_that_is_lowered_for_one_tenant_is_told_with_its_name() -> None:
    guarded = BASE.model_copy(update={"policy": SCOPED})
    (reason,) = widened(shape(guarded), shape(guarded, t=OWN))
    assert reason.message == "tool 't' no longer asks for the scope 'orders:read' for tenant 'acme'"
    assert reason.file == "tenants/acme/tools/t.py"
    kept = OWN.model_copy(update={"policy": SCOPED})
    alone = BASE.model_copy(update={"variants": {"/acme": SCOPED}})
    assert widened(shape(alone), shape(t=kept)) == ()
