"""`toolcrib run` and `toolcrib call`."""

import asyncio
import json
import sys
from typing import Annotated, Any

import typer

from toolcrib.cli import output
from toolcrib.cli.backend import backend
from toolcrib.cli.exit_codes import FAILURE, NOT_FOUND, OK, UsageProblem
from toolcrib.cli.options import Common, JsonOption, ProjectOption, UrlOption
from toolcrib.cli.output import Json


def run(
    agent: Annotated[str, typer.Argument(help="The agent's name.")],
    question: Annotated[str, typer.Argument(help="What to ask; left out with --resume.")] = "",
    *,
    thread: Annotated[str, typer.Option(help="Continue this conversation.")] = "",
    tenant: Annotated[str, typer.Option(help="On whose behalf.")] = "",
    resume: Annotated[str, typer.Option(help="Answer, as JSON or text, for a run that waits on --thread.")] = "",
    stream: Annotated[bool, typer.Option("--stream", help="Show each step as it happens.")] = False,
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """Run an agent once and print its answer."""
    if not question and not resume:
        raise UsageProblem("There is nothing to ask.", hint=f'toolcrib run {agent} "your question"')
    body: Json = {"question": question or None, "thread_id": thread, "tenant": tenant}
    if resume:
        body["resume"] = _value(resume)
    options = Common(project=project, url=url, json=json)
    return asyncio.run(_run(agent, body, options, stream=stream))


def call(
    tool: Annotated[str, typer.Argument(help="The tool's name.")],
    args: Annotated[
        list[str] | None, typer.Argument(help="A JSON object, or name=value pairs, or - for JSON on stdin.")
    ] = None,
    *,
    tenant: Annotated[str, typer.Option(help="On whose behalf.")] = "",
    timeout_s: Annotated[float | None, typer.Option("--timeout", help="Seconds for this call.", min=0.001)] = None,
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """Call one tool and print its result."""
    given = arguments(args or [])
    options = Common(project=project, url=url, json=json)
    return asyncio.run(_call(tool, given, tenant, timeout_s, options))


def arguments(words: list[str]) -> Json:
    """The arguments of a call from the command line.

    Raises:
        UsageProblem: they are neither a JSON object nor name=value pairs.
    """
    if words == ["-"]:
        return _object(sys.stdin.read(), "stdin")
    if len(words) == 1 and words[0].lstrip().startswith(("{", "[", '"')):
        return _object(words[0], "the arguments")
    pairs: Json = {}
    for word in words:
        name, separator, value = word.partition("=")
        if not separator or not name.isidentifier():
            raise UsageProblem(
                f"{word!r} is no argument.",
                hint="""Write '{"name": value}' or name=value; see `toolcrib tools show`.""",
            )
        pairs[name] = _value(value)
    return pairs


async def _run(agent: str, body: Json, options: Common, *, stream: bool) -> int:
    async with backend(options) as source:
        result: Json = {}
        if not stream:
            result = await source.run(agent, body)
        else:
            async for event in source.stream(agent, body):
                if event["event"] == "run.finished":
                    result = event["data"]
                if options.json:
                    output.data(json.dumps(event, ensure_ascii=False))
                elif line := _step(event):
                    output.note(line)
        if options.json:
            if not stream:
                output.as_json(result)
        else:
            _show_answer(result, options)
        return OK if result.get("success") else FAILURE


async def _call(tool: str, args: Json, tenant: str, timeout_s: float | None, options: Common) -> int:
    async with backend(options) as source:
        result = await source.call(tool, args, tenant=tenant, timeout_s=timeout_s)
    if options.json:
        output.as_json(result)
    elif result["ok"]:
        output.data(output.plain(result["value"]))
    else:
        output.note(f"error: {result['error']['message']}")
        if result["error"]["hint"]:
            output.note(f"  fix: {result['error']['hint']}")
    if result["ok"]:
        return OK
    return NOT_FOUND if result["error"]["code"] == "tool_not_found" else FAILURE


def _show_answer(result: Json, options: Common) -> None:
    if result.get("error"):
        output.note(f"error: {result['error']['message']}")
        if result["error"]["hint"]:
            output.note(f"  fix: {result['error']['hint']}")
        return
    if result.get("interrupts"):
        output.note(f"The run waits for an answer on thread {result['thread_id']}:")
        for interrupt in result["interrupts"]:
            output.data(output.plain(interrupt))
        output.note("Answer it with --thread and --resume.")
        return
    output.data(output.plain(result.get("output")))
    tools = [step["tool"] for step in result.get("trace", []) if step["kind"] == "tool"]
    used = f", tools: {', '.join(tools)}" if tools else ""
    output.note(f"({result['execution_time_s']:.2f} s, {result['release']}{used})")


def _step(event: Json) -> str:
    data = event["data"]
    match event["event"]:
        case "run.started":
            return f"· run {data['run_id']} on {data['release']}"
        case "tool.started":
            return f"· {data['tool']}({', '.join(f'{k}={v!r}' for k, v in data['args'].items())})"
        case "tool.finished":
            mark = "✓" if data["ok"] else "✗"
            return f"  {mark} {data['tool']} {data['duration_s'] * 1000:.0f} ms"
        case _:
            return ""


def _value(text: str) -> Any:
    """JSON when it is JSON, else the text itself."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _object(text: str, where: str) -> Json:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        line = text.splitlines()[error.lineno - 1] if text.strip() else ""
        caret = f"\n  {line}\n  {' ' * (error.colno - 1)}^"
        raise UsageProblem(
            f"{where}:{error.lineno}:{error.colno}: no JSON: {error.msg}{caret}", hint="Give one JSON object."
        ) from error
    if not isinstance(value, dict):
        raise UsageProblem(f"{where} must be a JSON object, not {type(value).__name__}.", hint="e.g. '{\"a\": 1}'")
    return value
