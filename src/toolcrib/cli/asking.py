"""`toolcrib run` and `toolcrib call`."""

import json
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

import typer

from toolcrib.cli import output
from toolcrib.cli.backend import Backend, ask
from toolcrib.cli.exit_codes import FAILURE, OK, UsageProblem
from toolcrib.cli.options import Common, JsonOption, ProjectOption, UrlOption
from toolcrib.cli.output import Json
from toolcrib.core.redaction import Masks, hides, redact_result, texts_of

DOCUMENT = ("{", "[", '"')
UserOption = Annotated[
    str, typer.Option(help="The user within the tenant, for experiments that go by user.", show_default=False)
]
TYPES: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {
        "integer": (int,),
        "number": (int, float),
        "boolean": (bool,),
        "null": (type(None),),
        "object": (dict,),
        "array": (list,),
        "string": (str,),
    }
)


def run(
    agent: Annotated[str, typer.Argument(help="The agent's name.")],
    question: Annotated[
        str, typer.Argument(help="What to ask; left out with --input and --resume.", show_default=False)
    ] = "",
    *,
    given: Annotated[
        str | None, typer.Option("--input", help="Instead of a question: a graph's state as JSON, or - for stdin.")
    ] = None,
    thread: Annotated[str, typer.Option(help="Continue this conversation.")] = "",
    tenant: Annotated[str, typer.Option(help="On whose behalf.")] = "",
    user: UserOption = "",
    resume: Annotated[
        str | None, typer.Option(help="Instead of a question: the answer, JSON or text, for what waits on --thread.")
    ] = None,
    tier: Annotated[
        Literal["simple", "medium", "complex"] | None,
        typer.Option(help="Which of the agent's models to ask; its route decides by default."),
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Show each step as it happens.")] = False,
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """Run an agent once and print its answer."""
    asked = {"a question": question or None, "--input": given, "--resume": resume}
    said = [name for name, value in asked.items() if value is not None]
    if not said:
        raise UsageProblem("There is nothing to ask.", hint=f'toolcrib run {agent} "your question"')
    if len(said) > 1:
        raise UsageProblem(
            f"A run takes one of {', '.join(asked)}; here are {' and '.join(said)}.", hint="Leave one out."
        )
    if resume is not None and not thread:
        raise UsageProblem("Which thread waits for this answer?", hint="Add --thread; the run that waits told its id.")
    body: Json = {"question": question or None, "thread_id": thread, "tenant": tenant, "user": user}
    if tier is not None:
        body["tier"] = tier
    if given is not None:
        body["input"] = _input(given)
    if resume is not None:
        body["resume"] = _value(resume)
    options = Common(project=project, url=url, json=json)
    return ask(options, lambda source: _run(source, agent, body, options, stream=stream))


def call(
    tool: Annotated[str, typer.Argument(help="The tool's name.")],
    args: Annotated[
        list[str] | None, typer.Argument(help="A JSON object, or name=value pairs, or - for JSON on stdin.")
    ] = None,
    *,
    tenant: Annotated[str, typer.Option(help="On whose behalf.")] = "",
    user: UserOption = "",
    timeout_s: Annotated[float | None, typer.Option("--timeout", help="Seconds for this call.", min=0.001)] = None,
    project: ProjectOption = None,
    url: UrlOption = "",
    json: JsonOption = False,
) -> int:
    """Call one tool and print its result."""
    words = args or []
    given = arguments(words)
    options = Common(project=project, url=url, json=json)

    async def called(source: Backend) -> Json:
        texts = {name: text for name, text in _pairs(words).items() if given[name] != text}
        if texts:
            schema = (await source.tool(tool, tenant=tenant, user=user))["args_schema"]
            given.update((name, text) for name, text in texts.items() if wants_text(schema, name, given[name]))
        result = await source.call(tool, given, tenant=tenant, user=user, timeout_s=timeout_s)
        return await _shown(source, result, given, {"tenant": tenant, "user": user}) if result["ok"] else result

    return _show_result(ask(options, called), options)


def arguments(words: list[str]) -> Json:
    """The arguments of a call from the command line; values of pairs as JSON where they are.

    Raises:
        UsageProblem: they are neither a JSON object nor name=value pairs.
    """
    if words == ["-"]:
        return _object(_stdin(), "stdin")
    if len(words) == 1 and words[0].lstrip().startswith(DOCUMENT):
        return _object(words[0], "the arguments")
    return {name: _value(text) for name, text in _pairs(words).items()}


def wants_text(schema: Json, name: str, value: Any) -> bool:
    """Whether an argument is text for this tool although it reads as another JSON value, e.g. `id=42`."""
    one = schema.get("properties", {}).get(name, {})
    kinds = {kind.get("type") for kind in (one, *one.get("anyOf", ()))}
    return "string" in kinds and not any(isinstance(value, TYPES[kind]) for kind in kinds & TYPES.keys())


def _pairs(words: list[str]) -> dict[str, str]:
    """Name -> text as written; none for a JSON document."""
    pairs: dict[str, str] = {}
    if words == ["-"] or (len(words) == 1 and words[0].lstrip().startswith(DOCUMENT)):
        return pairs
    for word in words:
        name, separator, value = word.partition("=")
        if not separator or not name.isidentifier():
            raise UsageProblem(
                f"{word!r} is no argument.",
                hint="""Write '{"name": value}' or name=value; see `toolcrib tools show`.""",
            )
        if name in pairs:
            raise UsageProblem(f"{name} is given twice.", hint="Give it once; a list is one value: name='[1, 2]'.")
        pairs[name] = value
    return pairs


async def _run(source: Backend, agent: str, body: Json, options: Common, *, stream: bool) -> int:
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


def _show_result(result: Json, options: Common) -> int:
    if options.json:
        output.as_json(result)
    elif result["ok"]:
        output.data(output.plain(result["value"]))
    else:
        output.note(f"error: {result['error']['message']}")
        if result["error"]["hint"]:
            output.note(f"  fix: {result['error']['hint']}")
    return OK if result["ok"] else FAILURE


async def _shown(source: Backend, result: Json, args: Json, caller: dict[str, str]) -> Json:
    """A good result as people may see it: a terminal's lines stand in scrollbacks and in the logs of builds."""
    answered = await source.tool(result["tool"], **caller)
    sensitive = Masks(**answered.get("sensitive", {}))
    if hides(sensitive.args) or hides(sensitive.result):
        return redact_result(result, sensitive.result, texts_of(args, sensitive.args))
    return result


def _show_answer(result: Json, options: Common) -> None:
    if result.get("error"):
        output.note(f"error: {result['error']['message']}")
        if result["error"]["hint"]:
            output.note(f"  fix: {result['error']['hint']}")
        if result.get("output") is not None:  # what the agent says in that case
            output.data(output.plain(result["output"]))
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
    arms = "".join(f", {name}:{variant}" for name, variant in result.get("variants", {}).items())
    output.note(f"({result['execution_time_s']:.2f} s, {result['release']}{used}{arms})")


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
        case "model.failed":
            times = "once" if data["attempts"] == 1 else f"{data['attempts']} times"
            return f"  ✗ {data['model']}, asked {times}: {data['error']}"
        case _:
            return ""


def _value(text: str) -> Any:
    """JSON when it is JSON, else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _input(text: str) -> Any:
    """A graph's state, or a list of messages."""
    if text == "-":
        return _parsed(_stdin(), "stdin", (dict, list))
    return _parsed(text, "--input", (dict, list))


def _stdin() -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        raise UsageProblem(f"stdin is not {error.encoding}.", hint="Send the JSON as UTF-8.") from error


def _object(text: str, where: str) -> Json:
    value: Json = _parsed(text, where, (dict,))
    return value


def _parsed(text: str, where: str, kinds: tuple[type, ...]) -> Any:
    """JSON of one of these kinds."""
    try:
        value = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        line = error.doc.split("\n")[error.lineno - 1]
        caret = f"\n  {line}\n  {' ' * (error.colno - 1)}^"
        raise UsageProblem(
            f"{where}:{error.lineno}:{error.colno}: no JSON: {error.msg}{caret}", hint="Give one JSON object."
        ) from error
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, thousands of brackets
        raise UsageProblem(f"{where} cannot be read: {error}", hint="Give one JSON object.") from error
    if not isinstance(value, kinds):
        raise UsageProblem(f"{where} must be a JSON object, not {type(value).__name__}.", hint="e.g. '{\"a\": 1}'")
    return value
