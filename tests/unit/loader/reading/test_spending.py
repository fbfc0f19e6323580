"""`prices:` and `budgets:` of agents.yaml: what is right in them, and every mistake at its place."""

from decimal import Decimal

import pytest

from toolcrib.core.reasons import Reason
from toolcrib.loader.config import ProjectConfig
from toolcrib.loader.overlays.reading import read_configs

AGENTS = "agents: {support: {}}\n"


def read(text: str, tenant: str = "") -> tuple[ProjectConfig, tuple[Reason, ...]]:
    files = {"agents.yaml": (AGENTS + text).encode()}
    return read_configs(files | ({"tenants/acme/agents.yaml": tenant.encode()} if tenant else {}), env={})


def test_money_is_read_to_the_last_digit() -> None:
    config, reasons = read(
        "budgets: {tenant: {usd: 0.1, per: day}, agents: {support: {tokens: 7}}, soft: 0.75}\n"
        "prices: {'openai:x': {input_usd_per_million: 0.000001, output_usd_per_million: 3}}\n"
    )
    assert reasons == ()
    budgets = config.spending.budgets
    assert budgets.tenant is not None
    assert (budgets.tenant.usd, budgets.tenant.per, budgets.soft) == (Decimal("0.1"), "day", Decimal("0.75"))
    assert config.spending.prices["openai:x"].input_usd_per_million == Decimal("0.000001")


def test_empty_sections_say_nothing() -> None:
    config, reasons = read("budgets:\n  tenant:\n  agents:\nprices:\n")
    assert reasons == ()
    assert config.spending.budgets.tenant is None


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("budgets: 5\n", "2:10", "budgets must be a mapping"),
        ("budgets: {tenant: {usd: lots}}\n", "2:25", "budgets.tenant.usd must be a number, not 'lots'"),
        ("budgets: {tenant: {usd: true}}\n", "2:25", "budgets.tenant.usd must be a number, not true"),
        ("budgets: {tenant: {usd: -1}}\n", "2:25", "budgets.tenant.usd must be at least 0, not -1"),
        ("budgets: {tenant: {per: week}}\n", "2:25", "budgets.tenant.per must be one of 'day' or 'month', not 'week'"),
        ("budgets: {tenants: {acme: {pr: day}}}\n", "2:28", "unknown key 'pr' in budgets.tenants.acme"),
        ("budgets: {soft: 2}\n", "2:17", "budgets.soft must be at most 1, not 2"),
        ("budgets: {agents: {suport: {usd: 1}}}\n", "2:20", "there is no agent 'suport' to have a budget"),
        ("budgts: {}\n", "2:1", "unknown key 'budgts'"),
        ("prices: [1]\n", "2:9", "prices must be a mapping of models"),
        ("prices: {x: 5}\n", "2:13", "prices.x must be a mapping"),
        ("prices: {x: {input_usd_per_million: 1}}\n", "2:10", "the price of 'x' lacks output_usd_per_million"),
        ("prices: {x: {output_usd: 1}}\n", "2:14", "unknown key 'output_usd' in prices.x"),
    ],
)
def test_a_mistake_is_told_at_its_place(text: str, place: str, message: str) -> None:
    _, [reason] = read(text)
    assert (reason.place, reason.message[: len(message)]) == (f"agents.yaml:{place}", message)


def test_limits_of_a_single_run_must_be_more_than_nothing() -> None:
    files = {"agents.yaml": b"agents: {a: {limits: {cost_usd: 0, tokens: 0.5}}}\n"}
    _, reasons = read_configs(files, env={})
    assert [(one.place, one.message) for one in reasons] == [
        ("agents.yaml:1:33", "agents.a.limits.cost_usd must be greater than 0, not 0"),
        ("agents.yaml:1:44", "agents.a.limits.tokens must be a whole number, not 0.5"),
    ]


@pytest.mark.parametrize("key", ["budgets", "prices"])
def test_the_folder_of_a_tenant_is_no_place_for_money(key: str) -> None:
    _, [reason] = read("", tenant=f"agents: {{}}\n{key}: {{}}\n")
    assert (reason.place, reason.message) == (
        "tenants/acme/agents.yaml:2:1",
        f"`{key}` has no place in the folder of a tenant",
    )


def test_an_agent_that_only_a_tenant_has_may_have_a_budget() -> None:
    _, reasons = read("budgets: {agents: {own: {usd: 1}}}\n", tenant="agents: {own: {}}\n")
    assert reasons == ()
