"""Secrets in an open project: in the failures of runs, models, deployments and hooks, and in the host's own log."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

import toolcrib
from toolcrib.core.events import Event

pytestmark = pytest.mark.anyio
KEY = "hunter2-hunter2-hunter2"
MODEL_KEY = "sk_0123456789abcdef"

TOOLS = '''
import os
from typing import Annotated
from toolcrib import Secret, tool

@tool(side_effect="read")
async def fetch(key: Annotated[str, Secret("API_KEY")]) -> str:
    """Fetch."""
    return "fetched"
'''
GRAPH = """
import os
from typing import TypedDict
from langgraph.graph import StateGraph

class State(TypedDict, total=False):
    answer: str

async def work(state):
    try:
        raise OSError(os.environ["API_KEY"])
    except OSError as error:
        raise RuntimeError(f"{state['answer']}graph broke with {os.environ['API_KEY']}") from error

graph = StateGraph(State)
graph.add_node("work", work)
graph.set_entry_point("work")
graph.set_finish_point("work")
"""
AGENTS = """agents:
  worker: {kind: graph, graph: "graphs/work.py:graph"}
  thinker:
    model: openai:gpt-5-mini
    prompt: hello
    model_options: {api_key: "${secret:MODEL_KEY}"}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("API_KEY", KEY)
    monkeypatch.setenv("MODEL_KEY", MODEL_KEY)
    monkeypatch.setenv("OPENAI_PROXY", MODEL_KEY)  # is no address, so that the model cannot be made, and says why
    for name, text in {"tools/fetch.py": TOOLS, "graphs/work.py": GRAPH, "agents.yaml": AGENTS}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    caplog.set_level(logging.DEBUG, logger="toolcrib")
    yield caplog
    for secret in (KEY, MODEL_KEY):
        assert secret not in caplog.text


async def test_a_run_that_breaks_with_a_secret_tells_its_name(project: Path, heard: pytest.LogCaptureFixture) -> None:
    async with toolcrib.open(project) as crib:
        result = await crib.run("worker", {"answer": ""})
        streamed = [event async for event in crib.stream("worker", {"answer": ""})]
        ledger = await crib.recent_runs()
    assert result.error is not None
    assert result.error.message == "RuntimeError: graph broke with [secret:API_KEY]"
    assert streamed[-1].data["error"]["message"] == result.error.message
    assert [run.error for run in ledger] == [f"run_failed: {result.error.message}"] * 2
    assert "OSError: [secret:API_KEY]" in heard.text, "the log has the causes too"


@pytest.mark.usefixtures("heard")
async def test_a_secret_that_a_long_message_is_cut_in_is_gone_before(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        result = await crib.run("worker", {"answer": "x" * 1_975})
    assert result.error is not None
    assert "graph broke" in result.error.message
    assert KEY[:4] not in result.error.message


@pytest.mark.usefixtures("heard")
async def test_a_model_that_cannot_be_made_does_not_tell_the_key_it_was_given(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        result = await crib.run("thinker", "hello")
    assert result.error is not None
    assert result.error.code == "model_unavailable"
    assert "[secret:MODEL_KEY]" in result.error.message
    assert MODEL_KEY not in repr(result)


@pytest.mark.usefixtures("heard")
async def test_a_rejected_tree_is_told_without_secrets(project: Path) -> None:
    async with toolcrib.open(project) as crib:
        (project / "tools" / "more.py").write_text("import os\nraise RuntimeError(os.environ['MODEL_KEY'])\n")
        deployed = await crib.deploy()
        verified = await crib.verify()
        history = await crib.history()
    for reasons in (deployed.reasons, verified.reasons, history[0].reasons):
        assert [reason.message for reason in reasons] == ["RuntimeError: [secret:MODEL_KEY]"]


async def test_a_hook_that_fails_with_a_secret_is_logged_without_it(
    project: Path, heard: pytest.LogCaptureFixture
) -> None:
    def hook(event: Event) -> None:
        raise ValueError(f"cannot post {event.name} with {KEY}")

    async with toolcrib.open(project, hooks=(hook,)) as crib:
        assert (await crib.call("fetch")).value == "fetched"
    assert "with [secret:API_KEY]" in heard.text


async def test_the_hosts_own_log_is_kept_clean_by_the_filter_it_is_offered(project: Path) -> None:
    record = logging.makeLogRecord({"name": "the.host", "msg": "asking with %s", "args": (KEY,)})
    async with toolcrib.open(project) as crib:
        await crib.call("fetch")
        crib.secrets.log_filter.filter(record)
    assert record.getMessage() == "asking with [secret:API_KEY]"
