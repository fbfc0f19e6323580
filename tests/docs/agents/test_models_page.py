"""docs/models.md: its plan, rules and function serve, over HTTP, as the page says."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from ruamel.yaml import YAML

import toolcrib
from tests.clients.openai_peer import Peer, Refuse, Say, Script, open_peer
from toolcrib.core.agents import AgentSpec
from toolcrib.core.models import RULES, ModelRetry, RouteRule

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[3] / "docs" / "models.md").read_text(encoding="utf-8")
STATUSES = [int(code) for code in re.findall(r"\b4\d\d\b", PAGE.split("## When a model fails")[1])]
NAMES = ("gpt-5-nano", "gpt-5-mini", "gpt-5", "claude-haiku-4-5")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def read(text: str) -> Any:
    return YAML(typ="safe").load(text)


@pytest.fixture(scope="module")
async def peer() -> AsyncIterator[Peer]:
    async with open_peer() as found:
        yield found


@pytest.fixture(scope="module")
async def crib(peer: Peer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[toolcrib.Crib]:
    """The page's agent, and two more with its other routes; every model is the peer's."""
    root = tmp_path_factory.mktemp("page")
    document = read(blocks("yaml")[0].replace("anthropic:", "openai:"))
    support = document["agents"]["support"]
    support["model_options"] |= {"base_url": peer.url, "api_key": "sk-test"}
    support["model_retry"]["base_s"] = 0.001
    document["agents"]["ruled"] = support | {"model": support["model"] | read(blocks("yaml")[1])}
    document["agents"]["routed"] = support | {"model": support["model"] | {"route": "tools/routing.py:classify"}}
    (root / "tools").mkdir()
    (root / "tools" / "routing.py").write_text(blocks("python")[0])
    (root / "agents.yaml").write_text(json.dumps(document))
    async with toolcrib.open(root) as found:
        yield found


async def model(crib: toolcrib.Crib, agent: str, question: str) -> str:
    with anyio.fail_after(10):
        result = await crib.run(agent, question)
    assert result.error is None
    return str(result.output)


async def test_each_route_of_the_page_leads_to_its_model(crib: toolcrib.Crib, peer: Peer) -> None:
    peer.reset(**{name: [Say(text=name)] for name in NAMES})

    assert [await model(crib, "support", "x" * length) for length in (200, 201, 2_000)] == [*NAMES[:3]]
    assert [await model(crib, "ruled", text) for text in ("I want a Refund!", "hi", "x" * 121)] == [
        "gpt-5",
        "gpt-5-nano",
        "gpt-5-mini",
    ]
    assert [await model(crib, "routed", text) for text in ("my contract", "hi")] == ["gpt-5", "gpt-5-nano"]
    assert {body["model"]: body.get("reasoning_effort") for body in peer.asked} == {
        "gpt-5-nano": None,
        "gpt-5-mini": None,
        "gpt-5": "high",
    }


@pytest.mark.parametrize("status", STATUSES)
async def test_each_status_of_the_page_does_what_it_says(crib: toolcrib.Crib, peer: Peer, status: int) -> None:
    script: Script = {"gpt-5-nano": [Refuse(status=status)], "claude-haiku-4-5": [Say(text="spare")]}
    peer.reset(**script)
    table = {line.split("|")[1]: line.split("|")[2] for line in PAGE.splitlines() if re.match(r"\| 4\d\d", line)}
    done = next(words for statuses, words in table.items() if str(status) in statuses)

    with anyio.fail_after(10):
        result = await crib.run("support", "hi")

    asked = {"the same model": 3, "the next": 1, "the run fails": 1}
    assert peer.models().count("gpt-5-nano") == next(times for words, times in asked.items() if words in done)
    assert result.success is ("the run fails" not in done)


def test_the_defaults_and_the_rules_of_the_page_are_those_of_the_code() -> None:
    retry = AgentSpec.model_validate(read(blocks("yaml")[0])["agents"]["support"]).model_retry
    assert retry == ModelRetry()
    for figure in (RULES[0].min_chars, RULES[1].min_messages, RULES[2].max_chars, RULES[2].max_tools):
        assert f"{figure:,}" in PAGE
    assert {f"`{name}`" for name in RouteRule.model_fields} - {"`tier`"} <= set(re.findall(r"`\w+`", PAGE))
