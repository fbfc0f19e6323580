"""Events as data: small, JSON-ready, and without what may be secret."""

import json

import pytest

from toolcrib.core.events import (
    Deployed,
    Event,
    ModelFinished,
    NodeFinished,
    NodeStarted,
    ReleaseRetired,
    RestartNeeded,
    RunFinished,
    RunStarted,
    TaskFinished,
    TaskProgressed,
    TaskStarted,
    ToolFinished,
    ToolStarted,
)
from toolcrib.core.releases import ColdChange, Deployment
from toolcrib.core.results import RunResult, ToolResult

SECRET = "4111-1111"
EVENTS: tuple[tuple[str, Event], ...] = (
    ("tool.started", ToolStarted(tool="t", call_id="c", release="r", tenant="x")),
    ("tool.finished", ToolFinished(result=ToolResult(ok=True, value=SECRET, tool="t", artifact=SECRET), run_id="run")),
    ("run.started", RunStarted(run_id="run", thread_id="th", agent="a", release="r")),
    (
        "run.finished",
        RunFinished(
            result=RunResult(output=SECRET, success=True, trace=({"args": SECRET},), interrupts=(SECRET,)), agent="a"
        ),
    ),
    ("model.finished", ModelFinished(model="m", outcome="ok", attempts=1, duration_s=0.5, release="r")),
    ("node.started", NodeStarted(node="n", run_id="run", thread_id="th", agent="a", release="r")),
    (
        "node.finished",
        NodeFinished(node="n", run_id="run", thread_id="th", agent="a", release="r", outcome="ok", duration_s=0.5),
    ),
    ("task.started", TaskStarted(task="1", tool="t", release="r", tenant="x")),
    ("task.progress", TaskProgressed(task="1", tool="t", progress=0.5, message="half")),
    ("task.finished", TaskFinished(task="1", tool="t", state="succeeded", release="r")),
    ("deployment.finished", Deployed(deployment=Deployment(state="active", release="r"))),
    ("restart.needed", RestartNeeded(changes=(ColdChange(kind="environment", file=".env"),))),
    ("release.retired", ReleaseRetired(release="r", modules=3)),
)


@pytest.mark.parametrize(("name", "event"), EVENTS, ids=[name for name, _ in EVENTS])
def test_an_event_has_a_name_and_data_without_arguments_and_results(name: str, event: Event) -> None:
    assert event.name == name
    text = json.dumps(event.to_dict())
    assert SECRET not in text
    assert len(event.to_dict()) >= 2


def test_the_end_of_a_call_tells_everything_but_its_value_and_where_that_is() -> None:
    result = ToolResult(ok=True, value=1, attempts=2, tool="t", release="r", call_id="c", artifact="art_1")
    data = ToolFinished(result=result, run_id="run", agent="a", tenant="x").to_dict()
    assert data == {key: value for key, value in result.to_dict().items() if key not in ("value", "artifact")} | {
        "run_id": "run",
        "thread_id": "",
        "agent": "a",
        "tenant": "x",
    }
