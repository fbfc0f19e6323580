"""docs/budgets.md: its example is one, does what the page says, and every key and figure on the page is so."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

import toolcrib
from tests.integration.commands import toolcrib as command
from toolcrib.agents.money import estimate
from toolcrib.core.money import ASSUMED, Account, Budgets, ModelPrice, Spending
from toolcrib.loader.overlays.reading import read_configs

PAGE = (Path(__file__).parents[3] / "docs" / "budgets.md").read_text(encoding="utf-8")
YAML = re.findall(r"```yaml\n# agents.yaml\n(.*?)```", PAGE, re.DOTALL)[0]
OFFLINE = YAML.replace("acme:small", "offline").replace("acme:large", "offline")


def spending() -> Spending:
    config, reasons = read_configs({"agents.yaml": YAML.encode()}, env={})
    assert reasons == ()
    assert config.agents["support"].limits.cost_usd == Decimal("0.05")
    return config.spending


def test_the_example_is_read_as_the_page_says() -> None:
    said = spending()
    day, usual = Account(scope="tenant", tenant="acme", period="2026-11-21"), Account(scope="thread", name="t")
    assert said.limit_of(day).usd == 20
    assert said.limit_of(Account(scope="tenant", tenant="globex", period="2026-11-21")).usd == 1
    assert said.limit_of(usual).usd == Decimal("0.25")
    assert said.limit_of(Account(scope="agent", name="support", period="2026-11")).tokens == 50_000_000
    assert said.prices["acme:large"].cached_input_usd_per_million == Decimal("0.5")


def test_every_key_and_every_figure_of_the_page_is_so() -> None:
    for model in (Budgets, ModelPrice):
        for name in model.model_fields:
            assert name in PAGE, name
    assert Budgets().soft == Decimal("0.8")
    figures = estimate.BYTES_A_TOKEN, estimate.MESSAGE_TOKENS, estimate.MEDIUM_TOKENS, estimate.ANSWER_TOKENS
    assert figures == (2, 16, 3_000, 4_096)
    assert ASSUMED.input_usd_per_million == 15
    assert ASSUMED.output_usd_per_million == 75


@pytest.mark.anyio
async def test_a_run_tells_its_cost_and_the_accounts_know_of_it(tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text(OFFLINE)
    async with toolcrib.open(tmp_path) as crib:
        result = await crib.run("support", "hello", tenant="acme", thread_id="t1")
        assert result.success, result.error
        assert result.cost_usd == 0
        assert [step["cost_usd"] for step in result.trace if step["kind"] == "model"] == ["0"]
        told = [one.to_dict() for one in await crib.budgets()]
        assert [(one["scope"], one["limit_usd"]) for one in told] == [
            ("agent", None),
            ("tenant", "20"),
            ("thread", "0.25"),
        ]
        assert {one["spent_usd"] for one in told} == {"0"}
        assert [one.state.account.name for one in await crib.budgets(scope="run")] == [result.run_id]
    shown = command(tmp_path, "budgets").stdout.splitlines()
    head = next(line for line in PAGE.splitlines() if line.startswith("account  of"))
    assert shown[0].split() == head.split()
    assert [line.split()[0] for line in shown[1:]] == ["agent", "tenant", "thread"]
    assert "$20.0000" in shown[2]
